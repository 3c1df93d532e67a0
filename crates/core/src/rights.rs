//! An account's rights on a cluster, as Proxmox ACL entries of the account's group.
//!
//! Only entries of the account's own group are ever computed, compared or changed; what other subjects hold on the same paths
//! is not this module's business. Where the entries come from: the defaults below for an account that bnna created, or the
//! entries its group had when the pool was adopted. What the account's status makes of them: active as they are, suspended
//! each write role replaced by `PVEAuditor` inside the account's scope, disabled none. `NoAccess` stays in every status.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AccountStatus, Vmid};

/// The role that may look and not touch.
const READ_ONLY: &str = "PVEAuditor";
/// The role that takes everything away; it stays what it is whatever the status.
const NO_ACCESS: &str = "NoAccess";

/// One entry of a cluster's access control list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AclEntry {
    /// The object, `/pool/acme`.
    pub path: String,
    /// The role.
    pub role: String,
    /// The subject: here always a group.
    pub ugid: String,
    /// Whether the entry holds below the path too.
    pub propagate: bool,
}

/// What belongs to an account on one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The account's pool and those nested in it.
    pub pools: BTreeSet<String>,
    /// The members of those pools.
    pub guests: BTreeSet<Vmid>,
    /// The storages of those pools.
    pub storages: BTreeSet<String>,
    /// The SDN zones that hold the account's networks.
    pub zones: BTreeSet<String>,
}

impl Scope {
    /// Whether an ACL path lies inside.
    pub fn contains(&self, path: &str) -> bool {
        let mut parts = path.trim_matches('/').splitn(2, '/');
        let (Some(kind), Some(object)) = (parts.next(), parts.next()) else { return false };
        match kind {
            "pool" => self.pools.contains(object),
            "vms" => Vmid::parse(object).is_ok_and(|vmid| self.guests.contains(&vmid)),
            "storage" => self.storages.contains(object),
            "sdn" => object
                .strip_prefix("zones/")
                .is_some_and(|zone| zone.split('/').next().is_some_and(|zone| self.zones.contains(zone))),
            _ => false,
        }
    }
}

/// What an account's group holds by default: its guests and its pool in full, space on the pool's storages, use of its zones.
pub fn default_rights(group: &str, pool: &str, scope: &Scope) -> Vec<AclEntry> {
    let entry =
        |path: String, role: &str| AclEntry { path, role: role.to_owned(), ugid: group.to_owned(), propagate: true };
    let mut wanted = vec![entry(format!("/pool/{pool}"), "PVEPoolAdmin"), entry(format!("/pool/{pool}"), "PVEVMAdmin")];
    wanted.extend(scope.storages.iter().map(|storage| entry(format!("/storage/{storage}"), "PVEDatastoreUser")));
    wanted.extend(scope.zones.iter().map(|zone| entry(format!("/sdn/zones/{zone}"), "PVESDNUser")));
    wanted.sort();
    wanted
}

/// What the account's status leaves of its rights.
pub fn wanted_rights(status: AccountStatus, rights: &[AclEntry], scope: &Scope) -> Vec<AclEntry> {
    let wanted: BTreeSet<AclEntry> = match status {
        AccountStatus::Active => rights.iter().cloned().collect(),
        AccountStatus::Suspended => rights
            .iter()
            .filter(|entry| scope.contains(&entry.path) || entry.role == NO_ACCESS)
            .map(|entry| AclEntry {
                role: if entry.role == NO_ACCESS { NO_ACCESS } else { READ_ONLY }.to_owned(),
                ..entry.clone()
            })
            .collect(),
        // Proxmox lets only holders of Permissions.Modify take NoAccess away, and it gives nothing.
        AccountStatus::Disabled => rights.iter().filter(|entry| entry.role == NO_ACCESS).cloned().collect(),
    };
    // One path, role and subject is one entry on Proxmox: of two that differ in propagation only, the wider wins.
    let mut unique: Vec<AclEntry> = Vec::with_capacity(wanted.len());
    for entry in wanted {
        match unique
            .last_mut()
            .filter(|last| last.path == entry.path && last.role == entry.role && last.ugid == entry.ugid)
        {
            Some(last) => last.propagate |= entry.propagate,
            None => unique.push(entry),
        }
    }
    unique
}

/// The entries of one group.
pub fn entries_of_group(current: &[AclEntry], group: &str) -> Vec<AclEntry> {
    current.iter().filter(|entry| entry.ugid == group).cloned().collect()
}

/// What has to change on a cluster. Additions come first when applied, so that a reader never loses its view between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclChange {
    /// Entries to write.
    pub add: Vec<AclEntry>,
    /// Entries to take away.
    pub remove: Vec<AclEntry>,
    /// How many are right already.
    pub unchanged: usize,
}

impl AclChange {
    /// Whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

/// Compares what a group shall hold with what it holds. An entry whose propagation differs is written anew, not removed: on
/// Proxmox the same path, role and subject is one entry.
pub fn difference(wanted: &[AclEntry], current: &[AclEntry]) -> AclChange {
    let same = |a: &AclEntry, b: &AclEntry| a.path == b.path && a.role == b.role && a.ugid == b.ugid;
    let (unchanged, add): (Vec<_>, Vec<_>) = wanted.iter().cloned().partition(|entry| current.contains(entry));
    let remove = current.iter().filter(|entry| !wanted.iter().any(|w| same(w, entry))).cloned().collect();
    AclChange { add, remove, unchanged: unchanged.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            pools: ["acme".to_owned(), "acme/dev".to_owned()].into(),
            guests: [Vmid::new(1_104_051).unwrap()].into(),
            storages: ["local".to_owned()].into(),
            zones: ["tenants".to_owned()].into(),
        }
    }

    fn entry(path: &str, role: &str, propagate: bool) -> AclEntry {
        AclEntry { path: path.into(), role: role.into(), ugid: "acme".into(), propagate }
    }

    #[test]
    fn scope_is_the_accounts_own_objects_and_nothing_above_or_beside_them() {
        let scope = scope();
        for inside in [
            "/pool/acme",
            "/pool/acme/dev",
            "/vms/1104051",
            "/storage/local",
            "/sdn/zones/tenants",
            "/sdn/zones/tenants/n1104",
        ] {
            assert!(scope.contains(inside), "{inside}");
        }
        for outside in [
            "/",
            "/pool",
            "/pool/acm",
            "/pool/acme2",
            "/vms",
            "/vms/100",
            "/storage",
            "/storage/tank",
            "/sdn",
            "/sdn/zones",
            "/nodes/pve1",
            "/access/groups/acme",
        ] {
            assert!(!scope.contains(outside), "{outside}");
        }
    }

    #[test]
    fn suspension_leaves_reading_inside_the_scope_only() {
        let rights = [
            entry("/", "Administrator", true),
            entry("/pool/acme", "PVEPoolAdmin", true),
            entry("/pool/acme", "PVEVMAdmin", true),
            entry("/storage/local", "PVEDatastoreUser", false),
            entry("/vms/1104051", "NoAccess", true),
        ];
        assert_eq!(
            wanted_rights(AccountStatus::Suspended, &rights, &scope()),
            [
                entry("/pool/acme", "PVEAuditor", true),
                entry("/storage/local", "PVEAuditor", false),
                entry("/vms/1104051", "NoAccess", true)
            ]
        );
        assert_eq!(
            wanted_rights(AccountStatus::Disabled, &rights, &scope()),
            [entry("/vms/1104051", "NoAccess", true)],
            "what takes away stays"
        );
    }

    #[test]
    fn a_second_comparison_changes_nothing() {
        let wanted = default_rights("acme", "acme", &scope());
        let first = difference(&wanted, &[entry("/pool/acme", "TenantOps", true)]);
        assert_eq!((first.add.len(), first.remove.len(), first.unchanged), (4, 1, 0));
        assert!(difference(&wanted, &wanted).is_empty());
    }

    #[test]
    fn another_propagation_is_a_rewrite_and_no_removal() {
        let change =
            difference(&[entry("/pool/acme", "PVEAuditor", true)], &[entry("/pool/acme", "PVEAuditor", false)]);
        assert_eq!((change.add.len(), change.remove.len()), (1, 0));
    }
}
