//! What works as it was read at the start, and will keep bnpd from starting again: for whoever looks after it.

use std::path::PathBuf;

use bnna_auth::csvauth;
use bnna_auth::seal::MasterKey;

use crate::Platform;

/// The key files that the daemon was started from.
#[derive(Debug, Clone, Default)]
pub struct KeyFiles {
    /// What seals secrets.
    pub master: Option<PathBuf>,
    /// What verifies the operators' table.
    pub csvauth: Option<PathBuf>,
}

impl Platform {
    /// Looks at the operators' table and the key files; empty when all is well. What it says names no file and no secret, because
    /// anybody may ask.
    pub async fn worn(&self) -> Vec<String> {
        let mut worn = Vec::new();
        if self.users().status().error.is_some() {
            worn.push("the users table cannot be used as it is; the one before stays in use".to_owned());
        }
        let files = self.settings_in_use().key_files.clone();
        let looked = tokio::task::spawn_blocking(move || files.broken()).await;
        worn.extend(looked.unwrap_or_default());
        worn
    }
}

impl KeyFiles {
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.master.as_ref().is_some_and(|file| MasterKey::load(file).is_err()) {
            broken.push("the master key file cannot be used; bnpd would not start again".to_owned());
        }
        if self.csvauth.as_ref().is_some_and(|file| csvauth::Key::load(file).is_err()) {
            broken.push("csvauth's key file cannot be used; bnpd would not start again".to_owned());
        }
        broken
    }
}
