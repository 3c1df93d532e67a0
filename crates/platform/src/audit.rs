//! The audit trail: a row before each action that changes something, its outcome after it.
//!
//! The row is written durably before the action begins, so that what a crash interrupted is visible: such an entry gets the outcome
//! `interrupted`, at the next start or by another process that lives on. Where the action becomes an operation the entry names it,
//! and the operation's end is its outcome.

use std::future::Future;

use bnna_store::{Page, SessionId, Store, Window, audit};
use serde_json::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Error;
use crate::views::AuditView;

pub use bnna_store::audit::{Filter, INTERRUPTED};

/// What an interrupted entry says.
const WHY_INTERRUPTED: &str = "bnpd ended before it was known how this ended; look whether it was done";

/// What is about to be done.
#[derive(Debug, Clone)]
pub struct Deed {
    /// `accounts.create`, `instances.start` …
    pub action: &'static str,
    /// account, instance, cluster, token, setting, operation.
    pub target_kind: &'static str,
    /// Which.
    pub target: String,
    /// The account concerned.
    pub account: Option<String>,
    /// What was asked; never a secret.
    pub detail: Value,
}

impl Deed {
    /// An action on an account.
    pub fn on_account(action: &'static str, slug: &str) -> Self {
        Self {
            action,
            target_kind: "account",
            target: slug.to_owned(),
            account: Some(slug.to_owned()),
            detail: Value::Null,
        }
    }

    /// An action on something else.
    pub fn on(action: &'static str, target_kind: &'static str, target: impl Into<String>) -> Self {
        Self { action, target_kind, target: target.into(), account: None, detail: Value::Null }
    }

    /// With the account that it concerns.
    #[must_use]
    pub fn of_account(mut self, slug: Option<&str>) -> Self {
        self.account = slug.map(str::to_owned);
        self
    }

    /// With what was asked.
    #[must_use]
    pub fn asking(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// An entry whose outcome is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry(Uuid);

impl Entry {
    /// Its id, to be carried along by what finishes it.
    pub fn id(self) -> Uuid {
        self.0
    }
}

/// Writes the row, durably.
///
/// # Errors
/// The store cannot be written: then the action must not begin.
pub async fn begin(store: &Store, actor: &Actor, deed: Deed) -> Result<Entry, Error> {
    let id = Uuid::now_v7();
    let entry = audit::NewEntry {
        id,
        at: bnna_store::now(),
        actor_kind: actor.kind.clone(),
        actor: actor.name.clone(),
        credential_id: actor.credential_id.clone(),
        remote_addr: actor.remote_addr.clone(),
        action: deed.action.to_owned(),
        target_kind: deed.target_kind.to_owned(),
        target: deed.target,
        account: deed.account,
        request_id: actor.request_id.clone(),
        operation_id: None,
        owner: Some(store.session().as_uuid()),
        detail: deed.detail,
    };
    store.write(move |sql| audit::insert(sql, &entry)).await?;
    Ok(Entry(id))
}

/// Notes the operation that an entry's action became.
///
/// # Errors
/// The store cannot be written.
pub async fn became(store: &Store, entry: Entry, operation: Uuid) -> Result<(), Error> {
    store.write(move |sql| audit::set_operation(sql, entry.0, operation)).await?;
    Ok(())
}

/// Notes how it ended. A store that cannot be written now leaves the entry open; that is logged, and the action's own outcome
/// stands.
pub async fn finish<T>(store: &Store, entry: Entry, outcome: &Result<T, Error>) {
    let (word, error) = match outcome {
        Ok(_) => ("ok".to_owned(), None),
        Err(error) => (error.code(), Some(error.to_string())),
    };
    finish_with(store, entry.0, word, error).await;
}

/// Notes an outcome in words.
pub async fn finish_with(store: &Store, entry: Uuid, outcome: String, error: Option<String>) {
    let at = bnna_store::now();
    let written = store.write(move |sql| audit::finish(sql, entry, &outcome, error.as_deref(), at)).await;
    if let Err(error) = written {
        tracing::error!(%error, audit = %entry, "the outcome of an audit entry could not be written");
    }
}

/// Gives what processes left unfinished that are gone the outcome [`INTERRUPTED`]; how many entries.
///
/// # Errors
/// The store cannot be read or written.
pub(crate) async fn interrupt_the_gone(store: &Store) -> Result<u64, Error> {
    let mut gone = store.read(audit::unfinished_by).await?;
    gone.retain(|owner| !store.is_session_alive(SessionId::from_uuid(*owner)));
    if gone.is_empty() {
        return Ok(0);
    }
    let at = bnna_store::now();
    let interrupted = store
        .write(move |sql| gone.iter().map(|owner| audit::interrupt(sql, *owner, WHY_INTERRUPTED, at)).sum())
        .await?;
    tracing::warn!(entries = interrupted, "calls were interrupted when a bnpd ended; the audit trail names them");
    Ok(interrupted)
}

/// Does an action between its two rows.
///
/// # Errors
/// What the action ended with, or that its row could not be written.
pub async fn around<T>(
    store: &Store,
    actor: &Actor,
    deed: Deed,
    action: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let entry = begin(store, actor, deed).await?;
    let outcome = action.await;
    finish(store, entry, &outcome).await;
    outcome
}

/// Entries, newest first.
///
/// # Errors
/// The store cannot be read.
pub async fn list(store: &Store, filter: Filter, window: Window<i64>) -> Result<Page<AuditView, i64>, Error> {
    let page = store.read(move |sql| audit::list(sql, &filter, &window)).await?;
    Ok(Page { items: page.items.into_iter().map(view).collect(), next: page.next })
}

fn view(entry: audit::Entry) -> AuditView {
    let new = entry.new;
    AuditView {
        seq: entry.seq,
        at: new.at,
        actor_kind: new.actor_kind,
        actor: new.actor,
        credential_id: new.credential_id,
        remote_addr: new.remote_addr,
        action: new.action,
        target_kind: new.target_kind,
        target: new.target,
        account: new.account,
        request_id: new.request_id,
        operation_id: new.operation_id,
        detail: Some(new.detail).filter(|detail| !detail.is_null()),
        outcome: entry.outcome.unwrap_or_else(|| "started".to_owned()),
        outcome_at: entry.outcome_at,
        error: entry.error,
    }
}
