//! The table of users: read or refused, and a credential can be looked for in whatever was read.

use bnna_auth::csvauth::{Key, Table};

pub fn users_table(data: &[u8]) {
    let Ok(table) = Table::parse(data, Key::zero()) else { return };
    assert!(table.rows().iter().all(|row| row.line() > 1), "the first line is the heading");
    let _ = table.candidate("Oz7F-fWY7-bdrI-bZO2");
    let _ = format!("{:?}", table.warnings());
}
