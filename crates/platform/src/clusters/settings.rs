//! How a cluster is reached and trusted, and what is set for it; how clients for clusters are made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bnna_core::ClusterHost;
use proxmox_client::Observer;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Which certificates a cluster's nodes may show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Those with one of these SHA-256 fingerprints.
    Fingerprints(Vec<String>),
    /// Those signed by this CA (PEM).
    Ca(String),
    /// Those that the system trusts.
    System,
}

/// What is known of a cluster, apart from its token's secret.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSettings {
    /// What it is addressed by.
    pub host: ClusterHost,
    /// What people call it.
    pub name: String,
    /// Where it is asked, in this order; the host itself when empty.
    pub addresses: Vec<String>,
    /// Which certificates it may show.
    pub trust: Trust,
    /// bnpd's token there, `user@realm!name`.
    pub token_id: String,
    /// When that was last changed here.
    pub token_rotated_at: Option<time::OffsetDateTime>,
    /// Base domain of the guests' direct names.
    pub base_domain: Option<String>,
    /// Where tenants' networks are taken from.
    pub supernets: Vec<String>,
    /// Node for new guests.
    pub default_node: Option<String>,
    /// Storage that new accounts get space on.
    pub default_storage: Option<String>,
}

impl ClusterSettings {
    /// The addresses to ask.
    pub fn addresses(&self) -> Vec<String> {
        if self.addresses.is_empty() { vec![self.host.to_string()] } else { self.addresses.clone() }
    }
}

/// What an operator sends for a cluster: missing is unchanged.
#[derive(Clone, Default)]
pub struct PutCluster {
    /// What people call it.
    pub name: Option<String>,
    /// Where it is asked.
    pub addresses: Option<Vec<String>>,
    /// Which certificates it may show.
    pub trust: Option<Trust>,
    /// bnpd's token there and its secret.
    pub token: Option<(String, SecretString)>,
    /// Base domain of direct names; empty clears.
    pub base_domain: Option<String>,
    /// Where tenants' networks are taken from.
    pub supernets: Option<Vec<String>>,
    /// Node for new guests; empty clears.
    pub default_node: Option<String>,
    /// Storage for new accounts; empty clears.
    pub default_storage: Option<String>,
}

impl fmt::Debug for PutCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutCluster")
            .field("name", &self.name)
            .field("token_id", &self.token.as_ref().map(|(id, _)| id))
            .finish_non_exhaustive()
    }
}

/// How clients for clusters are made.
#[derive(Clone)]
pub struct ClientSettings {
    /// How long an answer waits for a cluster.
    pub deadline: Duration,
    /// Longest time to connect.
    pub connect: Duration,
    /// Longest time of one call with all its attempts.
    pub call: Duration,
    /// Calls that one cluster gets at once.
    pub calls: usize,
    /// Calls of requests that may wait for their turn at one cluster.
    pub waiting: usize,
    /// How old a listing may be that readers get; nothing is kept when that is zero.
    pub listing_age: Duration,
    /// Sees every call.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for ClientSettings {
    /// Ten seconds for an answer, six calls at once, 128 waiting, nothing kept.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            call: Duration::from_secs(60),
            calls: 6,
            waiting: 128,
            listing_age: Duration::ZERO,
            observer: None,
        }
    }
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("deadline", &self.deadline)
            .field("calls", &self.calls)
            .field("waiting", &self.waiting)
            .field("listing_age", &self.listing_age)
            .finish_non_exhaustive()
    }
}
