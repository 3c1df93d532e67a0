//! `bnpd store backup FILE`: a copy of the live store, while bnpd runs or not.

use std::path::Path;

use bnna_store::{Options, Store};

use crate::compose::store_file;

/// Copies the store in a directory to a new file.
///
/// # Errors
/// There is no store, it cannot be read, or the file is there already.
pub async fn run(directory: &Path, target: &Path) -> Result<(), BackupError> {
    let file = store_file(directory);
    if !file.exists() {
        return Err(BackupError::Missing(file));
    }
    let store = Store::open(Options::new(file)).await?;
    store.backup(target).await?;
    store.close().await;
    Ok(())
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// No store in the directory.
    #[error("there is no store at {}; is [store] directory right?", .0.display())]
    Missing(std::path::PathBuf),
    /// The store, or the target.
    #[error(transparent)]
    Store(#[from] bnna_store::Error),
}
