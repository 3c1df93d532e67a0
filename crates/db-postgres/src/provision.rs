//! Making, marking, limiting, locking, renaming and dropping: the statements that change the server.
//!
//! Read top to bottom: what is there ([`Found`]) · the steps and their undoing · what is done to a tenancy that is complete.

use std::time::Duration;

use bnna_db_engine::provision::refuse_foreign;
use bnna_db_engine::{
    Applied, EngineKind, Error, Limits, LimitsApplied, Lock, Marker, Password, Presence, Standing, StepOutcome, Suffix,
    Tenancy,
};
use tokio_postgres::types::Type;

use crate::scram;
use crate::session::{Connection, value};
use crate::visitor;

/// How often sessions are looked for after they were told to end, and for how long.
const END_EVERY: Duration = Duration::from_millis(25);
const END_TRIES: u32 = 200;

/// What the catalogue says about a tenancy, and about the one who asks.
struct Found {
    database: Option<FoundDatabase>,
    user: Option<FoundUser>,
    we_are_superuser: bool,
}

struct FoundDatabase {
    comment: Option<String>,
    owner: String,
    open: bool,
}

struct FoundUser {
    comment: Option<String>,
    can_log_in: bool,
}

/// One round trip.
const FIND: &str = "\
    SELECT 'database', pg_get_userbyid(datdba)::text, shobj_description(oid, 'pg_database'), datallowconn \
      FROM pg_database WHERE datname = $1 \
    UNION ALL SELECT 'user', rolname::text, shobj_description(oid, 'pg_authid'), rolcanlogin FROM pg_roles WHERE rolname = $2 \
    UNION ALL SELECT 'we', rolname::text, NULL, rolsuper FROM pg_roles WHERE rolname = current_user";

async fn find(admin: &Connection, tenancy: &Tenancy) -> Result<Found, Error> {
    let (database, user) = (tenancy.database.as_str(), tenancy.user.as_str());
    let mut found = Found { database: None, user: None, we_are_superuser: false };
    for row in admin.read(FIND, &[(&database, Type::TEXT), (&user, Type::TEXT)]).await? {
        let (kind, owner, comment): (&str, String, Option<String>) =
            (value(&row, 0)?, value(&row, 1)?, value(&row, 2)?);
        let flag: bool = value(&row, 3)?;
        match kind {
            "database" => found.database = Some(FoundDatabase { comment, owner, open: flag }),
            "user" => found.user = Some(FoundUser { comment, can_log_in: flag }),
            _ => found.we_are_superuser = flag,
        }
    }
    Ok(found)
}

impl Found {
    fn user_presence(&self, tenancy: &Tenancy) -> Presence {
        self.user.as_ref().map_or(Presence::Absent, |user| tenancy.presence_of(user.comment.as_deref()))
    }

    /// A database that belongs to our user is ours, whatever comment its owner has put on it since; any other goes by its comment.
    /// One that is still closed was cut off while it was made or dropped.
    fn database_presence(&self, tenancy: &Tenancy) -> Presence {
        let Some(database) = &self.database else { return Presence::Absent };
        let our_owner = database.owner == tenancy.user.as_str() && self.user_presence(tenancy) == Presence::Ours;
        match tenancy.presence_of(database.comment.as_deref()) {
            Presence::Foreign { .. } | Presence::Ours if our_owner && !database.open => Presence::Unfinished,
            Presence::Foreign { .. } if our_owner => Presence::Ours,
            Presence::Ours if !database.open => Presence::Unfinished,
            presence => presence,
        }
    }

    fn standing(&self, tenancy: &Tenancy) -> Standing {
        Standing { database: self.database_presence(tenancy), user: self.user_presence(tenancy) }
    }
}

pub(crate) async fn inspect(admin: &Connection, tenancy: &Tenancy) -> Result<Standing, Error> {
    Ok(find(admin, tenancy).await?.standing(tenancy))
}

fn text(text: &str) -> String {
    EngineKind::Postgres.quote_text(text)
}

fn database_words(tenancy: &Tenancy) -> String {
    format!("database {}", tenancy.database)
}

fn user_words(tenancy: &Tenancy) -> String {
    format!("user {}", tenancy.user)
}

fn password_literal(password: &Password) -> Result<String, Error> {
    Ok(text(&scram::verifier(password).map_err(|error| Error::refused(error.to_string()))?))
}

/// The role and its marker in one transaction. An administrator that is no superuser joins it, to act for it later.
pub(crate) async fn make_user(
    admin: &Connection,
    tenancy: &Tenancy,
    password: &Password,
) -> Result<StepOutcome, Error> {
    let found = find(admin, tenancy).await?;
    let user = tenancy.user.quoted();
    let verifier = password_literal(password)?;
    let presence = found.user_presence(tenancy);
    refuse_foreign("user", tenancy.user.as_str(), &presence)?;
    if presence != Presence::Absent {
        let sql = format!("ALTER ROLE {user} PASSWORD {verifier}");
        admin.change("set the password", &user_words(tenancy), &sql).await?;
        return Ok(StepOutcome::AlreadySo);
    }
    create_user(admin, tenancy, &verifier, found.we_are_superuser).await?;
    Ok(StepOutcome::Done)
}

async fn create_user(admin: &Connection, tenancy: &Tenancy, verifier: &str, superuser: bool) -> Result<(), Error> {
    let user = tenancy.user.quoted();
    let mut sql = format!(
        "CREATE ROLE {user} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {verifier}; COMMENT ON ROLE {user} IS {};",
        text(&tenancy.marker_text())
    );
    if !superuser {
        sql.push_str(&format!(" GRANT {user} TO CURRENT_USER;"));
    }
    admin.change("create the user", &user_words(tenancy), &sql).await
}

/// Both steps on one session, with one look before.
pub(crate) async fn make_at_once(admin: &Connection, tenancy: &Tenancy, password: &Password) -> Result<bool, Error> {
    let found = find(admin, tenancy).await?;
    if !found.standing(tenancy).is_absent() {
        return Ok(false);
    }
    create_user(admin, tenancy, &password_literal(password)?, found.we_are_superuser).await?;
    create_closed(admin, tenancy).await?;
    close_to_others(admin, tenancy).await?;
    Ok(true)
}

/// The database, closed; then in one transaction nobody's but its user's, marked, and open.
pub(crate) async fn make_database(admin: &Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let found = find(admin, tenancy).await?;
    let presence = found.database_presence(tenancy);
    refuse_foreign("database", tenancy.database.as_str(), &presence)?;
    if presence == Presence::Ours {
        return Ok(StepOutcome::AlreadySo);
    }
    if found.user_presence(tenancy) != Presence::Ours {
        return Err(Error::Missing { what: user_words(tenancy) });
    }
    if presence == Presence::Absent {
        create_closed(admin, tenancy).await?;
    }
    close_to_others(admin, tenancy).await?;
    Ok(StepOutcome::Done)
}

async fn create_closed(admin: &Connection, tenancy: &Tenancy) -> Result<(), Error> {
    let (database, user) = (tenancy.database.quoted(), tenancy.user.quoted());
    let sql =
        format!("CREATE DATABASE {database} OWNER {user} TEMPLATE template0 ENCODING 'UTF8' ALLOW_CONNECTIONS false");
    admin.change("create the database", &database_words(tenancy), &sql).await
}

async fn close_to_others(admin: &Connection, tenancy: &Tenancy) -> Result<(), Error> {
    let (database, user) = (tenancy.database.quoted(), tenancy.user.quoted());
    let sql = format!(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC; GRANT ALL ON DATABASE {database} TO {user}; \
         COMMENT ON DATABASE {database} IS {}; ALTER DATABASE {database} ALLOW_CONNECTIONS true;",
        text(&tenancy.marker_text())
    );
    admin.change("close the database to others", &database_words(tenancy), &sql).await
}

pub(crate) async fn drop_user(admin: &Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let presence = find(admin, tenancy).await?.user_presence(tenancy);
    refuse_foreign("user", tenancy.user.as_str(), &presence)?;
    if presence == Presence::Absent {
        return Ok(StepOutcome::AlreadySo);
    }
    visitor::remove_left_behind(admin, tenancy).await?;
    let user = tenancy.user.quoted();
    admin.change("lock the user", &user_words(tenancy), &format!("ALTER ROLE {user} NOLOGIN")).await?;
    end_sessions(admin, tenancy).await?;
    let sql = format!("DROP OWNED BY {user}; DROP ROLE {user}");
    admin.change("drop the user", &user_words(tenancy), &sql).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn drop_database(admin: &Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let presence = find(admin, tenancy).await?.database_presence(tenancy);
    refuse_foreign("database", tenancy.database.as_str(), &presence)?;
    if presence == Presence::Absent {
        return Ok(StepOutcome::AlreadySo);
    }
    let (database, what) = (tenancy.database.quoted(), database_words(tenancy));
    let sql = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false");
    admin.change("close the database", &what, &sql).await?;
    end_sessions(admin, tenancy).await?;
    let dropped = admin.change("drop the database", &what, &format!("DROP DATABASE {database} WITH (FORCE)")).await;
    if let Err(refused @ (Error::InUse { .. } | Error::LacksRight { .. })) = dropped {
        // It stays, so it opens again: a tenant is not locked out by a drop that did not happen.
        let sql = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true");
        admin.change("open the database", &what, &sql).await?;
        return Err(refused);
    }
    dropped?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn drop_tenancy(admin: &Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let standing = inspect(admin, tenancy).await?;
    refuse_foreign("database", tenancy.database.as_str(), &standing.database)?;
    refuse_foreign("user", tenancy.user.as_str(), &standing.user)?;
    let database = drop_database(admin, tenancy).await?;
    let user = drop_user(admin, tenancy).await?;
    Ok(if (database, user) == (StepOutcome::AlreadySo, StepOutcome::AlreadySo) {
        StepOutcome::AlreadySo
    } else {
        StepOutcome::Done
    })
}

/// Ends all sessions in the database and of the user, and waits until they are gone.
async fn end_sessions(admin: &Connection, tenancy: &Tenancy) -> Result<(), Error> {
    let (database, user) = (tenancy.database.as_str(), tenancy.user.as_str());
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE (datname = $1 OR usename = $2) AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    for _ in 0..END_TRIES {
        if admin.read(sql, &[(&database, Type::TEXT), (&user, Type::TEXT)]).await?.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(END_EVERY).await;
    }
    Err(Error::InUse { what: database_words(tenancy), text: "its sessions do not end".to_owned() })
}

/// What must be there and ours before anything is done to it.
async fn ours(admin: &Connection, tenancy: &Tenancy) -> Result<Found, Error> {
    let found = find(admin, tenancy).await?;
    let standing = found.standing(tenancy);
    refuse_foreign("database", tenancy.database.as_str(), &standing.database)?;
    refuse_foreign("user", tenancy.user.as_str(), &standing.user)?;
    if standing.user == Presence::Absent {
        return Err(Error::Missing { what: user_words(tenancy) });
    }
    if standing.database == Presence::Absent {
        return Err(Error::Missing { what: database_words(tenancy) });
    }
    Ok(found)
}

pub(crate) async fn require_ours(admin: &Connection, tenancy: &Tenancy) -> Result<(), Error> {
    ours(admin, tenancy).await.map(|_| ())
}

/// The marker above the comment that is there, which is kept.
pub(crate) async fn adopt(admin: &Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let found = find(admin, tenancy).await?;
    let (Some(database), Some(user)) = (&found.database, &found.user) else {
        let what = if found.database.is_none() { database_words(tenancy) } else { user_words(tenancy) };
        return Err(Error::Missing { what });
    };
    for (thing, name, comment) in
        [("database", tenancy.database.as_str(), &database.comment), ("user", tenancy.user.as_str(), &user.comment)]
    {
        if let presence @ Presence::Foreign { owner: Some(_) } = tenancy.presence_of(comment.as_deref()) {
            refuse_foreign(thing, name, &presence)?;
        }
    }
    if found.standing(tenancy).is_complete() {
        return Ok(StepOutcome::AlreadySo);
    }
    let marked = |comment: &Option<String>| match comment {
        Some(comment) if Marker::read(comment).is_some() => text(comment),
        Some(comment) => text(&format!("{}\n{comment}", tenancy.marker_text())),
        None => text(&tenancy.marker_text()),
    };
    let mut sql = format!(
        "COMMENT ON DATABASE {} IS {}; COMMENT ON ROLE {} IS {};",
        tenancy.database.quoted(),
        marked(&database.comment),
        tenancy.user.quoted(),
        marked(&user.comment)
    );
    if !found.we_are_superuser {
        sql.push_str(&format!(" GRANT {} TO CURRENT_USER;", tenancy.user.quoted()));
    }
    admin.change("mark the database", &database_words(tenancy), &sql).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn forget(admin: &Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let found = find(admin, tenancy).await?;
    let mut sql = String::new();
    if let Some(database) = &found.database
        && let Some(comment) = &database.comment
        && tenancy.presence_of(Some(comment)) == Presence::Ours
    {
        let below = text(Marker::comment_below(comment));
        sql.push_str(&format!("COMMENT ON DATABASE {} IS {below};", tenancy.database.quoted()));
    }
    if let Some(comment) = found.user.as_ref().and_then(|user| user.comment.as_ref())
        && tenancy.presence_of(Some(comment)) == Presence::Ours
    {
        let below = text(Marker::comment_below(comment));
        sql.push_str(&format!("COMMENT ON ROLE {} IS {below};", tenancy.user.quoted()));
    }
    if sql.is_empty() {
        return Ok(StepOutcome::AlreadySo);
    }
    admin.change("take the mark off", &database_words(tenancy), &sql).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn reset_password(admin: &Connection, tenancy: &Tenancy, password: &Password) -> Result<(), Error> {
    ours(admin, tenancy).await?;
    let sql = format!("ALTER ROLE {} PASSWORD {}", tenancy.user.quoted(), password_literal(password)?);
    admin.change("set the password", &user_words(tenancy), &sql).await
}

pub(crate) async fn set_limits(admin: &Connection, tenancy: &Tenancy, limits: Limits) -> Result<LimitsApplied, Error> {
    ours(admin, tenancy).await?;
    let user = tenancy.user.quoted();
    let connections = limits.connections.map_or(-1, |most| i64::from(most.min(i32::MAX.unsigned_abs())));
    let timeout = match limits.statement_timeout {
        None => format!("ALTER ROLE {user} RESET statement_timeout"),
        Some(limit) => {
            let milliseconds = limit.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
            format!("ALTER ROLE {user} SET statement_timeout = {milliseconds}")
        }
    };
    let sql = format!("ALTER ROLE {user} CONNECTION LIMIT {connections}; {timeout}");
    admin.change("set limits", &user_words(tenancy), &sql).await?;
    Ok(LimitsApplied { connections: Applied::Enforced, statement_timeout: Applied::Default })
}

pub(crate) async fn set_lock(admin: &Connection, tenancy: &Tenancy, lock: Lock) -> Result<StepOutcome, Error> {
    let found = ours(admin, tenancy).await?;
    let was = if found.user.is_some_and(|user| user.can_log_in) { Lock::Unlocked } else { Lock::Locked };
    let word = if lock == Lock::Locked { "NOLOGIN" } else { "LOGIN" };
    let sql = format!("ALTER ROLE {} {word}", tenancy.user.quoted());
    admin.change("lock or unlock the user", &user_words(tenancy), &sql).await?;
    if lock == Lock::Locked {
        end_sessions(admin, tenancy).await?;
    }
    Ok(if was == lock { StepOutcome::AlreadySo } else { StepOutcome::Done })
}

/// Locks the user, ends the sessions, and renames both in one transaction.
pub(crate) async fn rename(admin: &Connection, tenancy: &Tenancy, suffix: &Suffix) -> Result<Tenancy, Error> {
    let renamed = tenancy.with_suffix(suffix).map_err(|error| Error::refused(error.to_string()))?;
    let before = inspect(admin, &renamed).await?;
    let old = inspect(admin, tenancy).await?;
    if before.is_complete() && old.is_absent() {
        return Ok(renamed);
    }
    refuse_foreign("database", renamed.database.as_str(), &before.database)?;
    refuse_foreign("user", renamed.user.as_str(), &before.user)?;
    if !before.is_absent() {
        return Err(Error::Exists { what: database_words(&renamed) });
    }
    set_lock(admin, tenancy, Lock::Locked).await?;
    visitor::remove_left_behind(admin, tenancy).await?;
    let sql = format!(
        "ALTER DATABASE {old} RENAME TO {new}; ALTER ROLE {old_user} RENAME TO {new_user}; \
         COMMENT ON DATABASE {new} IS {marker}; COMMENT ON ROLE {new_user} IS {marker};",
        old = tenancy.database.quoted(),
        new = renamed.database.quoted(),
        old_user = tenancy.user.quoted(),
        new_user = renamed.user.quoted(),
        marker = text(&renamed.marker_text()),
    );
    admin.change("rename the database", &database_words(tenancy), &sql).await?;
    Ok(renamed)
}
