//! The threads that read, each with a connection of its own that cannot write. A read sees one snapshot from its first
//! statement to its last, and never waits for the writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{Connection, Mode};
use crate::statistics::Counters;
use crate::{Error, Sql};

/// A queued read: gets the snapshot, or the reason why there is none, and tells its caller itself.
pub(crate) type Work = Box<dyn FnOnce(Result<&mut dyn Sql, Error>) + Send>;

pub(crate) enum Message {
    Read { work: Work, queued: Instant },
    Stop,
}

/// Starts `threads` readers over one queue.
pub(crate) fn start(
    path: &Path,
    threads: usize,
    capacity: usize,
    patience: Duration,
    counters: &Arc<Counters>,
) -> Result<(SyncSender<Message>, Vec<std::thread::JoinHandle<()>>), Error> {
    let (sender, receiver) = sync_channel(capacity);
    let receiver = Arc::new(Mutex::new(receiver));
    let mut handles = Vec::with_capacity(threads);
    for number in 0..threads {
        let connection = Some(Connection::open(path, Mode::Read)?);
        let mut reader = Reader { path: path.to_owned(), connection, patience, counters: Arc::clone(counters) };
        let receiver = Arc::clone(&receiver);
        let thread = std::thread::Builder::new()
            .name(format!("store-reader-{number}"))
            .spawn(move || reader.run(&receiver))
            .map_err(|error| Error::Io(error.to_string()))?;
        handles.push(thread);
    }
    Ok((sender, handles))
}

struct Reader {
    path: PathBuf,
    connection: Option<Connection>,
    patience: Duration,
    counters: Arc<Counters>,
}

impl Reader {
    fn run(&mut self, receiver: &Mutex<Receiver<Message>>) {
        loop {
            let message = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Message::Read { work, queued }) = message else { return };
            if queued.elapsed() > self.patience {
                work(Err(Error::Busy { reason: "the read waited too long for its turn".to_owned() }));
                continue;
            }
            let started = Instant::now();
            self.read(work);
            self.counters.read_done(started.elapsed());
        }
    }

    fn read(&mut self, work: Work) {
        let opened = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Connection::open(&self.path, Mode::Read),
        };
        let begun = opened.and_then(|connection| connection.begin().map(|()| connection));
        let mut connection = match begun {
            Ok(connection) => connection,
            Err(error) => return work(Err(error)),
        };
        connection.limit(Some(self.patience));
        // A panic drops the answer channel, which tells the caller; this thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| work(Ok(&mut connection))));
        connection.limit(None);
        if connection.is_idle() || connection.end().is_ok() {
            self.connection = Some(connection);
        }
    }
}
