//! The configuration file: used, or every mistake is named.

use std::path::PathBuf;
use std::sync::OnceLock;

use tempfile::TempDir;

// bnpd's, whichever way it is included.
use crate::config::{Flags, load};

pub fn configuration(data: &[u8]) {
    static PLACE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, file) = PLACE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bnpd.toml");
        (directory, file)
    });
    std::fs::write(file, data).unwrap();
    let flags = Flags { listen: None, directory: None };
    if let Err(mistakes) = load(Some(file), &flags).config {
        assert!(!mistakes.to_string().is_empty());
    }
}
