//! Which processes have the store open. Each holds a locked file in `<store>.sessions/`; the system drops the lock when the
//! process ends, however it ends. So another process knows at once that a lease's owner is dead and need not wait until
//! the lease runs out. It works where SQLite itself works: all processes of one file are on one machine.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::file::{beside, unwritable};
use crate::Error;

/// The mark of this process; ends with the last handle of the store.
pub(crate) struct Session {
    id: Uuid,
    directory: PathBuf,
    #[expect(dead_code, reason = "the lock lives as long as the open file")]
    file: File,
}

impl Session {
    /// Marks this process and clears the marks of dead ones. The caller holds the lock of the store, so that nobody clears
    /// a mark between its creation and its locking.
    pub(super) fn begin(store: &Path) -> Result<Self, Error> {
        let directory = beside(store, ".sessions");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|error| unwritable(&directory, &error))?;
        clear_dead(&directory);
        let id = Uuid::now_v7();
        let path = directory.join(id.to_string());
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| unwritable(&path, &error))?;
        file.try_lock().map_err(|error| Error::Unwritable { reason: format!("{}: {error}", path.display()) })?;
        Ok(Self { id, directory, file })
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// How many other processes have the store open.
    pub(crate) fn others(&self) -> usize {
        let Ok(marks) = std::fs::read_dir(&self.directory) else { return 0 };
        let mine = self.directory.join(self.id.to_string());
        marks.flatten().filter(|mark| mark.path() != mine && is_locked(&mark.path())).count()
    }

    /// Whether the process of that mark still has the store open. Where that cannot be found out it is taken to be alive.
    pub(crate) fn is_alive(&self, id: Uuid) -> bool {
        id == self.id || is_locked(&self.directory.join(id.to_string()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.directory.join(self.id.to_string()));
    }
}

fn is_locked(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => !matches!(file.try_lock_shared(), Ok(())),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

fn clear_dead(directory: &Path) {
    let Ok(marks) = std::fs::read_dir(directory) else { return };
    for mark in marks.flatten() {
        if !is_locked(&mark.path()) {
            let _ = std::fs::remove_file(mark.path());
        }
    }
}
