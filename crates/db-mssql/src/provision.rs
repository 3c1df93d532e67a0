//! Making, marking, locking, renaming and dropping: the statements that change the server.
//!
//! Order: the database first, with the marker that names the login; then the login; then its rights. Dropped the other way round.

use std::time::Duration;

use bnna_db_engine::provision::refuse_foreign;
use bnna_db_engine::{
    Applied, Error, LimitsApplied, Lock, Marker, Password, Presence, Standing, StepOutcome, Suffix, Target, Tenancy,
};

use crate::session::{self, Connection, MASTER};
use crate::statements as sql;

/// How often sessions are looked for after they were told to end, and for how long.
const END_EVERY: Duration = Duration::from_millis(50);
const END_TRIES: u32 = 100;

/// What the catalogue says about a tenancy.
#[derive(Debug, Default)]
struct Found {
    /// The database's owner, when it exists.
    database: Option<String>,
    /// Whether the login may log in, when it exists.
    login: Option<bool>,
    /// The marker's text.
    marker: Option<String>,
    /// Whether the database holds tables.
    has_tables: bool,
    /// Whether the login has all rights in the database.
    granted: bool,
}

pub(crate) fn database_words(tenancy: &Tenancy) -> String {
    format!("database {}", tenancy.database)
}

fn user_words(tenancy: &Tenancy) -> String {
    format!("login {}", tenancy.user)
}

fn cell(row: &[Option<String>], position: usize) -> Option<&str> {
    row.get(position).and_then(Option::as_deref)
}

async fn find(target: &Target, tenancy: &Tenancy) -> Result<Found, Error> {
    let mut found = Found::default();
    for row in session::admin(target, MASTER).await?.read(&sql::find(tenancy)).await? {
        match cell(&row, 0) {
            Some("database") => found.database = Some(cell(&row, 3).unwrap_or_default().to_owned()),
            Some("login") => found.login = Some(cell(&row, 2) != Some("0")),
            _ => {}
        }
    }
    let Some(owner) = &found.database else { return Ok(found) };
    found.granted = owner == tenancy.user.as_str();
    let mut inside = session::admin(target, tenancy.database.as_str()).await?;
    found.marker = read_marker(&mut inside).await?;
    let tables = inside.read(&sql::count_tables()).await?;
    found.has_tables = tables.first().and_then(|row| cell(row, 0)) != Some("0");
    if !found.granted {
        // An engine without these views knows no membership either.
        let members = answer_or_nothing(inside.read(&sql::is_member(tenancy)).await)?;
        found.granted = members.first().and_then(|row| cell(row, 0)).is_some_and(|count| count != "0");
    }
    Ok(found)
}

/// What an engine does not have is no row; a lost connection stays an error.
fn answer_or_nothing(read: Result<Vec<bnna_db_engine::TextRow>, Error>) -> Result<Vec<bnna_db_engine::TextRow>, Error> {
    match read {
        Err(Error::Other { .. } | Error::Missing { .. } | Error::LacksRight { .. }) => Ok(Vec::new()),
        read => read,
    }
}

/// The extended property, or the table that stands for it.
pub(crate) async fn read_marker(inside: &mut Connection) -> Result<Option<String>, Error> {
    for statement in [sql::read_marker(), sql::read_marker_table()] {
        let rows = answer_or_nothing(inside.read(&statement).await)?;
        if let Some(text) = rows.first().and_then(|row| cell(row, 0)) {
            return Ok(Some(text.to_owned()));
        }
    }
    Ok(None)
}

impl Found {
    fn standing(&self, tenancy: &Tenancy) -> Standing {
        let database = match (&self.database, &self.marker) {
            (None, _) => Presence::Absent,
            (Some(_), Some(marker)) => tenancy.presence_of(Some(marker)),
            // Cut off between the two statements that make and mark it: nothing is in it and nobody may enter it.
            (Some(_), None) if !self.has_tables && self.login.is_none() => Presence::Unfinished,
            (Some(_), None) => Presence::Foreign { owner: None },
        };
        let user = match (self.login, &database) {
            (None, _) => Presence::Absent,
            (Some(_), Presence::Ours) if self.granted => Presence::Ours,
            (Some(_), Presence::Ours) => Presence::Unfinished,
            (Some(_), Presence::Foreign { owner }) => Presence::Foreign { owner: owner.clone() },
            (Some(_), _) => Presence::Foreign { owner: None },
        };
        Standing { database, user }
    }
}

pub(crate) async fn inspect(target: &Target, tenancy: &Tenancy) -> Result<Standing, Error> {
    Ok(find(target, tenancy).await?.standing(tenancy))
}

fn refuse_foreign_parts(tenancy: &Tenancy, standing: &Standing) -> Result<(), Error> {
    refuse_foreign("database", tenancy.database.as_str(), &standing.database)?;
    refuse_foreign("login", tenancy.user.as_str(), &standing.user)
}

/// What is there, none of it a stranger's.
async fn not_foreign(target: &Target, tenancy: &Tenancy) -> Result<(Found, Standing), Error> {
    let found = find(target, tenancy).await?;
    let standing = found.standing(tenancy);
    refuse_foreign_parts(tenancy, &standing)?;
    Ok((found, standing))
}

/// What must be there and ours before anything is done to it.
async fn ours(target: &Target, tenancy: &Tenancy) -> Result<Found, Error> {
    let (found, standing) = not_foreign(target, tenancy).await?;
    if standing.database == Presence::Absent {
        return Err(Error::Missing { what: database_words(tenancy) });
    }
    if standing.user == Presence::Absent {
        return Err(Error::Missing { what: user_words(tenancy) });
    }
    Ok(found)
}

pub(crate) async fn require_ours(target: &Target, tenancy: &Tenancy) -> Result<(), Error> {
    ours(target, tenancy).await.map(|_| ())
}

pub(crate) async fn make_database(target: &Target, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let (_, standing) = not_foreign(target, tenancy).await?;
    if standing.database == Presence::Ours {
        return Ok(StepOutcome::AlreadySo);
    }
    if standing.database == Presence::Absent {
        let mut admin = session::admin(target, MASTER).await?;
        admin.change("create the database", &database_words(tenancy), &sql::create_database(tenancy), &[]).await?;
    }
    write_marker(target, tenancy, &tenancy.marker_text()).await?;
    Ok(StepOutcome::Done)
}

/// All steps, with one look before.
pub(crate) async fn make_at_once(target: &Target, tenancy: &Tenancy, password: &Password) -> Result<bool, Error> {
    if !inspect(target, tenancy).await?.is_absent() {
        return Ok(false);
    }
    let mut admin = session::admin(target, MASTER).await?;
    admin.change("create the database", &database_words(tenancy), &sql::create_database(tenancy), &[]).await?;
    drop(admin);
    write_marker(target, tenancy, &tenancy.marker_text()).await?;
    set_password(target, tenancy, password, sql::create_login).await?;
    grant(target, tenancy).await?;
    Ok(true)
}

/// Puts this text into the place of the marker; an empty one takes the marker off.
pub(crate) async fn write_marker(target: &Target, tenancy: &Tenancy, marker: &str) -> Result<(), Error> {
    let what = database_words(tenancy);
    let mut inside = session::admin(target, tenancy.database.as_str()).await?;
    if read_marker(&mut inside).await?.is_some() {
        let dropped = inside.change("take the mark off", &what, &sql::drop_marker(), &[]).await;
        if matches!(dropped, Err(Error::Other { .. } | Error::Missing { .. })) {
            for statement in sql::drop_marker_table() {
                inside.change("take the mark off", &what, &statement, &[]).await?;
            }
        } else {
            dropped?;
        }
    }
    if marker.is_empty() {
        return Ok(());
    }
    match inside.change("mark the database", &what, &sql::add_marker(marker), &[]).await {
        Err(Error::Other { .. } | Error::Missing { .. }) => {
            for statement in sql::add_marker_table(marker) {
                match inside.change("mark the database", &what, &statement, &[]).await {
                    Ok(()) | Err(Error::Exists { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
        marked => marked,
    }
}

pub(crate) async fn make_user(target: &Target, tenancy: &Tenancy, password: &Password) -> Result<StepOutcome, Error> {
    let (_, standing) = not_foreign(target, tenancy).await?;
    if standing.database == Presence::Absent {
        return Err(Error::Missing { what: database_words(tenancy) });
    }
    if standing.user == Presence::Absent {
        set_password(target, tenancy, password, sql::create_login).await?;
        return Ok(StepOutcome::Done);
    }
    set_password(target, tenancy, password, sql::alter_login).await?;
    Ok(StepOutcome::AlreadySo)
}

/// With the server's policy for passwords, and without where it refuses.
async fn set_password(
    target: &Target,
    tenancy: &Tenancy,
    password: &Password,
    statement: fn(&Tenancy, &Password, bool) -> String,
) -> Result<(), Error> {
    let mut admin = session::admin(target, MASTER).await?;
    let what = user_words(tenancy);
    match admin.change("set the password", &what, &statement(tenancy, password, true), &[password]).await {
        // 15116 to 15119: too short, too common, not complex enough.
        Err(Error::Other { code, .. }) if matches!(code.as_str(), "15116" | "15117" | "15118" | "15119") => {
            admin.change("set the password", &what, &statement(tenancy, password, false), &[password]).await
        }
        done => done,
    }
}

/// Membership of `db_owner`; where the engine has none, ownership of the database.
pub(crate) async fn make_grant(target: &Target, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let (_, standing) = not_foreign(target, tenancy).await?;
    match standing.user {
        Presence::Absent => return Err(Error::Missing { what: user_words(tenancy) }),
        Presence::Ours => return Ok(StepOutcome::AlreadySo),
        Presence::Unfinished | Presence::Foreign { .. } => {}
    }
    grant(target, tenancy).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn grant(target: &Target, tenancy: &Tenancy) -> Result<(), Error> {
    let mut inside = session::admin(target, tenancy.database.as_str()).await?;
    let (doing, what) = ("grant the rights", user_words(tenancy));
    let joined = match inside.change(doing, &what, &sql::create_user(tenancy), &[]).await {
        Ok(()) | Err(Error::Exists { .. }) => inside.change(doing, &what, &sql::join_owners(tenancy), &[]).await,
        Err(error) => Err(error),
    };
    match joined {
        Err(Error::Other { .. } | Error::Missing { .. } | Error::LacksRight { .. }) => {}
        joined => return joined,
    }
    // An owner may not be a user of its database as well.
    match inside.change(doing, &what, &sql::drop_user(tenancy), &[]).await {
        Ok(()) | Err(Error::Missing { .. } | Error::Other { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut admin = session::admin(target, MASTER).await?;
    admin.change(doing, &what, &sql::own_database(tenancy, tenancy.user.as_str()), &[]).await
}

pub(crate) async fn undo_grant(target: &Target, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let (found, standing) = not_foreign(target, tenancy).await?;
    if standing.database != Presence::Ours || !found.granted {
        return Ok(StepOutcome::AlreadySo);
    }
    take_rights(target, tenancy, &found).await?;
    Ok(StepOutcome::Done)
}

async fn take_rights(target: &Target, tenancy: &Tenancy, found: &Found) -> Result<(), Error> {
    let (doing, what) = ("take the rights", user_words(tenancy));
    if found.database.as_deref() == Some(tenancy.user.as_str()) {
        let mut admin = session::admin(target, MASTER).await?;
        return admin.change(doing, &what, &sql::own_database(tenancy, &target.admin_user), &[]).await;
    }
    let mut inside = session::admin(target, tenancy.database.as_str()).await?;
    match inside.change(doing, &what, &sql::drop_user(tenancy), &[]).await {
        Err(Error::Missing { .. }) => Ok(()),
        dropped => dropped,
    }
}

pub(crate) async fn drop_user(target: &Target, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let (found, standing) = not_foreign(target, tenancy).await?;
    if standing.user == Presence::Absent {
        return Ok(StepOutcome::AlreadySo);
    }
    let mut admin = session::admin(target, MASTER).await?;
    let what = user_words(tenancy);
    admin.change("lock the login", &what, &sql::set_login(tenancy, false), &[]).await?;
    end_sessions(&mut admin, tenancy).await?;
    if found.granted {
        // `db_owner` may own schemas in the database, which is about to go; the login can go all the same.
        match take_rights(target, tenancy, &found).await {
            Ok(()) | Err(Error::InUse { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    admin.change("drop the login", &what, &sql::drop_login(tenancy), &[]).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn drop_database(target: &Target, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let (_, standing) = not_foreign(target, tenancy).await?;
    if standing.database == Presence::Absent {
        return Ok(StepOutcome::AlreadySo);
    }
    let mut admin = session::admin(target, MASTER).await?;
    let what = database_words(tenancy);
    let closed = close(&mut admin, tenancy).await?;
    let dropped = admin.change("drop the database", &what, &sql::drop_database(tenancy), &[]).await;
    if closed && matches!(dropped, Err(Error::InUse { .. } | Error::LacksRight { .. } | Error::Other { .. })) {
        // It stays, so it opens again: a tenant is not locked out by a drop that did not happen.
        admin.change("open the database", &what, &sql::multi_user(tenancy), &[]).await?;
    }
    dropped?;
    Ok(StepOutcome::Done)
}

/// Ends what is open in the database; `true` when it was closed to others as well, which smaller engines cannot.
pub(crate) async fn close(admin: &mut Connection, tenancy: &Tenancy) -> Result<bool, Error> {
    match admin.change("close the database", &database_words(tenancy), &sql::single_user(tenancy), &[]).await {
        Ok(()) => Ok(true),
        Err(Error::Other { .. } | Error::Missing { .. } | Error::LacksRight { .. }) => {
            end_sessions(admin, tenancy).await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

pub(crate) async fn drop_tenancy(target: &Target, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let user = drop_user(target, tenancy).await?;
    let database = drop_database(target, tenancy).await?;
    Ok(if (database, user) == (StepOutcome::AlreadySo, StepOutcome::AlreadySo) {
        StepOutcome::AlreadySo
    } else {
        StepOutcome::Done
    })
}

/// Ends all sessions in the database and of the login, and waits until they are gone.
async fn end_sessions(admin: &mut Connection, tenancy: &Tenancy) -> Result<(), Error> {
    for _ in 0..END_TRIES {
        let sessions = answer_or_nothing(admin.read(&sql::sessions(tenancy)).await)?;
        if sessions.is_empty() {
            return Ok(());
        }
        for session in sessions.iter().filter_map(|row| cell(row, 0)?.parse().ok()) {
            match admin.change("end a session", "session", &sql::kill(session), &[]).await {
                // 6106: gone by itself; or an engine that cannot end sessions: the drop will tell whether that matters.
                Ok(()) | Err(Error::Other { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        tokio::time::sleep(END_EVERY).await;
    }
    Err(Error::InUse { what: database_words(tenancy), text: "its sessions do not end".to_owned() })
}

/// The marker above the text that is in its place, which is kept.
pub(crate) async fn adopt(target: &Target, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let found = find(target, tenancy).await?;
    if found.database.is_none() {
        return Err(Error::Missing { what: database_words(tenancy) });
    }
    if found.login.is_none() {
        return Err(Error::Missing { what: user_words(tenancy) });
    }
    let below = match &found.marker {
        None => String::new(),
        Some(text) => match tenancy.presence_of(Some(text)) {
            Presence::Ours => return Ok(StepOutcome::AlreadySo),
            presence @ Presence::Foreign { owner: Some(_) } => {
                refuse_foreign("database", tenancy.database.as_str(), &presence)?;
                String::new()
            }
            _ => format!("\n{text}"),
        },
    };
    write_marker(target, tenancy, &format!("{}{below}", tenancy.marker_text())).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn forget(target: &Target, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    match find(target, tenancy).await?.marker {
        Some(text) if tenancy.presence_of(Some(&text)) == Presence::Ours => {
            write_marker(target, tenancy, Marker::comment_below(&text)).await?;
            Ok(StepOutcome::Done)
        }
        _ => Ok(StepOutcome::AlreadySo),
    }
}

pub(crate) async fn reset_password(target: &Target, tenancy: &Tenancy, password: &Password) -> Result<(), Error> {
    ours(target, tenancy).await?;
    set_password(target, tenancy, password, sql::alter_login).await
}

/// The engine has no limits of a login without its resource governor, which belongs to the whole instance.
pub(crate) async fn set_limits(target: &Target, tenancy: &Tenancy) -> Result<LimitsApplied, Error> {
    ours(target, tenancy).await?;
    Ok(LimitsApplied { connections: Applied::Unsupported, statement_timeout: Applied::Unsupported })
}

pub(crate) async fn set_lock(target: &Target, tenancy: &Tenancy, lock: Lock) -> Result<StepOutcome, Error> {
    let found = ours(target, tenancy).await?;
    let was = if found.login == Some(true) { Lock::Unlocked } else { Lock::Locked };
    let mut admin = session::admin(target, MASTER).await?;
    let statement = sql::set_login(tenancy, lock == Lock::Unlocked);
    admin.change("lock or unlock the login", &user_words(tenancy), &statement, &[]).await?;
    if lock == Lock::Locked {
        end_sessions(&mut admin, tenancy).await?;
    }
    Ok(if was == lock { StepOutcome::AlreadySo } else { StepOutcome::Done })
}

/// The login first: while the database has its old name, its marker (already the new one's) leads a second call on.
pub(crate) async fn rename(target: &Target, tenancy: &Tenancy, suffix: &Suffix) -> Result<Tenancy, Error> {
    let renamed = tenancy.with_suffix(suffix).map_err(|error| Error::refused(error.to_string()))?;
    let (old, new) = (find(target, tenancy).await?, find(target, &renamed).await?);
    if new.standing(&renamed).is_complete() && old.database.is_none() {
        return Ok(renamed);
    }
    // Half way: the old database already carries the marker of the new name.
    let half_way = old
        .marker
        .as_deref()
        .and_then(Marker::read)
        .is_some_and(|(marker, user)| marker == tenancy.marker && user == renamed.user.as_str());
    if !half_way {
        ours(target, tenancy).await?;
        if new.database.is_some() || new.login.is_some() {
            return Err(Error::Exists { what: database_words(&renamed) });
        }
        set_lock(target, tenancy, Lock::Locked).await?;
        write_marker(target, tenancy, &renamed.marker_text()).await?;
    }
    let mut admin = session::admin(target, MASTER).await?;
    if new.login.is_none() {
        admin.change("rename the login", &user_words(tenancy), &sql::rename_login(tenancy, &renamed), &[]).await?;
    }
    let what = database_words(tenancy);
    let closed = close(&mut admin, tenancy).await?;
    let moved = admin.change("rename the database", &what, &sql::rename_database(tenancy, &renamed), &[]).await;
    if closed {
        let now = if moved.is_ok() { &renamed } else { tenancy };
        admin.change("open the database", &what, &sql::multi_user(now), &[]).await?;
    }
    moved?;
    // The user in the database still has the login's old name; the tenancy's rights are found by the new one.
    if !find(target, &renamed).await?.granted {
        let mut inside = session::admin(target, renamed.database.as_str()).await?;
        let user = format!("ALTER USER {} WITH NAME = {}", tenancy.user.quoted(), renamed.user.quoted());
        inside.change("rename the user", &user_words(tenancy), &user, &[]).await?;
    }
    Ok(renamed)
}
