//! Seeds: a cluster's state rebuilt from answers recorded on a real one, one file an answer, listed in `INDEX.json`.
//!
//! What the answers show is taken over: nodes, guests with their configurations and snapshots, pools, users, groups, roles,
//! ACLs, tokens, storages with their content and figures, network interfaces, virtual networks, firewalls, options, jobs, high
//! availability, tasks. What they cannot show is made: tokens get new secrets (`tokens` of the
//! loaded seed says which), users no password.

mod access;
mod answers;
mod configuration;
mod demo;
mod guests;
mod nodes;
mod record;
mod storages;

use std::path::Path;

use crate::state::Cluster;
use crate::state::access::Secret;

pub use answers::{Answers, SeedError};
pub use demo::{demo_cluster, demo_single};
pub use record::{RecordError, Recorded, record};

/// A cluster from a seed.
#[derive(Debug)]
pub struct Seed {
    /// The cluster.
    pub cluster: Cluster,
    /// The tokens, with the secrets that were made for them.
    pub tokens: Vec<(String, Secret)>,
    /// What the answers show and could not be made again, with the refusal.
    pub left_out: Vec<String>,
}

impl Seed {
    /// Builds a cluster from the answers in a directory.
    ///
    /// # Errors
    /// The directory, its index or an answer cannot be read, or there is no node in it.
    pub fn load(directory: &Path) -> Result<Self, SeedError> {
        Self::from_answers(&Answers::read(directory)?)
    }

    /// Builds a cluster from answers.
    ///
    /// # Errors
    /// There is no node in them.
    pub fn from_answers(answers: &Answers) -> Result<Self, SeedError> {
        let mut cluster = Cluster::default();
        nodes::fill(&mut cluster, answers)?;
        let tokens = access::fill(&mut cluster, answers);
        storages::fill(&mut cluster, answers);
        guests::fill(&mut cluster, answers);
        access::pools(&mut cluster, answers);
        let left_out = configuration::fill(&mut cluster, answers);
        nodes::tasks(&mut cluster, answers);
        cluster.rights_changed();
        Ok(Self { cluster, tokens, left_out })
    }
}

/// The cluster of the seed in a directory.
///
/// # Errors
/// As [`Seed::load`].
pub fn load(directory: &Path) -> Result<Cluster, SeedError> {
    Seed::load(directory).map(|seed| seed.cluster)
}
