//! What an operation writes: its row and its log, in one transaction, under its lease.

use std::sync::Arc;

use bnna_store::operation_steps::{self, NewEntry};
use bnna_store::{Store, operations as rows};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::lease::Live;
use crate::probe::{Phase, Probe};
use crate::{Failure, Remaining, Settings, State};

/// The lease is lost, or the engine is being dropped: this process writes nothing more about the operation.
#[derive(Debug)]
pub(crate) struct Lost;

/// A line for the log.
pub(crate) struct Line {
    pub(crate) step: usize,
    pub(crate) name: String,
    pub(crate) phase: Phase,
    pub(crate) state: &'static str,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<Failure>,
}

/// The moving part of the row.
#[derive(Clone)]
pub(crate) struct Position {
    pub(crate) state: State,
    pub(crate) done: u32,
    pub(crate) current: Option<String>,
    pub(crate) error: Option<Failure>,
    pub(crate) result: Option<Value>,
    pub(crate) remains: Vec<Remaining>,
}

/// Writes about one operation under one lease.
pub(crate) struct Journal {
    pub(crate) store: Store,
    pub(crate) settings: Arc<Settings>,
    pub(crate) live: Arc<Live>,
    pub(crate) probe: Option<Probe>,
}

impl Journal {
    /// Writes and publishes. Waits as long as the store is temporarily unable to (disk full), but not longer than the lease.
    pub(crate) async fn write(&self, position: &Position, line: Option<Line>) -> Result<(), Lost> {
        let progress = self.progress(position);
        let entry = line.map(|line| self.entry(line));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (progress, entry) = (progress.clone(), entry.clone());
            let (id, fence) = (self.live.id.as_uuid(), self.live.fence);
            let written = self
                .store
                .write(move |sql| {
                    let saved = rows::save(sql, id, fence, &progress)?;
                    if let (Some(_), Some(entry)) = (saved, &entry) {
                        operation_steps::append(sql, entry)?;
                    }
                    Ok(saved)
                })
                .await;
            match written {
                Ok(Some(cancel)) => {
                    if cancel {
                        self.live.cancel.cancel();
                    }
                    self.live.publish(position);
                    return Ok(());
                }
                Ok(None) => {
                    tracing::warn!("another process has taken the operation over");
                    self.live.lost.cancel();
                    return Err(Lost);
                }
                Err(error) if error.is_temporary() => {
                    tracing::warn!(%error, "the state of the operation cannot be written, trying again");
                    self.pause(attempt).await?;
                }
                Err(error) => {
                    tracing::error!(%error, "the state of the operation cannot be written");
                    self.live.lost.cancel();
                    return Err(Lost);
                }
            }
        }
    }

    /// Gives the lease up, so that the operation can go on elsewhere at once.
    pub(crate) async fn release(&self) {
        let (id, fence) = (self.live.id.as_uuid(), self.live.fence);
        if let Err(error) = self.store.write(move |sql| rows::release(sql, id, fence)).await {
            tracing::warn!(%error, "the lease could not be given up; it runs out by itself");
        }
    }

    async fn pause(&self, attempt: u32) -> Result<(), Lost> {
        let lost: &CancellationToken = &self.live.lost;
        tokio::select! {
            () = lost.cancelled() => Err(Lost),
            () = tokio::time::sleep(self.settings.backoff_after(attempt)) => Ok(()),
        }
    }

    fn progress(&self, position: &Position) -> rows::Progress {
        rows::Progress {
            state: position.state.word().to_owned(),
            steps_done: position.done,
            current_step: position.current.clone(),
            error: position.error.as_ref().map(json),
            result: position.result.clone(),
            remains: json(&position.remains),
            at: self.settings.now(),
            finished: position.state.is_final(),
        }
    }

    fn entry(&self, line: Line) -> NewEntry {
        NewEntry {
            operation_id: self.live.id.as_uuid(),
            step: u32::try_from(line.step).unwrap_or(u32::MAX),
            name: line.name,
            phase: line.phase.word().to_owned(),
            state: line.state.to_owned(),
            output: line.output,
            error: line.error.as_ref().map(json),
            fence: self.live.fence,
            at: self.settings.now(),
        }
    }
}

fn json<T: serde::Serialize>(value: &T) -> Value {
    // Failures and remains are strings and JSON: they always serialise.
    serde_json::to_value(value).unwrap_or(Value::Null)
}
