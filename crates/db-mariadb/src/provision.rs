//! Making, marking, limiting, locking and dropping: the statements that change the server.
//!
//! Order: the database first, with the marker that names the user; then the user; then its rights. Dropped the other way round.

use std::time::Duration;

use bnna_db_engine::provision::refuse_foreign;
use bnna_db_engine::{
    Applied, EngineKind, Error, Limits, LimitsApplied, Lock, Marker, Password, Presence, Standing, StepOutcome, Tenancy,
};

use crate::hash::native_hash;
use crate::session::Connection;

/// How often sessions are looked for after they were told to end, and for how long.
const END_EVERY: Duration = Duration::from_millis(25);
const END_TRIES: u32 = 200;

/// What the catalogue says about a tenancy.
pub(crate) struct Found {
    /// The database's comment, when it exists.
    pub(crate) comment: Option<String>,
    /// Whether the user may log in, when it exists.
    pub(crate) can_log_in: Option<bool>,
    /// Whether the user has rights in the database.
    granted: bool,
}

pub(crate) fn text(text: &str) -> String {
    EngineKind::MariaDb.quote_text(text)
}

/// The user as statements name it: any host, the network is the firewall's business.
pub(crate) fn account(tenancy: &Tenancy) -> String {
    format!("{}@'%'", tenancy.user.quoted())
}

pub(crate) fn database_words(tenancy: &Tenancy) -> String {
    format!("database {}", tenancy.database)
}

pub(crate) fn user_words(tenancy: &Tenancy) -> String {
    format!("user {}", tenancy.user)
}

/// The database's name as a pattern that means only itself.
pub(crate) fn pattern(tenancy: &Tenancy) -> String {
    let escaped = tenancy.database.as_str().replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    EngineKind::MariaDb.quote_identifier(&escaped)
}

/// One round trip.
pub(crate) async fn find(admin: &mut Connection, tenancy: &Tenancy) -> Result<Found, Error> {
    let database = text(tenancy.database.as_str());
    let user = text(tenancy.user.as_str());
    let escaped = text(&tenancy.database.as_str().replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"));
    // Comparisons are binary: a name that differs only in case is another name.
    let sql = format!(
        "SELECT 'database', schema_comment, 0 FROM information_schema.schemata WHERE BINARY schema_name = {database} \
         UNION ALL SELECT 'user', '', COALESCE(JSON_VALUE(priv, '$.account_locked'), 0) IN (1, 'true') FROM mysql.global_priv \
          WHERE BINARY user = {user} AND host = '%' \
         UNION ALL SELECT 'grant', '', 0 FROM mysql.db WHERE BINARY user = {user} AND host = '%' AND BINARY db IN ({database}, {escaped})"
    );
    let mut found = Found { comment: None, can_log_in: None, granted: false };
    for (kind, comment, locked) in admin.read::<(String, String, u8)>(&sql).await? {
        match kind.as_str() {
            "database" => found.comment = Some(comment),
            "user" => found.can_log_in = Some(locked == 0),
            _ => found.granted = true,
        }
    }
    Ok(found)
}

impl Found {
    fn standing(&self, tenancy: &Tenancy) -> Standing {
        let database = match &self.comment {
            None => Presence::Absent,
            Some(comment) => tenancy.presence_of(Some(comment)),
        };
        // A user cannot carry a marker: it is ours when our database names it.
        let user = match (self.can_log_in, &database) {
            (None, _) => Presence::Absent,
            (Some(_), Presence::Ours) if self.granted => Presence::Ours,
            (Some(_), Presence::Ours) => Presence::Unfinished,
            (Some(_), Presence::Foreign { owner }) => Presence::Foreign { owner: owner.clone() },
            (Some(_), _) => Presence::Foreign { owner: None },
        };
        Standing { database, user }
    }
}

pub(crate) async fn inspect(admin: &mut Connection, tenancy: &Tenancy) -> Result<Standing, Error> {
    Ok(find(admin, tenancy).await?.standing(tenancy))
}

fn refuse_foreign_parts(tenancy: &Tenancy, standing: &Standing) -> Result<(), Error> {
    refuse_foreign("database", tenancy.database.as_str(), &standing.database)?;
    refuse_foreign("user", tenancy.user.as_str(), &standing.user)
}

/// One statement makes and marks it.
pub(crate) async fn make_database(admin: &mut Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let standing = inspect(admin, tenancy).await?;
    refuse_foreign_parts(tenancy, &standing)?;
    if standing.database == Presence::Ours {
        return Ok(StepOutcome::AlreadySo);
    }
    create_database(admin, tenancy).await?;
    Ok(StepOutcome::Done)
}

async fn create_database(admin: &mut Connection, tenancy: &Tenancy) -> Result<(), Error> {
    let sql = format!(
        "CREATE DATABASE {} CHARACTER SET utf8mb4 COMMENT {}",
        tenancy.database.quoted(),
        text(&tenancy.marker_text())
    );
    admin.change("create the database", &database_words(tenancy), &sql).await
}

async fn create_user(admin: &mut Connection, tenancy: &Tenancy, password: &Password, verb: &str) -> Result<(), Error> {
    let sql = format!("{verb} USER {} {}", account(tenancy), identified(password));
    admin.change("create the user", &user_words(tenancy), &sql).await
}

async fn grant(admin: &mut Connection, tenancy: &Tenancy) -> Result<(), Error> {
    let sql = format!("GRANT ALL PRIVILEGES ON {}.* TO {}", pattern(tenancy), account(tenancy));
    admin.change("grant the rights", &user_words(tenancy), &sql).await
}

/// All steps on one session, with one look before.
pub(crate) async fn make_at_once(
    admin: &mut Connection,
    tenancy: &Tenancy,
    password: &Password,
) -> Result<bool, Error> {
    if !inspect(admin, tenancy).await?.is_absent() {
        return Ok(false);
    }
    create_database(admin, tenancy).await?;
    create_user(admin, tenancy, password, "CREATE").await?;
    grant(admin, tenancy).await?;
    Ok(true)
}

pub(crate) async fn make_user(
    admin: &mut Connection,
    tenancy: &Tenancy,
    password: &Password,
) -> Result<StepOutcome, Error> {
    let standing = inspect(admin, tenancy).await?;
    refuse_foreign_parts(tenancy, &standing)?;
    if standing.database == Presence::Absent {
        return Err(Error::Missing { what: database_words(tenancy) });
    }
    let (verb, outcome) = match standing.user {
        Presence::Absent => ("CREATE", StepOutcome::Done),
        _ => ("ALTER", StepOutcome::AlreadySo),
    };
    create_user(admin, tenancy, password, verb).await?;
    Ok(outcome)
}

fn identified(password: &Password) -> String {
    format!("IDENTIFIED VIA mysql_native_password USING {}", text(&native_hash(password)))
}

/// All rights in the database, without the right to hand them on.
pub(crate) async fn make_grant(admin: &mut Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let standing = inspect(admin, tenancy).await?;
    refuse_foreign_parts(tenancy, &standing)?;
    match standing.user {
        Presence::Absent => return Err(Error::Missing { what: user_words(tenancy) }),
        Presence::Ours => return Ok(StepOutcome::AlreadySo),
        Presence::Unfinished | Presence::Foreign { .. } => {}
    }
    grant(admin, tenancy).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn undo_grant(admin: &mut Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let found = find(admin, tenancy).await?;
    let standing = found.standing(tenancy);
    refuse_foreign_parts(tenancy, &standing)?;
    if standing.user != Presence::Ours || !found.granted {
        return Ok(StepOutcome::AlreadySo);
    }
    let sql = format!("REVOKE ALL PRIVILEGES ON {}.* FROM {}", pattern(tenancy), account(tenancy));
    admin.change("revoke the rights", &user_words(tenancy), &sql).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn drop_user(admin: &mut Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let standing = inspect(admin, tenancy).await?;
    refuse_foreign_parts(tenancy, &standing)?;
    if standing.user == Presence::Absent {
        return Ok(StepOutcome::AlreadySo);
    }
    let sql = format!("ALTER USER {} ACCOUNT LOCK", account(tenancy));
    admin.change("lock the user", &user_words(tenancy), &sql).await?;
    end_sessions(admin, tenancy).await?;
    admin.change("drop the user", &user_words(tenancy), &format!("DROP USER {}", account(tenancy))).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn drop_database(admin: &mut Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let standing = inspect(admin, tenancy).await?;
    refuse_foreign_parts(tenancy, &standing)?;
    if standing.database == Presence::Absent {
        return Ok(StepOutcome::AlreadySo);
    }
    end_sessions(admin, tenancy).await?;
    admin
        .change("drop the database", &database_words(tenancy), &format!("DROP DATABASE {}", tenancy.database.quoted()))
        .await?;
    Ok(StepOutcome::Done)
}

/// The user first: the marker that makes it ours is on the database.
pub(crate) async fn drop_tenancy(admin: &mut Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let user = drop_user(admin, tenancy).await?;
    let database = drop_database(admin, tenancy).await?;
    Ok(if (database, user) == (StepOutcome::AlreadySo, StepOutcome::AlreadySo) {
        StepOutcome::AlreadySo
    } else {
        StepOutcome::Done
    })
}

/// Ends all sessions in the database and of the user, and waits until they are gone.
pub(crate) async fn end_sessions(admin: &mut Connection, tenancy: &Tenancy) -> Result<(), Error> {
    let sql = format!(
        "SELECT id FROM information_schema.processlist WHERE (BINARY user = {} OR BINARY db = {}) AND id <> CONNECTION_ID()",
        text(tenancy.user.as_str()),
        text(tenancy.database.as_str())
    );
    for _ in 0..END_TRIES {
        let sessions: Vec<u64> = admin.read(&sql).await?;
        if sessions.is_empty() {
            return Ok(());
        }
        for session in sessions {
            match admin.change("end a session", "session", &format!("KILL CONNECTION {session}")).await {
                Ok(()) => {}
                // 1094: gone by itself.
                Err(Error::Other { code, .. }) if code == "1094" => {}
                Err(error) => return Err(error),
            }
        }
        tokio::time::sleep(END_EVERY).await;
    }
    Err(Error::InUse { what: database_words(tenancy), text: "its sessions do not end".to_owned() })
}

/// What must be there and ours before anything is done to it.
pub(crate) async fn ours(admin: &mut Connection, tenancy: &Tenancy) -> Result<Found, Error> {
    let found = find(admin, tenancy).await?;
    let standing = found.standing(tenancy);
    refuse_foreign_parts(tenancy, &standing)?;
    if standing.database == Presence::Absent {
        return Err(Error::Missing { what: database_words(tenancy) });
    }
    if standing.user == Presence::Absent {
        return Err(Error::Missing { what: user_words(tenancy) });
    }
    Ok(found)
}

/// The marker above the comment that is there, which is kept.
pub(crate) async fn adopt(admin: &mut Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let found = find(admin, tenancy).await?;
    let Some(comment) = &found.comment else { return Err(Error::Missing { what: database_words(tenancy) }) };
    if found.can_log_in.is_none() {
        return Err(Error::Missing { what: user_words(tenancy) });
    }
    match tenancy.presence_of(Some(comment)) {
        Presence::Ours => return Ok(StepOutcome::AlreadySo),
        presence @ Presence::Foreign { owner: Some(_) } => {
            refuse_foreign("database", tenancy.database.as_str(), &presence)?;
        }
        _ => {}
    }
    let below = if comment.is_empty() { String::new() } else { format!("\n{comment}") };
    set_comment(admin, tenancy, &format!("{}{below}", tenancy.marker_text())).await?;
    Ok(StepOutcome::Done)
}

pub(crate) async fn forget(admin: &mut Connection, tenancy: &Tenancy) -> Result<StepOutcome, Error> {
    let found = find(admin, tenancy).await?;
    match &found.comment {
        Some(comment) if tenancy.presence_of(Some(comment)) == Presence::Ours => {
            set_comment(admin, tenancy, Marker::comment_below(comment)).await?;
            Ok(StepOutcome::Done)
        }
        _ => Ok(StepOutcome::AlreadySo),
    }
}

async fn set_comment(admin: &mut Connection, tenancy: &Tenancy, comment: &str) -> Result<(), Error> {
    let sql = format!("ALTER DATABASE {} COMMENT = {}", tenancy.database.quoted(), text(comment));
    admin.change("mark the database", &database_words(tenancy), &sql).await
}

pub(crate) async fn reset_password(
    admin: &mut Connection,
    tenancy: &Tenancy,
    password: &Password,
) -> Result<(), Error> {
    ours(admin, tenancy).await?;
    let sql = format!("ALTER USER {} {}", account(tenancy), identified(password));
    admin.change("set the password", &user_words(tenancy), &sql).await
}

/// Both bind: the server counts sessions of the account and stops statements itself.
pub(crate) async fn set_limits(
    admin: &mut Connection,
    tenancy: &Tenancy,
    limits: Limits,
) -> Result<LimitsApplied, Error> {
    ours(admin, tenancy).await?;
    let seconds = limits.statement_timeout.map_or(0.0, |limit| limit.as_secs_f64().clamp(0.001, 31_536_000.0));
    let sql = format!(
        "ALTER USER {} WITH MAX_USER_CONNECTIONS {} MAX_STATEMENT_TIME {seconds:.3}",
        account(tenancy),
        limits.connections.map_or(0, |most| most.clamp(1, i32::MAX.unsigned_abs()))
    );
    admin.change("set limits", &user_words(tenancy), &sql).await?;
    Ok(LimitsApplied { connections: Applied::Enforced, statement_timeout: Applied::Enforced })
}

pub(crate) async fn set_lock(admin: &mut Connection, tenancy: &Tenancy, lock: Lock) -> Result<StepOutcome, Error> {
    let found = ours(admin, tenancy).await?;
    let was = if found.can_log_in == Some(true) { Lock::Unlocked } else { Lock::Locked };
    let word = if lock == Lock::Locked { "LOCK" } else { "UNLOCK" };
    let sql = format!("ALTER USER {} ACCOUNT {word}", account(tenancy));
    admin.change("lock or unlock the user", &user_words(tenancy), &sql).await?;
    if lock == Lock::Locked {
        end_sessions(admin, tenancy).await?;
    }
    Ok(if was == lock { StepOutcome::AlreadySo } else { StepOutcome::Done })
}
