//! How long rows stay that nobody needs for ever: operations that ended, Proxmox tasks, tenant tokens that hold no more, and,
//! much shorter, answers to requests that were made with a key. The audit trail is not among them: it is kept whole.

use std::time::Duration;

use bnna_store::{idempotency, operations, tasks, tenant_tokens};
use time::OffsetDateTime;

use crate::Platform;
use crate::repeats;

/// For how long they are kept after their end, days.
pub const KEPT_DAYS: i64 = 90;
/// How often older ones are removed.
pub const EVERY: Duration = Duration::from_secs(3600);

/// How many rows went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Operations with their steps.
    pub operations: u64,
    /// Proxmox tasks.
    pub tasks: u64,
    /// Tenant tokens.
    pub tokens: u64,
    /// Idempotency keys.
    pub keys: u64,
}

impl Platform {
    /// Removes what ended more than [`KEPT_DAYS`] before `now`, and keys older than [`repeats::KEPT_HOURS`], in one transaction. Audit entries get the outcome of their
    /// operations first.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn purge(&self, now: OffsetDateTime) -> Result<Purged, bnna_store::Error> {
        let before = now - time::Duration::days(KEPT_DAYS);
        let answered_before = now - time::Duration::hours(repeats::KEPT_HOURS);
        self.settle().await;
        self.store()
            .write(move |sql| {
                Ok(Purged {
                    operations: operations::purge(sql, before)?,
                    tasks: tasks::purge(sql, before)?,
                    tokens: tenant_tokens::purge(sql, before)?,
                    keys: idempotency::purge(sql, answered_before)?,
                })
            })
            .await
    }
}

/// Purges from time to time. Ends when the platform does.
pub(crate) async fn purge_from_time_to_time(platform: impl Fn() -> Option<Platform> + Send + 'static) {
    loop {
        let Some(alive) = platform() else { return };
        match alive.purge(bnna_store::now()).await {
            Ok(purged) if purged == Purged::default() => {}
            Ok(purged) => tracing::info!(?purged, "old rows were removed"),
            Err(error) => tracing::warn!(%error, "old rows could not be removed"),
        }
        let ended = alive.ended();
        drop(alive);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = ended.cancelled_owned() => return,
        }
    }
}
