//! What a canary found.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether an account is kept to its own on its clusters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CanaryReport {
    /// The account.
    pub account: String,
    /// Whether everything foreign was refused on every cluster.
    pub tight: bool,
    /// One for each of its clusters.
    pub clusters: Vec<CanaryOnCluster>,
}

/// What the canaries of all accounts found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CanaryRoundReport {
    /// How many accounts were tried.
    pub tried: u32,
    /// How many of those are kept to their own.
    pub tight: u32,
    /// How many could not be tried.
    pub missed: u32,
    /// What was found of the first hundred that are not tight; of the others it is in their health.
    pub not_tight: Vec<CanaryReport>,
    /// The first hundred that could not be tried.
    pub not_tried: Vec<NotTried>,
}

/// An account that could not be tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotTried {
    /// The account.
    pub account: String,
    /// Why.
    pub why: String,
}

/// What was tried on one cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CanaryOnCluster {
    /// The cluster's host.
    pub cluster: String,
    /// How many answers were as they should be: refusals, and rows of lists that are the account's own.
    pub refused: u32,
    /// What was not refused.
    pub not_refused: Vec<Hole>,
    /// How many foreign pools, guests and storages there are and how many were tried: each costs a call.
    pub foreign: u32,
    /// See `foreign`.
    pub tried: u32,
}

/// Something foreign that an account's users can reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hole {
    /// `rights`, `list`, `pool`, `guest`, `storage` or `volume`.
    pub what: String,
    /// Its ACL path, or the volume's id.
    pub path: String,
    /// What could be done with it.
    pub found: String,
}

impl Hole {
    /// One hole.
    pub(crate) fn new(what: &str, path: &str, found: &str) -> Self {
        Self { what: what.to_owned(), path: path.to_owned(), found: found.to_owned() }
    }
}
