//! Saving a cluster to a file and loading it again, and the certificates that live with it.

use std::io::Write as _;
use std::path::Path;

use crate::SimError;
use crate::wire::tls;

use super::Cluster;

impl Cluster {
    /// Reads a saved state.
    ///
    /// # Errors
    /// [`SimError::File`], [`SimError::Format`].
    pub fn load(path: &Path) -> Result<Self, SimError> {
        let text = std::fs::read(path).map_err(|source| SimError::File { path: path.display().to_string(), source })?;
        serde_json::from_slice(&text).map_err(|source| SimError::Format { path: path.display().to_string(), source })
    }

    /// Writes the state to a file, by way of a new one beside it, so that a crash leaves the old or the new. Only its owner can read it.
    ///
    /// # Errors
    /// [`SimError::File`], [`SimError::Format`].
    pub fn save(&self, path: &Path) -> Result<(), SimError> {
        let shown = || path.display().to_string();
        let text = serde_json::to_vec(self).map_err(|source| SimError::Format { path: shown(), source })?;
        let fresh = path.with_extension("new");
        let write = || {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&fresh, path)
        };
        write().map_err(|source| SimError::File { path: shown(), source })
    }

    /// Makes the certificates that are missing.
    ///
    /// # Errors
    /// When a key or certificate cannot be made.
    pub fn make_certificates(&mut self) -> Result<(), tls::TlsError> {
        let name = self.name.clone().unwrap_or_else(|| "single".to_owned());
        if self.nodes.authority.certificate.is_empty() {
            self.nodes.authority = tls::authority(&name)?;
        }
        let authority = self.nodes.authority.clone();
        for node in self.nodes.iter_mut() {
            if node.identity.certificate.is_empty() {
                node.identity = tls::node(&authority, &name, &node.name)?;
            }
            node.fingerprint = tls::fingerprint(&node.shown().certificate)?;
        }
        Ok(())
    }
}
