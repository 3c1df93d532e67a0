//! What was made, changed and deleted in a copy of the store that work is tried on: see [`Store::rehearsal`](crate::Store::rehearsal).

use std::collections::BTreeMap;

use crate::{Error, Sql};

/// What became of something, from the copy's beginning to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Create,
    /// It was there and is another.
    Change,
    /// It is gone, or, for a token, revoked.
    Delete,
    /// It was asked to stop.
    Cancel,
}

/// One thing that is another than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// account, setting, cluster, instance, token, operation.
    pub kind: String,
    /// Which.
    pub name: String,
    /// What became of it.
    pub change: Change,
}

/// Everything that is another than before, in the order in which it was touched first.
///
/// # Errors
/// As [`Sql::query`]; also for a store that is no copy.
pub fn changes(sql: &mut dyn Sql) -> Result<Vec<Changed>, Error> {
    let mut seen: BTreeMap<(String, String), (usize, Vec<String>)> = BTreeMap::new();
    for (at, row) in sql.query("SELECT change, kind, name FROM noted ORDER BY seq", &[])?.into_iter().enumerate() {
        let key = (row.get("kind")?, row.get("name")?);
        seen.entry(key).or_insert_with(|| (at, Vec::new())).1.push(row.get("change")?);
    }
    let mut changes: Vec<(usize, Changed)> = seen
        .into_iter()
        .filter_map(|((kind, name), (at, notes))| Some((at, Changed { kind, name, change: sum(&notes)? })))
        .collect();
    changes.sort_by_key(|(at, _)| *at);
    Ok(changes.into_iter().map(|(_, changed)| changed).collect())
}

/// What several notes on one thing come to.
fn sum(notes: &[String]) -> Option<Change> {
    let (first, last) = (notes.first()?.as_str(), notes.last()?.as_str());
    match (first, last) {
        ("create", "delete") => None,
        ("create", _) => Some(Change::Create),
        (_, "delete") => Some(Change::Delete),
        (_, "cancel") => Some(Change::Cancel),
        _ => Some(Change::Change),
    }
}
