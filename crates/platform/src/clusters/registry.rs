//! The list of clusters in use: from the store at the start, changed as operators change it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretString;

use super::cluster::Cluster;
use super::rehearsal::Script;
use super::settings::{ClientSettings, ClusterSettings};
use crate::error::Error;

/// The most clusters one bnpd looks after.
pub(super) const MOST: usize = 256;

/// Every cluster, by host.
#[derive(Debug)]
pub struct Clusters {
    pub(crate) clients: ClientSettings,
    known: RwLock<BTreeMap<String, Arc<Cluster>>>,
    script: Option<Arc<Script>>,
}

impl Clusters {
    /// No clusters yet.
    pub fn new(clients: ClientSettings) -> Self {
        Self { clients, known: RwLock::default(), script: None }
    }

    /// The same clusters for a dry run: what would change them is written into the script, and the list itself may be changed
    /// without anybody noticing.
    #[must_use]
    pub fn rehearsal(&self, script: &Arc<Script>) -> Self {
        let on_stage = |cluster: Arc<Cluster>| (cluster.host.clone(), Arc::new(cluster.on_stage(script)));
        let known = RwLock::new(self.all().into_iter().map(on_stage).collect());
        Self { clients: self.clients.clone(), known, script: Some(Arc::clone(script)) }
    }

    /// Whether everything is only tried.
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.script.is_some()
    }

    /// A cluster with these settings, which is not taken into use yet.
    ///
    /// # Errors
    /// What is set cannot be used.
    pub fn candidate(&self, settings: ClusterSettings, secret: SecretString) -> Result<Cluster, Error> {
        match (self.get(settings.host.as_str()), &self.script) {
            (Ok(known), Some(_)) => known.with(settings, secret),
            (Err(_), Some(script)) => Ok(Cluster::new(settings, secret, &self.clients)?.on_stage(script)),
            (_, None) => Cluster::new(settings, secret, &self.clients),
        }
    }

    /// Takes a cluster into use, in the place of one of the same host.
    ///
    /// # Errors
    /// What is set cannot be used: a malformed address, fingerprint, CA or token id; or there are 256 already.
    pub fn put(&self, settings: ClusterSettings, secret: SecretString) -> Result<Arc<Cluster>, Error> {
        let cluster = Arc::new(self.candidate(settings, secret)?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(&cluster.host) && known.len() >= MOST {
            return Err(bnna_core::Invalid::new("host", format!("there are {MOST} clusters already")).into());
        }
        known.insert(cluster.host.clone(), Arc::clone(&cluster));
        Ok(cluster)
    }

    /// Changes what is set for a cluster in use, or its token: in one go, so that of two who change different things at once
    /// neither undoes the other's.
    ///
    /// # Errors
    /// There is no such cluster, or what is set cannot be used.
    pub fn amend(
        &self,
        host: &str,
        change: impl FnOnce(ClusterSettings, SecretString) -> (ClusterSettings, SecretString),
    ) -> Result<Arc<Cluster>, Error> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(host).ok_or_else(|| Error::not_found(format!("cluster {host}")))?;
        let (settings, secret) = change(before.settings.clone(), before.secret.clone());
        let cluster = match &self.script {
            Some(_) => before.with(settings, secret)?,
            None => Cluster::new(settings, secret, &self.clients)?,
        };
        let cluster = Arc::new(cluster);
        known.insert(host.to_owned(), Arc::clone(&cluster));
        Ok(cluster)
    }

    /// Takes a cluster into use in the place of `before`, unless something else has taken that place meanwhile, which `false` says.
    pub(super) fn replace(&self, before: Option<&Arc<Cluster>>, cluster: &Arc<Cluster>) -> bool {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let unchanged = match (known.get(&cluster.host), before) {
            (None, None) => known.len() < MOST,
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            _ => false,
        };
        if unchanged {
            known.insert(cluster.host.clone(), Arc::clone(cluster));
        }
        unchanged
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
