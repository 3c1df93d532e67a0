//! Answers to requests that carried an `Idempotency-Key`, so that a repeated request gets the first one's answer.

use time::OffsetDateTime;

use crate::sql::values;
use crate::{Digest, Error, Row, Sql};

/// What makes a request the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The header's value.
    pub key: String,
    /// Whose key it is; keys of different callers have nothing to do with each other.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The hash of the body.
    pub body_hash: Digest,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The key is new; the caller does the work and stores the answer with [`finish`].
    New,
    /// The first request is still running, since then, or was cut off.
    Running(OffsetDateTime),
    /// The first request's answer.
    Answered {
        /// HTTP status.
        status: u16,
        /// Its body.
        response: serde_json::Value,
    },
    /// The key was used for another body.
    OtherBody,
}

/// Claims a key for this request, or says what it was used for. Two claims at once: one is `New`.
///
/// # Errors
/// As [`Sql::execute`].
pub fn claim(sql: &mut dyn Sql, request: &Request, at: OffsetDateTime) -> Result<Claim, Error> {
    let Request { key, principal, route, body_hash } = request;
    let new = sql.execute(
        "INSERT INTO idempotency (key, principal, route, body_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (principal, route, key) DO NOTHING",
        values![key, principal, route, body_hash, at],
    )?;
    if new > 0 {
        return Ok(Claim::New);
    }
    let row = sql.query_one(
        "SELECT body_hash, status, response_json, created_at FROM idempotency \
         WHERE principal = ?1 AND route = ?2 AND key = ?3",
        values![principal, route, key],
    )?;
    let row = row.ok_or_else(|| Error::Statement("a conflicting row that is not there".to_owned()))?;
    used(&row, body_hash)
}

fn used(row: &Row, body_hash: &Digest) -> Result<Claim, Error> {
    let first: Digest = row.get("body_hash")?;
    if first != *body_hash {
        return Ok(Claim::OtherBody);
    }
    Ok(match row.get::<Option<u16>>("status")? {
        None => Claim::Running(row.get("created_at")?),
        Some(status) => Claim::Answered { status, response: row.get("response_json")? },
    })
}

/// Stores the answer. `false` when the key is not claimed or has its answer already.
///
/// # Errors
/// As [`Sql::execute`].
pub fn finish(sql: &mut dyn Sql, request: &Request, status: u16, response: &serde_json::Value) -> Result<bool, Error> {
    sql.execute(
        "UPDATE idempotency SET status = ?4, response_json = ?5 \
         WHERE principal = ?1 AND route = ?2 AND key = ?3 AND status IS NULL",
        values![&request.principal, &request.route, &request.key, status, response],
    )
    .map(|changed| changed > 0)
}

/// Gives a claim back that got no answer, so that the request can be repeated. `false` when it has one.
///
/// # Errors
/// As [`Sql::execute`].
pub fn release(sql: &mut dyn Sql, request: &Request) -> Result<bool, Error> {
    sql.execute(
        "DELETE FROM idempotency WHERE principal = ?1 AND route = ?2 AND key = ?3 AND status IS NULL",
        values![&request.principal, &request.route, &request.key],
    )
    .map(|gone| gone > 0)
}

/// Forgets keys older than `before`; how many.
///
/// # Errors
/// As [`Sql::execute`].
pub fn purge(sql: &mut dyn Sql, before: OffsetDateTime) -> Result<u64, Error> {
    sql.execute("DELETE FROM idempotency WHERE created_at < ?1", values![before])
}
