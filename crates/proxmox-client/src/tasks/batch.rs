//! Waiting for many tasks of one cluster at the price of one call a round.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{TaskHandle, TaskOutcome, Wait, passes};
use crate::Pve;
use crate::error::{Result, TaskError};
use crate::ids::Upid;

/// Waits for all of `tasks`, tasks of the cluster `pve`. One call a round asks for the cluster's recent tasks; only a
/// task that this list does not show is asked for by itself.
///
/// Every task is in the answer: with its outcome, or with the error that ended the waiting for it, as [`TaskHandle::wait`]
/// would return it.
pub async fn wait_all(pve: &Pve, tasks: &[Upid], wait: Wait) -> BTreeMap<Upid, Result<TaskOutcome>> {
    let begun = Instant::now();
    let mut interval = wait.first;
    let mut pending: Vec<TaskHandle> = tasks.iter().map(|upid| pve.task(upid.clone())).collect();
    let mut done = BTreeMap::new();
    while !pending.is_empty() {
        round(pve, &mut pending, &mut done).await;
        if pending.is_empty() {
            break;
        }
        if begun.elapsed() + interval > wait.deadline {
            for task in pending.drain(..) {
                let upid = task.upid().clone();
                let deadline = TaskError::Deadline { upid: upid.clone(), waited: begun.elapsed(), last_error: None };
                done.insert(upid, Err(Box::new(deadline).into()));
            }
            break;
        }
        tokio::time::sleep(interval).await;
        interval = (interval + interval / 2).min(wait.longest);
    }
    done
}

/// One round: what has ended moves from `pending` to `done`.
async fn round(pve: &Pve, pending: &mut Vec<TaskHandle>, done: &mut BTreeMap<Upid, Result<TaskOutcome>>) {
    let listed = match pve.cluster().tasks().await {
        Ok(rows) => rows.into_iter().map(|row| (row.upid.clone(), row)).collect::<BTreeMap<_, _>>(),
        Err(error) if passes(&error) => return,
        // Without the list each is asked for by itself, and says for itself what is wrong.
        Err(_) => BTreeMap::new(),
    };
    let mut still = Vec::with_capacity(pending.len());
    for task in pending.drain(..) {
        let result = match listed.get(task.upid()) {
            Some(row) => row.outcome().map(Ok),
            None => match task.status().await {
                Ok(status) => status.outcome().map(Ok),
                Err(error) if passes(&error) => None,
                Err(error) => Some(Err(error)),
            },
        };
        match result {
            Some(result) => drop(done.insert(task.upid().clone(), result)),
            None => still.push(task),
        }
    }
    *pending = still;
}
