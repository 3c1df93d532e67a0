//! Values that a transcript takes out of answers for later requests: as they were recorded, and as ours are.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::body;
use super::text::normalized;

/// Keys that say when a row of a list came to be.
const MADE_AT: &[&str] = &["backup-time", "ctime", "starttime"];

/// Values captured so far.
#[derive(Debug, Default)]
pub(super) struct Captured {
    /// As recorded, and as ours.
    pairs: Vec<(String, String)>,
    ours: BTreeMap<String, String>,
}

impl Captured {
    pub(super) fn add(&mut self, name: &str, recorded: String, ours: String) {
        // Times appear in hexadecimal in ids of tasks and workers.
        if let (Ok(a), Ok(b)) = (recorded.parse::<u32>(), ours.parse::<u32>())
            && recorded.len() == 10
        {
            self.pairs.push((format!("{a:X}"), format!("{b:X}")));
        }
        if recorded.len() > 5 {
            self.pairs.push((recorded, ours.clone()));
        }
        self.ours.insert(name.to_owned(), ours);
    }

    pub(super) fn ours(&self, name: &str) -> Option<&str> {
        self.ours.get(name).map(String::as_str)
    }

    /// A recorded text with ours for every captured value in it: each place once, since what is put in may look like another value.
    pub(super) fn recorded_text(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let here = self.pairs.iter().filter(|(recorded, _)| rest.starts_with(recorded.as_str()));
            let (length, put) = match here.max_by_key(|(recorded, _)| recorded.len()) {
                Some((recorded, ours)) => (recorded.len(), Some(ours)),
                None => (first.len_utf8(), None),
            };
            match put {
                Some(ours) => filled.push_str(ours),
                None => filled.push(first),
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        normalized(&filled)
    }
}

/// What a JSON pointer into a recorded body means in ours: a row of a list is not the one at the same position but the one that differs
/// least, and of several like it the one that came at the same time after the others.
pub(super) fn counterpart<'v>(
    pointer: &str,
    expected: &Value,
    actual: &'v Value,
    captured: &Captured,
) -> Option<&'v Value> {
    let (mut expected, mut actual) = (expected, actual);
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if let (Value::Array(recorded), Value::Array(ours), Ok(at)) = (expected, actual, step.parse::<usize>()) {
            expected = recorded.get(at)?;
            actual = likest(recorded, at, ours, captured)?;
        } else {
            expected = expected.get(&step)?;
            actual = actual.get(&step)?;
        }
    }
    Some(actual)
}

fn likest<'v>(recorded: &[Value], at: usize, ours: &'v [Value], captured: &Captured) -> Option<&'v Value> {
    let made = |row: &Value| MADE_AT.iter().find_map(|key| row.get(*key)?.as_i64());
    let rank = |rows: &[Value], row: &Value| rows.iter().filter(|other| made(other) < made(row)).count();
    let without_time = |row: &Value| {
        let mut row = row.clone();
        if let Some(row) = row.as_object_mut() {
            row.retain(|key, _| !MADE_AT.contains(&key.as_str()));
        }
        row
    };
    let wanted = recorded.get(at)?;
    let wanted_rank = rank(recorded, wanted);
    let plain = without_time(wanted);
    ours.iter().min_by_key(|row| {
        let differences = body(&plain, &without_time(row), captured, false).len();
        (differences, rank(ours, row).abs_diff(wanted_rank))
    })
}
