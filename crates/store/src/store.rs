//! The handle of the store: reads, writes, backup, health. Cheap to clone; all clones are one store.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::sql::values;
use crate::sqlite::near::Near;
use crate::sqlite::session::Session;
use crate::sqlite::{backup, prepare, readers, scratch, writer};
use crate::statistics::Counters;
use crate::{Error, Sql, Statistics};

/// Where the store is and how much may wait for it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file. It is created (mode 0600, its directory 0700) when it is missing.
    pub path: PathBuf,
    /// Threads that read, each with a connection. Default 3.
    pub readers: usize,
    /// How many writes, and how many reads, may wait before more are refused with [`Error::Busy`]. Default 4096.
    pub queue: usize,
    /// How long a call may wait for its turn, and a read may run, before it ends with [`Error::Busy`]. Default 30 s.
    pub patience: Duration,
}

impl Options {
    /// The defaults for this file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), readers: 3, queue: 4096, patience: Duration::from_secs(30) }
    }
}

/// The mark of one process that has the store open, see [`Store::is_session_alive`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// The id as it is kept in rows.
    #[must_use]
    pub fn as_uuid(self) -> Uuid {
        self.0
    }

    /// From a row.
    #[must_use]
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }
}

/// What a health probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether reading works, else why not.
    pub read: Result<(), Error>,
    /// Whether writing works, else why not.
    pub write: Result<(), Error>,
}

impl Health {
    /// Both work.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.read.is_ok() && self.write.is_ok()
    }
}

/// The store of one bnna installation.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    readers: usize,
    write: SyncSender<writer::Message>,
    /// Nothing for a copy in memory, which the writing thread alone sees.
    read: Option<SyncSender<readers::Message>>,
    near: Near,
    threads: Mutex<Vec<JoinHandle<()>>>,
    counters: Arc<Counters>,
    session: Arc<Session>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store, creating and migrating it as needed. Two processes may have it open at once; only one migrates.
    ///
    /// # Errors
    /// [`Error::Newer`] for a store of a newer program (nothing is changed), [`Error::NotADatabase`] for a file that is
    /// something else, [`Error::Unwritable`] for a path without the needed rights, [`Error::Busy`] when another process
    /// migrates for longer than a minute.
    pub async fn open(options: Options) -> Result<Self, Error> {
        tokio::task::spawn_blocking(move || Self::open_now(options))
            .await
            .map_err(|error| Error::Closed(error.to_string()))?
    }

    fn open_now(options: Options) -> Result<Self, Error> {
        let Options { path, readers, queue, patience } = options;
        let readers = readers.max(1);
        let session = prepare(&path)?;
        let counters = Arc::new(Counters::default());
        let (write, thread) = writer::start(&path, queue.max(1), patience, Arc::clone(&counters))?;
        let (read, mut threads) = readers::start(&path, readers, queue.max(1), patience, &counters)?;
        threads.push(thread);
        let threads = Mutex::new(threads);
        let (read, near, session) = (Some(read), Near::new(&path), Arc::new(session));
        Ok(Self { inner: Arc::new(Inner { path, readers, write, read, near, threads, counters, session }) })
    }

    /// Runs `work` over one snapshot of the store. It sees every write that was acknowledged before the call.
    ///
    /// # Errors
    /// What `work` returned; [`Error::Busy`] when too much is waiting or the read takes too long.
    pub async fn read<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    {
        self.try_read(work).await
    }

    /// As [`Store::read`], with an error type of the caller's.
    ///
    /// # Errors
    /// What `work` returned, or the store's error as `E`.
    pub async fn try_read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut dyn Sql) -> Result<T, E> + Send + 'static,
    {
        let Some(readers) = &self.inner.read else { return self.try_write(work).await };
        let (answer, answered) = oneshot::channel();
        let work: readers::Work = Box::new(move |snapshot| {
            // A caller that has gone away needs no answer.
            if !answer.is_closed() {
                let _ = answer.send(snapshot.map_err(E::from).and_then(work));
            }
        });
        readers
            .try_send(readers::Message::Read { work, queued: Instant::now() })
            .map_err(|refused| refusal(&refused))?;
        answered.await.unwrap_or_else(|_| Err(Error::Closed("the read did not end".to_owned()).into()))
    }

    /// As [`Store::read`], for a handful of rows found by key: runs on the thread that asks, which costs less than handing the work to
    /// another. When that would make the thread wait, `work` is run again as [`Store::read`] does it.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn glance<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    {
        if self.inner.read.is_some()
            && let Some(outcome) = self.inner.near.read(&self.inner.counters, &work)
        {
            return outcome;
        }
        self.read(work).await
    }

    /// Runs `work` as one transaction: all of its changes are kept, durably, when this returns `Ok`, and none of them when
    /// `work` returns an error or the commit fails. Dropping the future does not take a queued write back.
    ///
    /// `work` runs on the one writing thread: it computes nothing long and waits for nothing.
    ///
    /// # Errors
    /// What `work` returned, or why the commit failed; after [`Error::Full`] and the like the same call may succeed later.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
    {
        self.try_write(work).await
    }

    /// As [`Store::write`], with an error type of the caller's: a rule that refuses (`Err`) rolls its changes back.
    ///
    /// # Errors
    /// What `work` returned, or the store's error as `E`.
    pub async fn try_write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut dyn Sql) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel::<Result<T, E>>();
        // Either the work is run or it is refused; whichever happens takes the sender.
        let answer = Arc::new(Mutex::new(Some(answer)));
        let refusal_answer = Arc::clone(&answer);
        let work: writer::Work = Box::new(move |transaction| {
            let outcome = work(transaction);
            let keep = outcome.is_ok();
            let deliver = Box::new(move |committed: Result<(), Error>| {
                let outcome = match (outcome, committed) {
                    (Ok(_), Err(error)) => Err(E::from(error)),
                    (outcome, _) => outcome,
                };
                send(&answer, outcome);
            });
            writer::Ran { keep, deliver }
        });
        let refuse = Box::new(move |error: Error| send(&refusal_answer, Err(E::from(error))));
        self.inner.counters.write_queued();
        if let Err(refused) = self.inner.write.try_send(writer::Message::Write { work, refuse, queued: Instant::now() })
        {
            self.inner.counters.write_dequeued();
            return Err(refusal(&refused).into());
        }
        answered.await.unwrap_or_else(|_| Err(Error::Closed("the write did not end".to_owned()).into()))
    }

    /// A store in memory that begins with a copy of this one's rows, for work that is only to be tried: nothing done in it reaches
    /// the file, and [`rehearsal::changes`](crate::rehearsal::changes) tells what was done. Logs, answers and keys are not copied.
    /// It goes with its last handle.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn rehearsal(&self) -> Result<Self, Error> {
        let (file, session) = (self.inner.path.clone(), Arc::clone(&self.inner.session));
        tokio::task::spawn_blocking(move || {
            let (path, defaults) = (PathBuf::from(scratch::MEMORY), Options::new(scratch::MEMORY));
            let counters = Arc::new(Counters::default());
            let copy = scratch::copy(&file)?;
            let (write, thread) =
                writer::start_over(copy, &path, defaults.queue, defaults.patience, Arc::clone(&counters))?;
            let threads = Mutex::new(vec![thread]);
            let near = Near::new(&path);
            let inner = Inner { path, readers: 0, write, read: None, near, threads, counters, session };
            Ok(Self { inner: Arc::new(inner) })
        })
        .await
        .map_err(|error| Error::Closed(error.to_string()))?
    }

    /// Copies the live store to a new file (mode 0600) that can be opened as a store. Reads and writes go on meanwhile.
    ///
    /// # Errors
    /// [`Error::Exists`] when there is such a file, [`Error::Full`] and [`Error::Unwritable`] for the target's place.
    pub async fn backup(&self, target: impl Into<PathBuf>) -> Result<(), Error> {
        let (source, target) = (self.inner.path.clone(), target.into());
        tokio::task::spawn_blocking(move || backup::run(&source, &target))
            .await
            .map_err(|error| Error::Closed(error.to_string()))?
    }

    /// Whether the store can be read and written. Cheap: writing is only tried after a commit has failed, to learn whether
    /// it works again.
    pub async fn health(&self) -> Health {
        let read = self.read(|sql| sql.query_one("SELECT COUNT(*) AS rows FROM store_probe", &[]).map(|_| ())).await;
        let write = match self.inner.counters.last_failure() {
            None => Ok(()),
            Some(_) => self.write(touch_probe).await,
        };
        Health { read, write }
    }

    /// The counters now.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.inner.counters.reading()
    }

    /// How often this process has changed who the accounts are, where they are and which guests are recorded. Read before a read
    /// of those, it tells later whether that is still what there is; changes by another process it does not tell.
    #[must_use]
    pub fn tenancy_changes(&self) -> u64 {
        self.inner.counters.tenancy_changes()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The mark of this process in the store; another one after every [`Store::open`].
    #[must_use]
    pub fn session(&self) -> SessionId {
        SessionId(self.inner.session.id())
    }

    /// Whether the process with that mark still has the store open. `false` is certain: it has closed it or is dead.
    #[must_use]
    pub fn is_session_alive(&self, session: SessionId) -> bool {
        self.inner.session.is_alive(session.0)
    }

    /// How many other processes have the store open now.
    #[must_use]
    pub fn other_sessions(&self) -> usize {
        self.inner.session.others()
    }

    /// Runs what is queued, then stops the threads. Calls on any clone afterwards end with [`Error::Closed`].
    pub async fn close(self) {
        let inner = Arc::clone(&self.inner);
        let joined = tokio::task::spawn_blocking(move || {
            inner.stop();
        });
        let _ = joined.await;
    }
}

impl Inner {
    /// Readers first: the connection closed last writes the log back into the file, and only the writer's can.
    fn stop(&self) {
        let mut threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let writer = threads.pop();
        for _ in 0..self.readers {
            let _ = self.read.as_ref().map(|read| read.send(readers::Message::Stop));
        }
        for reader in threads {
            let _ = reader.join();
        }
        self.near.close();
        self.counters.write_queued();
        let _ = self.write.send(writer::Message::Stop);
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }
}

fn send<T, E>(answer: &Mutex<Option<oneshot::Sender<Result<T, E>>>>, outcome: Result<T, E>) {
    if let Some(answer) = answer.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = answer.send(outcome);
    }
}

fn refusal<M>(refused: &TrySendError<M>) -> Error {
    match refused {
        TrySendError::Full(_) => Error::Busy { reason: "too many calls are waiting".to_owned() },
        TrySendError::Disconnected(_) => Error::Closed("it was closed by this program".to_owned()),
    }
}

fn touch_probe(sql: &mut dyn Sql) -> Result<(), Error> {
    sql.execute(
        "INSERT INTO store_probe (id, at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
        values![crate::now()],
    )
    .map(|_| ())
}
