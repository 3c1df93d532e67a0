//! What deleting an account removes, detaches or stops at (GC): the dry run and the deletion are this one function.
//!
//! Order: tokens, instances, ACLs, group, pools, settings. What bnna adopted is detached, not deleted, unless asked; what runs or
//! is protected blocks the whole; backups are never touched.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::{AclEntry, GuestKind, Vmid};

/// What kind of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GcKind {
    /// A tenant token.
    Token,
    /// A VM or container.
    Instance,
    /// An entry of the account's group in a cluster's access control list.
    Acl,
    /// The account's group on a cluster.
    Group,
    /// A pool.
    Pool,
    /// A setting of the account.
    Setting,
}

/// What happens to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GcAction {
    /// It is removed.
    Delete,
    /// bnna forgets it; on the cluster it stays.
    Detach,
    /// It stays.
    Keep,
    /// It forbids the deletion.
    Block,
}

/// One thing that belongs to the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GcItem {
    /// What it is.
    pub kind: GcKind,
    /// Its id: token id, VMID, ACL path and role, group, pool, setting key.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// The cluster it is on, null for what bnna keeps itself.
    pub cluster: Option<String>,
    /// Whether bnna found it rather than made it.
    pub adopted: bool,
    /// What happens to it.
    pub action: GcAction,
    /// Why.
    pub reason: String,
    /// After a deletion: `done`, or what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// What a deletion would do, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GcReport {
    /// The account's slug.
    pub account: String,
    /// Whether this only says what would be done.
    pub dry_run: bool,
    /// Whether something forbids the deletion.
    pub blocked: bool,
    /// Everything that belongs to the account, in the order in which it goes.
    pub items: Vec<GcItem>,
    /// How many items meet which action.
    pub summary: BTreeMap<String, usize>,
}

/// How an operator wants it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcOptions {
    /// Delete adopted things too.
    pub delete_adopted: bool,
    /// Stop running guests first. Protected and locked ones still block.
    pub force: bool,
}

/// Why a guest cannot go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GcBlock {
    /// It runs.
    Running,
    /// Proxmox's protection flag is set.
    Protected,
    /// It carries a lock.
    Locked(String),
    /// What it is could not be asked.
    Unknown(String),
}

/// A guest of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcInstance {
    /// Its cluster.
    pub cluster: String,
    /// Its number.
    pub vmid: Vmid,
    /// Its kind, unknown where only the record is left.
    pub kind: Option<GuestKind>,
    /// Its name.
    pub name: String,
    /// Found rather than made.
    pub adopted: bool,
    /// Whether a cluster still has it.
    pub exists: bool,
    /// What stands against its removal.
    pub blocks: Vec<GcBlock>,
}

/// The account on one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcPool {
    /// The cluster.
    pub cluster: String,
    /// The account's pools there, deepest first.
    pub pools: Vec<String>,
    /// The pool was there before the account.
    pub pool_adopted: bool,
    /// The account's group, if it is there.
    pub group: Option<String>,
    /// The group was there before the account.
    pub group_adopted: bool,
    /// What the group holds.
    pub acls: Vec<AclEntry>,
    /// What the group held when it was adopted and does not hold now, because the account was suspended or disabled.
    pub held_back: Vec<AclEntry>,
    /// Users that disabling the account has switched off.
    pub switched_off: Vec<String>,
    /// Set when the cluster could not be asked: nothing can be said about what it holds.
    pub unreachable: Option<String>,
}

/// Everything that belongs to an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcInput {
    /// The slug.
    pub account: String,
    /// Live tokens: id and label.
    pub tokens: Vec<(String, String)>,
    /// Guests.
    pub instances: Vec<GcInstance>,
    /// The account on each of its clusters.
    pub pools: Vec<GcPool>,
    /// Keys of its settings.
    pub settings: Vec<String>,
}

/// Decides what happens to each thing of an account.
pub fn collect(input: &GcInput, options: GcOptions) -> GcReport {
    let mut items = Vec::new();
    for (id, label) in &input.tokens {
        items.push(own(GcKind::Token, id, label, "revoked"));
    }
    // Clusters answer in any order; a report is the same each time it is asked for.
    let mut instances: Vec<&GcInstance> = input.instances.iter().collect();
    instances.sort_by_key(|guest| (&guest.cluster, guest.vmid));
    items.extend(instances.into_iter().map(|guest| instance(guest, options)));
    for pool in &input.pools {
        items.extend(on_cluster(pool, options));
    }
    for key in &input.settings {
        items.push(own(GcKind::Setting, key, key, "belongs to the account"));
    }
    items.sort_by_key(|item| rank(item.kind));
    let mut summary: BTreeMap<String, usize> =
        ["delete", "detach", "keep", "block"].into_iter().map(|word| (word.to_owned(), 0)).collect();
    for item in &items {
        *summary.entry(word(item.action).to_owned()).or_default() += 1;
    }
    let blocked = items.iter().any(|item| item.action == GcAction::Block);
    GcReport { account: input.account.clone(), dry_run: true, blocked, items, summary }
}

fn word(action: GcAction) -> &'static str {
    match action {
        GcAction::Delete => "delete",
        GcAction::Detach => "detach",
        GcAction::Keep => "keep",
        GcAction::Block => "block",
    }
}

/// The order in which kinds go.
fn rank(kind: GcKind) -> u8 {
    match kind {
        GcKind::Token => 0,
        GcKind::Instance => 1,
        GcKind::Acl => 2,
        GcKind::Group => 3,
        GcKind::Pool => 4,
        GcKind::Setting => 5,
    }
}

fn own(kind: GcKind, id: &str, name: &str, reason: &str) -> GcItem {
    GcItem {
        kind,
        id: id.to_owned(),
        name: name.to_owned(),
        cluster: None,
        adopted: false,
        action: GcAction::Delete,
        reason: reason.to_owned(),
        outcome: None,
    }
}

fn instance(guest: &GcInstance, options: GcOptions) -> GcItem {
    let (action, reason) = verdict(guest, options);
    GcItem {
        kind: GcKind::Instance,
        id: guest.vmid.to_string(),
        name: guest.name.clone(),
        cluster: Some(guest.cluster.clone()),
        adopted: guest.adopted,
        action,
        reason,
        outcome: None,
    }
}

fn verdict(guest: &GcInstance, options: GcOptions) -> (GcAction, String) {
    if !guest.exists {
        return (GcAction::Detach, "no cluster has it any more; the record goes".to_owned());
    }
    if guest.adopted && !options.delete_adopted {
        return (GcAction::Detach, "adopted: it stays on the cluster".to_owned());
    }
    let mut stop = false;
    for block in &guest.blocks {
        match block {
            GcBlock::Running if options.force => stop = true,
            GcBlock::Running => return (GcAction::Block, "it is running; stop it, or ask with force=true".to_owned()),
            GcBlock::Protected => {
                return (GcAction::Block, "Proxmox's protection flag is set; take it off first".to_owned());
            }
            GcBlock::Locked(lock) => return (GcAction::Block, format!("it is locked ({lock}); wait until that ends")),
            GcBlock::Unknown(why) => return (GcAction::Block, format!("its state is not known: {why}")),
        }
    }
    let reason = if stop { "stopped, then destroyed with its disks" } else { "destroyed with its disks" };
    (GcAction::Delete, reason.to_owned())
}

fn on_cluster(on: &GcPool, options: GcOptions) -> Vec<GcItem> {
    let item = |kind, id: String, adopted, action, reason: &str| GcItem {
        kind,
        name: id.clone(),
        id,
        cluster: Some(on.cluster.clone()),
        adopted,
        action,
        reason: reason.to_owned(),
        outcome: None,
    };
    if let Some(why) = &on.unreachable {
        let pool = on.pools.last().cloned().unwrap_or_default();
        let reason = format!("the cluster does not answer, so what it holds is not known: {why}");
        return vec![item(GcKind::Pool, pool, on.pool_adopted, GcAction::Block, &reason)];
    }
    let fate = |adopted: bool| match adopted && !options.delete_adopted {
        true => (GcAction::Detach, "adopted: it stays on the cluster"),
        false => (GcAction::Delete, "belongs to the account"),
    };
    let mut items = Vec::new();
    let (action, reason) = fate(on.group_adopted);
    let mut acls: Vec<&AclEntry> = on.acls.iter().collect();
    acls.sort();
    for entry in acls {
        items.push(item(GcKind::Acl, format!("{} {}", entry.path, entry.role), on.group_adopted, action, reason));
    }
    if let Some(group) = &on.group {
        let reason = format!("{reason}{}", left_held(on, action));
        items.push(item(GcKind::Group, group.clone(), on.group_adopted, action, &reason));
    }
    let (action, reason) = fate(on.pool_adopted);
    for pool in &on.pools {
        items.push(item(GcKind::Pool, pool.clone(), on.pool_adopted, action, reason));
    }
    items
}

/// What the account's status took away and its deletion does not give back: a tenant that was held is not let go by deleting the
/// record, so whoever deletes it is told what to give back where that is meant.
fn left_held(on: &GcPool, action: GcAction) -> String {
    let mut text = String::new();
    if action == GcAction::Detach && !on.held_back.is_empty() {
        let rights: Vec<String> =
            on.held_back.iter().map(|entry| format!("{} on {}", entry.role, entry.path)).collect();
        text.push_str(&format!(
            "; the account's status took rights from it, which it is not given back: {}",
            rights.join(", ")
        ));
    }
    if !on.switched_off.is_empty() {
        text.push_str(&format!("; these users stay switched off: {}", on.switched_off.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(vmid: u32, adopted: bool, blocks: Vec<GcBlock>) -> GcInstance {
        GcInstance {
            cluster: "a".into(),
            vmid: Vmid::new(vmid).unwrap(),
            kind: Some(GuestKind::Lxc),
            name: format!("g{vmid}"),
            adopted,
            exists: true,
            blocks,
        }
    }

    fn input(instances: Vec<GcInstance>) -> GcInput {
        GcInput {
            account: "acme".into(),
            tokens: vec![("t1".into(), "laptop".into())],
            instances,
            pools: vec![GcPool {
                cluster: "a".into(),
                pools: vec!["acme/dev".into(), "acme".into()],
                pool_adopted: false,
                group: Some("acme".into()),
                group_adopted: false,
                acls: vec![AclEntry {
                    path: "/pool/acme".into(),
                    role: "PVEVMAdmin".into(),
                    ugid: "acme".into(),
                    propagate: true,
                }],
                held_back: Vec::new(),
                switched_off: Vec::new(),
                unreachable: None,
            }],
            settings: vec!["default_node".into()],
        }
    }

    fn action(report: &GcReport, id: &str) -> GcAction {
        report.items.iter().find(|item| item.id == id).unwrap().action
    }

    #[test]
    fn things_go_in_the_documented_order() {
        let report = collect(&input(vec![guest(100, false, vec![])]), GcOptions::default());
        let kinds: Vec<_> = report.items.iter().map(|item| item.kind).collect();
        assert_eq!(
            kinds,
            [GcKind::Token, GcKind::Instance, GcKind::Acl, GcKind::Group, GcKind::Pool, GcKind::Pool, GcKind::Setting]
        );
        assert_eq!(report.items[4].id, "acme/dev", "nested pools go before the pool that holds them");
        assert!(!report.blocked && report.summary["delete"] == 7);
    }

    #[test]
    fn running_guests_block_until_forced_and_protected_ones_always() {
        let running = input(vec![guest(100, false, vec![GcBlock::Running])]);
        assert!(collect(&running, GcOptions::default()).blocked);
        assert!(!collect(&running, GcOptions { force: true, ..GcOptions::default() }).blocked);
        for block in [GcBlock::Protected, GcBlock::Locked("backup".into()), GcBlock::Unknown("node down".into())] {
            let report = collect(
                &input(vec![guest(100, false, vec![GcBlock::Running, block])]),
                GcOptions { force: true, delete_adopted: true },
            );
            assert!(report.blocked, "{report:?}");
        }
    }

    #[test]
    fn adopted_things_are_detached_unless_asked() {
        let adopted = input(vec![guest(100, true, vec![GcBlock::Running, GcBlock::Protected])]);
        let report = collect(&adopted, GcOptions::default());
        assert_eq!((action(&report, "100"), report.blocked), (GcAction::Detach, false));
        let report = collect(&adopted, GcOptions { delete_adopted: true, force: true });
        assert_eq!(action(&report, "100"), GcAction::Block);
    }

    #[test]
    fn what_a_status_took_away_is_named_where_the_group_stays() {
        let mut input = input(vec![]);
        input.pools[0].group_adopted = true;
        input.pools[0].held_back = input.pools[0].acls.clone();
        input.pools[0].switched_off = vec!["alice@pve".into()];
        let reason = |options| {
            let report = collect(&input, options);
            report.items.into_iter().find(|item| item.kind == GcKind::Group).unwrap().reason
        };
        let kept = reason(GcOptions::default());
        assert!(kept.contains("PVEVMAdmin on /pool/acme") && kept.contains("alice@pve"), "{kept}");
        let gone = reason(GcOptions { delete_adopted: true, ..GcOptions::default() });
        assert!(!gone.contains("PVEVMAdmin") && gone.contains("alice@pve"), "{gone}");
    }

    #[test]
    fn a_silent_cluster_blocks() {
        let mut input = input(vec![]);
        input.pools[0].unreachable = Some("timed out".into());
        assert!(collect(&input, GcOptions { force: true, delete_adopted: true }).blocked);
    }
}
