//! A copy of the live store in a new file. Readers and the writer go on; the copy is the store at one instant.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};

use super::connection::{Connection, Mode, translate};
use super::file::{beside, unwritable};
use crate::Error;

/// How often a copy that finds the store locked tries again, 50 ms apart.
const ATTEMPTS: u32 = 200;

/// Copies `store` to `target`, which must not exist. A copy that fails half way leaves nothing named `target`.
pub(crate) fn run(store: &Path, target: &Path) -> Result<(), Error> {
    if target.symlink_metadata().is_ok() {
        return Err(Error::Exists(target.to_owned()));
    }
    let partial = beside(target, &format!(".partial-{}", uuid::Uuid::now_v7()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .map_err(|error| unwritable(&partial, &error))?;
    let outcome = copy(store, &partial).and_then(|()| publish(&partial, target));
    for leftover in [partial.clone(), beside(&partial, "-wal"), beside(&partial, "-shm")] {
        let _ = std::fs::remove_file(leftover);
    }
    outcome
}

fn copy(store: &Path, partial: &Path) -> Result<(), Error> {
    let source = Connection::open(store, Mode::Read)?;
    let mut copy = rusqlite::Connection::open(partial).map_err(|error| translate(&error))?;
    {
        let backup = Backup::new(&source.inner, &mut copy).map_err(|error| translate(&error))?;
        // All pages in one step are one snapshot: in WAL mode a long reader holds nobody up.
        let mut attempts = 0;
        while backup.step(-1).map_err(|error| translate(&error))? != StepResult::Done {
            attempts += 1;
            if attempts > ATTEMPTS {
                return Err(Error::Busy { reason: "it stayed locked during the backup".to_owned() });
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
    copy.close().map_err(|(_, error)| translate(&error))
}

/// Gives the finished copy its name, never over another file, and makes file and name durable.
fn publish(partial: &Path, target: &Path) -> Result<(), Error> {
    File::open(partial).and_then(|file| file.sync_all()).map_err(|error| unwritable(partial, &error))?;
    std::fs::hard_link(partial, target).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::Exists(target.to_owned()),
        _ => unwritable(target, &error),
    })?;
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| unwritable(directory, &error))
}
