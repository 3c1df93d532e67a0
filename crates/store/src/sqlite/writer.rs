//! The one thread that writes. Waiting writes are run in one transaction, each in a savepoint of its own, and committed by
//! one flush to disk: a write that fails takes nothing of its neighbours with it, and nobody hears "done" before the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::connection::{Connection, Mode};
use crate::statistics::Counters;
use crate::{Error, Sql};

/// At most so many writes share a commit, so that the first of them does not wait for the last of a flood.
const LARGEST_BATCH: usize = 256;

/// A queued write: runs against the transaction, says whether its changes are to be kept, and hands over a function that
/// tells the caller once it is known whether the commit succeeded.
pub(crate) type Work = Box<dyn FnOnce(&mut dyn Sql) -> Ran + Send>;
/// Tells the caller of a write that was not run.
pub(crate) type Refuse = Box<dyn FnOnce(Error) + Send>;
/// Tells the caller of a write that was run how its commit ended.
pub(crate) type Deliver = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// How a write ended inside its savepoint.
pub(crate) struct Ran {
    pub(crate) keep: bool,
    pub(crate) deliver: Deliver,
}

pub(crate) enum Message {
    Write { work: Work, refuse: Refuse, queued: Instant },
    Stop,
}

/// Starts the thread; the first connection is opened before this returns.
pub(crate) fn start(
    path: &Path,
    capacity: usize,
    patience: Duration,
    counters: Arc<Counters>,
) -> Result<(SyncSender<Message>, std::thread::JoinHandle<()>), Error> {
    start_over(Connection::open(path, Mode::Write)?, path, capacity, patience, counters)
}

/// The same over a connection that is open.
pub(crate) fn start_over(
    connection: Connection,
    path: &Path,
    capacity: usize,
    patience: Duration,
    counters: Arc<Counters>,
) -> Result<(SyncSender<Message>, std::thread::JoinHandle<()>), Error> {
    let (sender, receiver) = sync_channel(capacity);
    let mut writer = Writer { path: path.to_owned(), connection: Some(connection), patience, counters };
    let thread = std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || writer.run(&receiver))
        .map_err(|error| Error::Io(error.to_string()))?;
    Ok((sender, thread))
}

struct Writer {
    path: PathBuf,
    /// `None` after an error that leaves the connection in doubt; opened again for the next batch.
    connection: Option<Connection>,
    patience: Duration,
    counters: Arc<Counters>,
}

impl Writer {
    fn run(&mut self, receiver: &Receiver<Message>) {
        while let Ok(first) = receiver.recv() {
            let mut batch = Vec::new();
            let mut next = Some(first);
            let mut stop = false;
            while let Some(message) = next.take() {
                self.counters.write_dequeued();
                match message {
                    Message::Stop => stop = true,
                    Message::Write { refuse, queued, .. } if queued.elapsed() > self.patience => {
                        refuse(Error::Busy { reason: "the write waited too long for its turn".to_owned() });
                    }
                    Message::Write { work, refuse, .. } => batch.push((work, refuse)),
                }
                if !stop && batch.len() < LARGEST_BATCH {
                    next = receiver.try_recv().ok();
                }
            }
            if !batch.is_empty() {
                self.commit(batch);
            }
            if stop {
                return;
            }
        }
    }

    fn commit(&mut self, batch: Vec<(Work, Refuse)>) {
        let started = Instant::now();
        let size = batch.len();
        let mut connection = match self.begin() {
            Ok(connection) => connection,
            Err(error) => {
                self.counters.batch_failed(size, &error);
                batch.into_iter().for_each(|(_, refuse)| refuse(error.clone()));
                return;
            }
        };
        let mut delivered = Vec::with_capacity(size);
        let mut lost = None;
        let mut batch = batch.into_iter();
        for (work, refuse) in batch.by_ref() {
            let saved = match connection.batch("SAVEPOINT one") {
                Ok(()) => in_savepoint(&mut connection, work),
                Err(error) => {
                    refuse(error.clone());
                    Saved { deliver: None, lost: Some(error) }
                }
            };
            delivered.extend(saved.deliver);
            if saved.lost.is_some() {
                lost = saved.lost;
                break;
            }
        }
        let trouble = connection.take_trouble();
        let outcome = match lost {
            None => connection.batch("COMMIT"),
            Some(error) => Err(trouble.clone().unwrap_or(error)),
        };
        if !connection.is_idle() {
            let _ = connection.batch("ROLLBACK");
        }
        // Before anybody hears of the commit: whoever reads after that must not take what was read before for the present.
        if connection.take_touched() {
            self.counters.tenancy_changed();
        }
        match &outcome {
            Ok(()) => self.counters.batch_done(size, started.elapsed()),
            Err(error) => self.counters.batch_failed(size, error),
        }
        if let Some(trouble) = &trouble {
            self.counters.trouble(trouble);
        }
        let doubtful = outcome.as_ref().err().into_iter().chain(&trouble).any(leaves_doubt);
        if connection.is_idle() && !doubtful {
            self.connection = Some(connection);
        }
        if let Err(error) = &outcome {
            batch.for_each(|(_, refuse)| refuse(error.clone()));
        }
        delivered.into_iter().for_each(|deliver| deliver(outcome.clone()));
    }

    fn begin(&mut self) -> Result<Connection, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.path, Mode::Write)?,
        };
        let begun = connection.batch("BEGIN IMMEDIATE");
        match begun {
            Ok(()) => Ok(connection),
            Err(error) => {
                if connection.is_idle() && !leaves_doubt(&error) {
                    self.connection = Some(connection);
                }
                Err(error)
            }
        }
    }
}

/// Whether the connection may have lost its file (moved, remounted, damaged) and is better opened again.
fn leaves_doubt(error: &Error) -> bool {
    matches!(error, Error::Unwritable { .. } | Error::Corrupt(_) | Error::Io(_))
}

struct Saved {
    deliver: Option<Deliver>,
    /// Set when the whole transaction is gone: SQLite rolls it back by itself when the disk is full or fails.
    lost: Option<Error>,
}

fn in_savepoint(connection: &mut Connection, work: Work) -> Saved {
    let ran = catch_unwind(AssertUnwindSafe(|| work(connection)));
    let (keep, deliver) = match ran {
        Ok(ran) => (ran.keep, Some(ran.deliver)),
        // The caller hears of it because its answer channel was dropped with the closure.
        Err(_) => (false, None),
    };
    if connection.is_idle() {
        let error = Error::Io("the transaction was rolled back by the disk or by one of the writes in it".to_owned());
        return Saved { deliver, lost: Some(error) };
    }
    let end = if keep { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" };
    Saved { deliver, lost: connection.batch(end).err() }
}
