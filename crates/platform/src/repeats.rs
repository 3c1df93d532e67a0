//! Requests with an `Idempotency-Key`: the first one does the work, a repeated one gets its answer.
//!
//! Answers are kept for a day, sealed, because some hold secrets. A request whose process died before its answer was kept is told
//! from one that still runs by the mark of its process in the store. What it led to is known in two ways: the operation it
//! became, which was tied to the key in the transaction that started it, and its audit entry, which is written before anything
//! is done. A request that left neither, or whose operation ended without success, has done nothing and is simply done again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bnna_auth::seal::Binding;
use bnna_store::idempotency::{self as rows, Claimant, Request};
use bnna_store::{Digest, Sealed, SessionId, Window, audit};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Platform;
use crate::error::Error;

/// How long answers are kept, hours.
pub const KEPT_HOURS: i64 = 24;

/// The longest answer that is kept, bytes of its JSON.
const LONGEST: usize = 1 << 20;

/// What makes a request the same request as one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// The header's value.
    pub key: String,
    /// The id of the caller's credential with its kind: keys of two credentials have nothing to do with each other.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The hash of query and body.
    pub asked: [u8; 32],
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The status.
    pub status: u16,
    /// The headers that belong to it.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// What a key stands for.
#[derive(Debug)]
pub enum Claimed {
    /// Nothing so far: the request is to be done, and its answer kept or the claim released.
    New(Claim),
    /// The same request is being done. The operation it became, if it has.
    Running(Option<Uuid>),
    /// The same request became this operation, and its answer was lost.
    Became(Uuid),
    /// The same request was begun and cut off. Its action, and how the audit trail says that it ended: nothing where that is not
    /// known.
    CutOff {
        /// What it was doing.
        action: String,
        /// ok, or the code of its error.
        outcome: Option<String>,
    },
    /// The answer.
    Answered(KeptAnswer),
    /// The key was used for another request.
    OtherBody,
    /// The caller has too many keys.
    TooMany,
}

/// The right to do a request. Dropped without an answer, it counts as cut off.
#[derive(Debug)]
pub struct Claim {
    id: Uuid,
    held: Held,
}

impl Claim {
    /// Its id, for the [`Actor`](crate::Actor) who does the work.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.held.all().remove(&self.id);
    }
}

/// The claims that this process works on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(Arc<Mutex<HashSet<Uuid>>>);

impl Held {
    fn all(&self) -> std::sync::MutexGuard<'_, HashSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self) -> Claim {
        let id = Uuid::now_v7();
        self.all().insert(id);
        Claim { id, held: self.clone() }
    }
}

/// What an answer is sealed for: its claim alone.
fn binding(claim: &str) -> Binding<'_> {
    Binding { purpose: "idempotency.answer", row: claim }
}

impl Platform {
    /// Claims a key for a request, or says what it stands for.
    ///
    /// # Errors
    /// The store cannot be written, or a kept answer cannot be opened.
    pub async fn claim(&self, repeat: &Repeat, request_id: &str) -> Result<Claimed, Error> {
        let request = Request {
            key: repeat.key.clone(),
            principal: repeat.principal.clone(),
            route: repeat.route.clone(),
            body_hash: Digest::new(repeat.asked.to_vec()),
        };
        let claim = self.held().claim();
        let owner = self.store().session();
        let claimant = Claimant { claim: claim.id, owner: owner.as_uuid(), request_id: request_id.to_owned() };
        let (at, mine) = (bnna_store::now(), claimant.clone());
        let since = at - time::Duration::hours(KEPT_HOURS);
        let found = self.store().write(move |sql| rows::claim(sql, &request, &mine, at, since)).await?;
        let (other, operation) = match found {
            rows::Claim::New => return Ok(Claimed::New(claim)),
            rows::Claim::OtherBody => return Ok(Claimed::OtherBody),
            rows::Claim::TooMany => return Ok(Claimed::TooMany),
            rows::Claim::Answered { claim, answer } => return self.opened(claim, &answer).map(Claimed::Answered),
            rows::Claim::Open { claimant, operation_id } => (claimant, operation_id),
        };
        if self.is_worked_on(&other) {
            return Ok(Claimed::Running(operation));
        }
        if operation.is_none()
            && let Some((action, outcome)) = self.begun(other.request_id).await?
        {
            return Ok(Claimed::CutOff { action, outcome });
        }
        let taken = self.store().write(move |sql| rows::take_over(sql, other.claim, &claimant)).await?;
        Ok(match (taken, operation) {
            (true, _) => Claimed::New(claim),
            (false, Some(operation)) => Claimed::Became(operation),
            (false, None) => Claimed::Running(None),
        })
    }

    /// Keeps the answer of a claim. One that is too long is not kept: a repeat is told the operation it was of.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn keep_answer(&self, claim: &Claim, answer: &KeptAnswer) -> Result<(), Error> {
        let internal = |error: String| Error::Internal(error);
        let text = serde_json::to_vec(answer).map_err(|error| internal(error.to_string()))?;
        if text.len() > LONGEST {
            tracing::warn!(bytes = text.len(), "an answer is too long to be kept for repeated requests");
            return Ok(());
        }
        let id = claim.id;
        let sealed =
            self.sealer().seal(binding(&id.to_string()), &text).map_err(|error| internal(error.to_string()))?;
        let sealed = Sealed::new(sealed);
        self.store().write(move |sql| rows::finish(sql, id, &sealed)).await?;
        Ok(())
    }

    /// Gives a claim back whose request came to nothing: the next one with its key is done anew. One that became an operation
    /// which goes on, or is done, stays.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn release_claim(&self, claim: Claim) -> Result<(), Error> {
        let id = claim.id;
        self.store().write(move |sql| rows::release(sql, id)).await?;
        Ok(())
    }

    fn is_worked_on(&self, claimant: &Claimant) -> bool {
        if claimant.owner == self.store().session().as_uuid() {
            self.held().all().contains(&claimant.claim)
        } else {
            self.store().is_session_alive(SessionId::from_uuid(claimant.owner))
        }
    }

    /// What a request had begun, as its audit entry tells.
    async fn begun(&self, request_id: String) -> Result<Option<(String, Option<String>)>, Error> {
        let filter = audit::Filter { request_id: Some(request_id), ..audit::Filter::default() };
        let page = self.store().read(move |sql| audit::list(sql, &filter, &Window::first(1))).await?;
        // That it was interrupted says no more than that it began.
        let known = |outcome: Option<String>| outcome.filter(|outcome| outcome != audit::INTERRUPTED);
        Ok(page.items.into_iter().next().map(|entry| (entry.new.action, known(entry.outcome))))
    }

    fn opened(&self, claim: Uuid, answer: &Sealed) -> Result<KeptAnswer, Error> {
        let opened = self.sealer().open(binding(&claim.to_string()), answer.as_bytes());
        let opened = opened.map_err(|error| Error::Internal(format!("a kept answer: {error}")))?;
        serde_json::from_slice(&opened).map_err(|error| Error::Internal(format!("a kept answer: {error}")))
    }
}
