//! Changing the configuration of a guest: what is written down, what takes effect at once and what waits for the next start.

mod lxc;
mod qemu;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::Fault;
use crate::state::Cluster;

use super::{GuestKind, OnGuest, Section};

/// A change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Change {
    /// New values, volumes as asked for.
    pub set: Section,
    /// Options to remove.
    pub delete: Vec<String>,
    /// Options whose pending change is dropped.
    pub revert: Vec<String>,
    /// Removed drives lose their volume, too.
    pub force: bool,
    /// The digest that the caller saw.
    pub digest: Option<String>,
    /// Do not mind a lock.
    pub skip_lock: bool,
}

/// Why a change was not made, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// A plain refusal.
    #[error("{0}")]
    Refused(String),
    /// These options could not be changed now.
    #[error("Parameter verification failed.")]
    Options(BTreeMap<String, String>),
}

impl ChangeError {
    /// The text that a task ends with.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Refused(text) => text.clone(),
            Self::Options(errors) => {
                let mut text = "400 Parameter verification failed.\n".to_owned();
                for (option, error) in errors {
                    text.push_str(&format!("{option}: {error}"));
                }
                text
            }
        }
    }
}

impl From<String> for ChangeError {
    fn from(text: String) -> Self {
        Self::Refused(text)
    }
}

impl From<&str> for ChangeError {
    fn from(text: &str) -> Self {
        Self::Refused(text.to_owned())
    }
}

impl From<ChangeError> for Fault {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Refused(text) => Self::die(text),
            ChangeError::Options(errors) => Self::params(errors),
        }
    }
}

impl Change {
    /// Checks what the server checks before it starts to change anything: the digest, the lock, the balance of memory.
    ///
    /// # Errors
    /// The refusal.
    pub fn check(&self, cluster: &Cluster, on: OnGuest, node: &str) -> Result<(), String> {
        match on.kind {
            GuestKind::Qemu => qemu::check(self, cluster, on, node),
            GuestKind::Lxc => Ok(()),
        }
    }
}

/// Makes a change.
///
/// # Errors
/// A refusal, or the options that could not be changed now.
pub fn apply(
    cluster: &mut Cluster,
    on: OnGuest,
    node: &str,
    change: &Change,
    at_ms: i64,
    log: &mut Vec<String>,
) -> Result<(), ChangeError> {
    cluster.require_writable(on.kind, node, on.vmid)?;
    cluster.touch_guest(on.vmid, at_ms);
    match on.kind {
        GuestKind::Qemu => qemu::apply(cluster, on, node, change, at_ms, log),
        GuestKind::Lxc => lxc::apply(cluster, on, node, change, at_ms, log),
    }
}

/// Lets what was pending take effect, because the guest is not running.
pub fn apply_pending(cluster: &mut Cluster, on: OnGuest, node: &str) {
    match on.kind {
        GuestKind::Qemu => qemu::apply_pending(cluster, on, node),
        GuestKind::Lxc => lxc::apply_pending(cluster, on, node),
    }
}

/// Tags as they are stored: lower case, each once, sorted, joined by semicolons.
#[must_use]
pub fn normal_tags(text: &str) -> String {
    let tags: std::collections::BTreeSet<String> = crate::api::split_list(text).map(str::to_lowercase).collect();
    tags.into_iter().collect::<Vec<_>>().join(";")
}

impl Cluster {
    /// Remembers what the nodes told each other about a guest, because it is about to change.
    pub fn touch_guest(&mut self, vmid: u32, at_ms: i64) {
        let interval = self.behaviour.telling_interval_ms;
        let Some(guest) = self.guests.get_mut(vmid) else { return };
        let (booted, cpus) = self.nodes.get(&guest.node).map_or((0, 1), |node| (node.booted * 1000, node.cpus));
        guest.about_to_change(booted, interval, cpus, at_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_unique() {
        assert_eq!(normal_tags("b;a;a"), "a;b");
        assert_eq!(normal_tags("A,b C"), "a;b;c");
    }
}
