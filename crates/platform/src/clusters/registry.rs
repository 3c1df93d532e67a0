//! The list of clusters in use: from the store at the start, changed as operators change it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretString;

use super::cluster::Cluster;
use super::settings::{ClientSettings, ClusterSettings};
use crate::error::Error;

/// The most clusters one bnpd looks after.
pub(super) const MOST: usize = 256;

/// Every cluster, by host.
#[derive(Debug)]
pub struct Clusters {
    pub(crate) clients: ClientSettings,
    known: RwLock<BTreeMap<String, Arc<Cluster>>>,
}

impl Clusters {
    /// No clusters yet.
    pub fn new(clients: ClientSettings) -> Self {
        Self { clients, known: RwLock::default() }
    }

    /// Takes a cluster into use, in the place of one of the same host.
    ///
    /// # Errors
    /// What is set cannot be used: a malformed address, fingerprint, CA or token id; or there are 256 already.
    pub fn put(&self, settings: ClusterSettings, secret: SecretString) -> Result<Arc<Cluster>, Error> {
        let cluster = Arc::new(Cluster::new(settings, secret, &self.clients)?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(&cluster.host) && known.len() >= MOST {
            return Err(bnna_core::Invalid::new("host", format!("there are {MOST} clusters already")).into());
        }
        known.insert(cluster.host.clone(), Arc::clone(&cluster));
        Ok(cluster)
    }

    /// The cluster of a host.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, host: &str) -> Result<Arc<Cluster>, Error> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(host).cloned().ok_or_else(|| Error::not_found(format!("cluster {host}")))
    }

    /// All of them, by host.
    pub fn all(&self) -> Vec<Arc<Cluster>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Their hosts.
    pub fn hosts(&self) -> Vec<String> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}
