//! Looking: probe, inventory, usage. Nothing here changes the server, and what an engine does not know is unknown.

use std::collections::BTreeMap;

use bnna_db_engine::{
    DatabaseUsage, EngineKind, Error, InstanceUsage, Inventory, ListedDatabase, ListedUser, Marker, Probe, Right,
    Target, Unreachable, clock_skew, is_system_database, is_system_user,
};
use time::format_description::well_known::Iso8601;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::provision;
use crate::session::{self, MASTER};
use crate::statements as sql;

fn cell(row: &[Option<String>], position: usize) -> Option<&str> {
    row.get(position).and_then(Option::as_deref)
}

/// The clock as `CONVERT(…, 126)` writes it, which has no zone and is UTC here.
fn server_clock(text: &str) -> Option<OffsetDateTime> {
    PrimitiveDateTime::parse(text, &Iso8601::DATE_TIME).ok().map(PrimitiveDateTime::assume_utc)
}

pub(crate) async fn probe(target: &Target) -> Result<Probe, Error> {
    let mut admin = session::admin(target, MASTER).await?;
    let sent = OffsetDateTime::now_utc();
    let rows = admin.read(sql::PROBE).await?;
    let received = OffsetDateTime::now_utc();
    let not_the_engine =
        |why: &str| Error::Unreachable { at: target.at(), why: Unreachable::NotTheEngine(why.to_owned()) };
    let row = rows.first().ok_or_else(|| not_the_engine("it does not tell its version"))?;
    let version = cell(row, 0).ok_or_else(|| not_the_engine("it does not tell its version"))?;
    let clock = cell(row, 1).and_then(server_clock).ok_or_else(|| not_the_engine("its clock cannot be read"))?;
    // A right that an engine does not know of (NULL, or no answer) is not reported as missing: only a "no" counts.
    let rights = match admin.read(sql::RIGHTS).await {
        Ok(rows) => rows.into_iter().next().unwrap_or_default(),
        Err(Error::Other { .. } | Error::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let administrator = cell(&rights, 0) == Some("1");
    let missing_rights =
        [(Right::CreateDatabase, 1), (Right::CreateUser, 2), (Right::EndSessions, 3), (Right::ReadStatistics, 4)]
            .into_iter()
            .filter(|(_, position)| !administrator && cell(&rights, *position) == Some("0"))
            .map(|(right, _)| right)
            .collect();
    let encrypted = match admin.read(sql::ENCRYPTED).await {
        Ok(rows) => rows.first().and_then(|row| cell(row, 0)).is_some_and(|word| word.eq_ignore_ascii_case("true")),
        Err(Error::Other { .. } | Error::Missing { .. } | Error::LacksRight { .. }) => false,
        Err(error) => return Err(error),
    };
    let first_line = version.lines().next().unwrap_or_default().trim().to_owned();
    // A database is open to all when its guest may connect, which can be seen from the inside only.
    Ok(Probe {
        version: first_line,
        missing_rights,
        clock_skew: clock_skew(sent, clock, received),
        encrypted,
        open_to_all: Vec::new(),
    })
}

/// The markers are in the databases: one short session a database.
pub(crate) async fn list(target: &Target) -> Result<Inventory, Error> {
    let mut admin = session::admin(target, MASTER).await?;
    let mut inventory = Inventory::default();
    let mut named = BTreeMap::new();
    for row in admin.read(sql::DATABASES).await? {
        let Some(name) = cell(&row, 0).filter(|name| !is_system_database(EngineKind::MsSql, name)) else { continue };
        // A database that is closed or offline has no marker to read.
        let marker = match session::admin(target, name).await {
            Ok(mut inside) => provision::read_marker(&mut inside).await?,
            Err(Error::Missing { .. } | Error::RefusedCredentials { .. } | Error::InUse { .. }) => None,
            Err(error) => return Err(error),
        };
        let marker = marker.as_deref().and_then(Marker::read);
        let marked_for = marker.as_ref().map(|(marker, _)| marker.owner().to_owned());
        if let Some((marker, user)) = marker {
            named.insert(user, marker.owner().to_owned());
        }
        inventory.databases.push(ListedDatabase {
            name: name.to_owned(),
            owner: cell(&row, 1).map(str::to_owned),
            marked_for,
        });
    }
    for row in admin.read(sql::LOGINS).await? {
        let Some(name) = cell(&row, 0).filter(|name| !is_system_user(EngineKind::MsSql, name)) else { continue };
        if name == target.admin_user {
            continue;
        }
        let marked_for = named.get(name).cloned();
        inventory.users.push(ListedUser { name: name.to_owned(), can_log_in: cell(&row, 1) != Some("0"), marked_for });
    }
    Ok(inventory)
}

pub(crate) async fn usage(target: &Target) -> Result<InstanceUsage, Error> {
    let at = OffsetDateTime::now_utc();
    let mut admin = session::admin(target, MASTER).await?;
    let mut queries = 1;
    let rows = match admin.read(sql::USAGE).await {
        Err(Error::Other { .. } | Error::Missing { .. } | Error::LacksRight { .. }) => {
            queries += 1;
            admin.read(sql::USAGE_NAMES_ONLY).await?
        }
        rows => rows?,
    };
    let transactions = if queries == 1 {
        queries += 1;
        transactions(admin.read(sql::TRANSACTIONS).await)?
    } else {
        BTreeMap::new()
    };
    let databases = rows
        .iter()
        .filter_map(|row| {
            let name = cell(row, 0).filter(|name| !is_system_database(EngineKind::MsSql, name))?;
            Some(usage_of(name, row, &transactions))
        })
        .collect();
    Ok(InstanceUsage { at, databases, queries })
}

fn usage_of(name: &str, row: &[Option<String>], transactions: &BTreeMap<String, u64>) -> DatabaseUsage {
    let number = |position| cell(row, position).and_then(|text| text.parse().ok());
    let size_bytes = number(1);
    DatabaseUsage {
        database: name.to_owned(),
        // An engine that gives sizes gives sessions as well, and none is 0; one that gives neither leaves both unknown.
        connections: number(2).or(size_bytes.map(|_| 0)),
        size_bytes,
        transactions: transactions.get(name).copied(),
        rows_read: None,
        rows_written: None,
        temp_bytes: None,
    }
}

fn transactions(read: Result<Vec<bnna_db_engine::TextRow>, Error>) -> Result<BTreeMap<String, u64>, Error> {
    match read {
        Ok(rows) => {
            Ok(rows.iter().filter_map(|row| Some((cell(row, 0)?.to_owned(), cell(row, 1)?.parse().ok()?))).collect())
        }
        Err(Error::Other { .. } | Error::Missing { .. } | Error::LacksRight { .. }) => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_is_null_is_unknown_and_not_zero() {
        let unknown = usage_of("shop", &[Some("shop".into()), None, None], &BTreeMap::new());
        assert_eq!((unknown.size_bytes, unknown.connections), (None, None));
        let known = usage_of("shop", &[Some("shop".into()), Some("8388608".into()), None], &BTreeMap::new());
        assert_eq!((known.size_bytes, known.connections), (Some(8_388_608), Some(0)));
    }

    #[test]
    fn the_clock_is_read_with_any_number_of_decimals() {
        assert_eq!(server_clock("2026-11-21T03:00:00.1234567").unwrap().unix_timestamp(), 1_795_230_000);
        assert_eq!(server_clock("2026-11-21T03:00:00").unwrap().unix_timestamp(), 1_795_230_000);
        assert!(server_clock("yesterday").is_none());
    }
}
