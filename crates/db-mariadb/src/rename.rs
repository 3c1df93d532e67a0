//! Renaming: MariaDB renames tables and users, not databases.
//!
//! A database of tables only is moved by `RENAME TABLE`, which takes no time and no space. One with views, routines, triggers or
//! events is copied and compared, because those belong to a database and cannot be moved; their text stays as it is. In every order
//! of the steps both databases carry our marker, so that a rename that was cut off goes on where it stopped.

use bnna_db_engine::provision::refuse_foreign;
use bnna_db_engine::{EngineKind, Error, Presence, Suffix, Target, Tenancy, compare};

use crate::provision::{account, database_words, end_sessions, inspect, pattern, text, user_words};
use crate::session::Connection;
use crate::transfer;

/// Tables moved in one statement.
const TABLES_AT_ONCE: usize = 200;

pub(crate) async fn rename(
    admin: &mut Connection,
    target: &Target,
    tenancy: &Tenancy,
    suffix: &Suffix,
) -> Result<Tenancy, Error> {
    let renamed = tenancy.with_suffix(suffix).map_err(|error| Error::refused(error.to_string()))?;
    let (old, new) = (inspect(admin, tenancy).await?, inspect(admin, &renamed).await?);
    if new.is_complete() && old.is_absent() {
        return Ok(renamed);
    }
    for (tenancy, standing) in [(tenancy, &old), (&renamed, &new)] {
        refuse_foreign("database", tenancy.database.as_str(), &standing.database)?;
        refuse_foreign("user", tenancy.user.as_str(), &standing.user)?;
    }
    if old.database == Presence::Absent {
        return Err(Error::Missing { what: database_words(tenancy) });
    }
    match (old.user == Presence::Absent, new.user == Presence::Absent) {
        (true, true) => return Err(Error::Missing { what: user_words(tenancy) }),
        (false, false) => return Err(Error::Exists { what: user_words(&renamed) }),
        // The user goes last: all data was moved before, only the empty old database is left.
        (true, false) => {}
        (false, true) => {
            let sql = format!("ALTER USER {} ACCOUNT LOCK", account(tenancy));
            admin.change("lock the user", &user_words(tenancy), &sql).await?;
            end_sessions(admin, tenancy).await?;
            move_data(admin, target, tenancy, &renamed, new.database == Presence::Absent).await?;
            move_user(admin, tenancy, &renamed).await?;
        }
    }
    let sql = format!("DROP DATABASE {}", tenancy.database.quoted());
    admin.change("drop the old name", &database_words(tenancy), &sql).await?;
    Ok(renamed)
}

async fn move_data(
    admin: &mut Connection,
    target: &Target,
    old: &Tenancy,
    new: &Tenancy,
    first: bool,
) -> Result<(), Error> {
    let by_copy = transfer::has_definers(admin, old).await?;
    if by_copy && !first {
        // What a copy that was cut off left behind is still all in the old database.
        let sql = format!("DROP DATABASE {}", new.database.quoted());
        admin.change("begin the copy again", &database_words(new), &sql).await?;
    }
    if by_copy || first {
        make_alike(admin, old, new).await?;
    }
    let limit = target.timeouts.transfer;
    if by_copy {
        let secrets = transfer::private_directory()?;
        let dump = transfer::dump_tool(target, old, secrets.path())?;
        dump.pipe(transfer::restore_tool(target, new, secrets.path())?, limit).await?;
        let (here, there) = (transfer::digest(admin, old, limit).await?, transfer::digest(admin, new, limit).await?);
        compare(&here, &there)?;
        return Ok(());
    }
    let names = transfer::tables(admin, old, "").await?;
    let quoted = |tenancy: &Tenancy, name: &str| {
        format!("{}.{}", tenancy.database.quoted(), EngineKind::MariaDb.quote_identifier(name))
    };
    for some in names.chunks(TABLES_AT_ONCE) {
        let pairs: Vec<String> =
            some.iter().map(|name| format!("{} TO {}", quoted(old, name), quoted(new, name))).collect();
        let sql = format!("RENAME TABLE {}", pairs.join(", "));
        admin.change_within(limit, "move the tables", &database_words(old), &sql).await?;
    }
    Ok(())
}

/// The new database with the old one's character set, marked.
async fn make_alike(admin: &mut Connection, old: &Tenancy, new: &Tenancy) -> Result<(), Error> {
    let sql = format!(
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE BINARY schema_name = {}",
        text(old.database.as_str())
    );
    let rows: Vec<(String, String)> = admin.read(&sql).await?;
    let (characters, collation) =
        rows.into_iter().next().ok_or_else(|| Error::Missing { what: database_words(old) })?;
    let sql = format!(
        "CREATE DATABASE {} CHARACTER SET {characters} COLLATE {collation} COMMENT {}",
        new.database.quoted(),
        text(&new.marker_text())
    );
    admin.change("create the new name", &database_words(new), &sql).await
}

/// Rights in the new database, then the new name, which carries all rights along, then no rights in the old database.
async fn move_user(admin: &mut Connection, old: &Tenancy, new: &Tenancy) -> Result<(), Error> {
    let what = user_words(old);
    let sql = format!("GRANT ALL PRIVILEGES ON {}.* TO {}", pattern(new), account(old));
    admin.change("grant the rights", &what, &sql).await?;
    admin.change("rename the user", &what, &format!("RENAME USER {} TO {}", account(old), account(new))).await?;
    let sql = format!("REVOKE ALL PRIVILEGES ON {}.* FROM {}", pattern(old), account(new));
    match admin.change("revoke the rights", &what, &sql).await {
        // There were none: an adopted user.
        Err(Error::Missing { .. }) => Ok(()),
        revoked => revoked,
    }
}
