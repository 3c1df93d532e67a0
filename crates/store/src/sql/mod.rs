//! The SQL surface that every engine implements: statements with numbered placeholders, plain values, typed rows.
//!
//! Statements are written once for SQLite and PostgreSQL: placeholders are `?1`, `?2`, … (an engine that spells them
//! otherwise translates), ids are text, times and flags integers, JSON is text, and nothing is used that only one of them
//! has. Values are always bound, never written into a statement; the parts of a statement put together at run time
//! ([`Select`]) are `&'static str`.

mod row;
mod select;
mod value;

pub use row::{FromValue, Row};
pub use select::Select;
pub use value::Value;

use crate::Error;

/// A connection inside a transaction (writes) or a snapshot (reads).
pub trait Sql {
    /// Runs a statement without rows; how many rows it changed.
    ///
    /// # Errors
    /// What the engine refused, see [`Error`].
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error>;

    /// Runs a statement with rows (`SELECT`, or a change with `RETURNING`).
    ///
    /// # Errors
    /// What the engine refused, see [`Error`].
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error>;

    /// The only row, or none.
    ///
    /// # Errors
    /// As [`Sql::query`]; two rows are [`Error::Statement`], because then the statement did not ask for one thing.
    fn query_one(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, Error> {
        let mut rows = self.query(sql, values)?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            more => Err(Error::Statement(format!("{more} rows where one was asked for"))),
        }
    }
}

/// `values![a, b]`: the bound values of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
pub(crate) use values;
