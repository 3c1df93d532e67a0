//! Requests that carried an `Idempotency-Key` and their answers, so that a repeated request gets the first one's answer.
//!
//! A key is claimed before the work and given its answer after it. What stands between the two is known by the claim's id, the
//! process that holds it, and the operation the work became: enough to tell a request that runs from one that was cut off.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::sql::values;
use crate::{Digest, Error, Row, Sealed, Sql};

/// The most keys of one caller that are kept at once.
pub const MOST: i64 = 10_000;

/// What makes a request the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The header's value.
    pub key: String,
    /// Whose key it is; keys of different callers have nothing to do with each other.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The hash of everything else that was asked: query and body.
    pub body_hash: Digest,
}

/// Who works on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The claim's own id: another one each time a key is claimed.
    pub claim: Uuid,
    /// The process, as [`Store::session`](crate::Store::session) names it.
    pub owner: Uuid,
    /// The request, as the audit trail names it.
    pub request_id: String,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The key is new; the caller does the work and stores the answer with [`finish`].
    New,
    /// There is no answer: the first request is running, or was cut off.
    Open {
        /// Who works on it, or did.
        claimant: Claimant,
        /// The operation it became.
        operation_id: Option<Uuid>,
    },
    /// The first request's answer, sealed for its claim.
    Answered {
        /// The claim that it is sealed for.
        claim: Uuid,
        /// The answer.
        answer: Sealed,
    },
    /// The key was used for another body.
    OtherBody,
    /// The caller has [`MOST`] keys already.
    TooMany,
}

/// Claims a key for this request, or says what it was used for since `since`: older keys are forgotten. Two claims at once: one
/// is `New`.
///
/// # Errors
/// As [`Sql::execute`].
pub fn claim(
    sql: &mut dyn Sql,
    request: &Request,
    claimant: &Claimant,
    at: OffsetDateTime,
    since: OffsetDateTime,
) -> Result<Claim, Error> {
    let Request { key, principal, route, body_hash } = request;
    sql.execute(
        "DELETE FROM idempotency WHERE principal = ?1 AND route = ?2 AND key = ?3 AND created_at < ?4",
        values![principal, route, key, since],
    )?;
    let row = sql.query_one(
        "SELECT body_hash, claim, owner, request_id, operation_id, answer_sealed FROM idempotency \
         WHERE principal = ?1 AND route = ?2 AND key = ?3",
        values![principal, route, key],
    )?;
    if let Some(row) = row {
        return used(&row, body_hash);
    }
    let full = sql.query_one(
        "SELECT 1 AS full FROM idempotency WHERE principal = ?1 LIMIT 1 OFFSET ?2",
        values![principal, MOST - 1],
    )?;
    if full.is_some() {
        return Ok(Claim::TooMany);
    }
    sql.execute(
        "INSERT INTO idempotency (key, principal, route, body_hash, claim, owner, request_id, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        values![key, principal, route, body_hash, claimant.claim, claimant.owner, &claimant.request_id, at],
    )?;
    Ok(Claim::New)
}

fn used(row: &Row, body_hash: &Digest) -> Result<Claim, Error> {
    let first: Digest = row.get("body_hash")?;
    if first != *body_hash {
        return Ok(Claim::OtherBody);
    }
    let claim = row.get("claim")?;
    Ok(match row.get::<Option<Sealed>>("answer_sealed")? {
        Some(answer) => Claim::Answered { claim, answer },
        None => Claim::Open {
            claimant: Claimant { claim, owner: row.get("owner")?, request_id: row.get("request_id")? },
            operation_id: row.get("operation_id")?,
        },
    })
}

/// Takes over a claim that nobody works on and that led to nothing, or to an operation that ended without success. `false` when
/// its operation goes on or is done, or somebody else was quicker.
///
/// # Errors
/// As [`Sql::execute`].
pub fn take_over(sql: &mut dyn Sql, gone: Uuid, claimant: &Claimant) -> Result<bool, Error> {
    sql.execute(
        "UPDATE idempotency SET claim = ?2, owner = ?3, request_id = ?4, operation_id = NULL \
         WHERE claim = ?1 AND answer_sealed IS NULL AND (operation_id IS NULL OR operation_id IN (\
         SELECT id FROM operations WHERE finished_at IS NOT NULL AND state <> 'done'))",
        values![gone, claimant.claim, claimant.owner, &claimant.request_id],
    )
    .map(|changed| changed > 0)
}

/// Notes the operation that the work became, in the transaction that starts it. `false` when the claim was taken over or
/// became one before: then it must not start.
///
/// # Errors
/// As [`Sql::execute`].
pub fn became(sql: &mut dyn Sql, claim: Uuid, operation: Uuid) -> Result<bool, Error> {
    sql.execute(
        "UPDATE idempotency SET operation_id = ?2 WHERE claim = ?1 AND operation_id IS NULL AND answer_sealed IS NULL",
        values![claim, operation],
    )
    .map(|changed| changed > 0)
}

/// Stores the answer. `false` when the claim is not there any more or has its answer already.
///
/// # Errors
/// As [`Sql::execute`].
pub fn finish(sql: &mut dyn Sql, claim: Uuid, answer: &Sealed) -> Result<bool, Error> {
    sql.execute(
        "UPDATE idempotency SET answer_sealed = ?2 WHERE claim = ?1 AND answer_sealed IS NULL",
        values![claim, answer],
    )
    .map(|changed| changed > 0)
}

/// Gives a claim back that led to nothing, so that the request can be repeated. `false` when it has an answer, or became an
/// operation that goes on or is done.
///
/// # Errors
/// As [`Sql::execute`].
pub fn release(sql: &mut dyn Sql, claim: Uuid) -> Result<bool, Error> {
    sql.execute(
        "DELETE FROM idempotency WHERE claim = ?1 AND answer_sealed IS NULL AND NOT EXISTS (\
         SELECT 1 FROM operations WHERE id = operation_id AND (finished_at IS NULL OR state = 'done'))",
        values![claim],
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
