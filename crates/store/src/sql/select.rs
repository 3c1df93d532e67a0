//! A `SELECT` whose conditions depend on which filters were given. Only what is asked for is in the statement, so that the
//! engine can use the index of that filter; every fragment is a constant and every value is bound.

use super::{Row, Sql, Value};
use crate::Error;

/// A statement being put together.
#[derive(Debug)]
pub struct Select {
    sql: String,
    values: Vec<Value>,
    conditions: usize,
}

impl Select {
    /// Starts with `SELECT … FROM …`.
    #[must_use]
    pub fn new(head: &'static str) -> Self {
        Self { sql: head.to_owned(), values: Vec::new(), conditions: 0 }
    }

    /// Adds a condition; each `?` in it takes the next of `values`.
    #[must_use]
    pub fn and(mut self, condition: &'static str, values: impl IntoIterator<Item = Value>) -> Self {
        self.sql.push_str(if self.conditions == 0 { " WHERE " } else { " AND " });
        self.conditions += 1;
        let first = self.values.len();
        self.values.extend(values);
        self.push_numbered(condition, first);
        self
    }

    /// Adds `condition` with this value when there is one.
    #[must_use]
    pub fn and_if<T: Into<Value>>(self, condition: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.and(condition, [value.into()]),
            None => self,
        }
    }

    /// Ends with the order and one row more than `bound`, which tells whether there is a next page.
    ///
    /// # Errors
    /// What the engine refused.
    pub fn rows(mut self, sql: &mut dyn Sql, order: &'static str, bound: u32) -> Result<Vec<Row>, Error> {
        self.sql.push_str(" ORDER BY ");
        self.sql.push_str(order);
        let first = self.values.len();
        self.values.push(Value::Integer(i64::from(bound) + 1));
        self.push_numbered(" LIMIT ?", first);
        sql.query(&self.sql, &self.values)
    }

    fn push_numbered(&mut self, fragment: &str, first: usize) {
        let mut number = first;
        for piece in fragment.split_inclusive('?') {
            self.sql.push_str(piece);
            if piece.ends_with('?') {
                number += 1;
                self.sql.push_str(&number.to_string());
            }
        }
    }
}
