//! High availability: which guests are looked after, and where they may run.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::Cluster;
use crate::call::calls;
use crate::error::Result;
use crate::ids::{GuestKind, InvalidId, Vmid, serde_as_text};
use crate::params::{Field, Kind, Params, Switch, TextList, params, words};

/// What is looked after: `vm:100` or `ct:100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HaSid {
    /// Which kind of guest.
    pub kind: GuestKind,
    /// Its number.
    pub vmid: Vmid,
}

impl fmt::Display for HaSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            GuestKind::Qemu => "vm",
            GuestKind::Lxc => "ct",
        };
        write!(f, "{kind}:{}", self.vmid)
    }
}

impl FromStr for HaSid {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (kind, vmid) = match text.split_once(':') {
            Some(("vm", vmid)) => (GuestKind::Qemu, vmid),
            Some(("ct", vmid)) => (GuestKind::Lxc, vmid),
            _ => return Err(InvalidId::new("HA resource id", text, "must be vm:VMID or ct:VMID")),
        };
        Ok(Self { kind, vmid: vmid.parse()? })
    }
}

serde_as_text!(HaSid);

impl Field for HaSid {
    const KIND: Kind = Kind::Text;
    fn put(&self, name: &str, out: &mut Params) {
        out.push(name, self.to_string());
    }
}

words! {
    /// What is wanted of a guest.
    pub enum HaRequest {
        /// It runs.
        Started = "started",
        /// It does not run, but stays where it can.
        Stopped = "stopped",
        /// The same as started.
        Enabled = "enabled",
        /// It does not run and is not moved.
        Disabled = "disabled",
        /// Nothing is done.
        Ignored = "ignored",
    }

    /// What a rule is about.
    pub enum HaRuleKind {
        /// Which nodes guests run on.
        NodeAffinity = "node-affinity",
        /// Whether guests run together.
        ResourceAffinity = "resource-affinity",
    }

    /// Whether guests run together.
    pub enum Affinity {
        /// On the same node.
        Positive = "positive",
        /// On different nodes.
        Negative = "negative",
    }
}

/// A guest that is looked after.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HaResource {
    /// Which guest.
    pub sid: HaSid,
    /// What is wanted of it.
    pub state: Option<HaRequest>,
    /// How often it is restarted where it is.
    pub max_restart: Option<u32>,
    /// How often it is moved then.
    pub max_relocate: Option<u32>,
    /// Whether it goes back to a better node (PVE 9).
    pub failback: Option<bool>,
    /// Its group (before PVE 9).
    pub group: Option<String>,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// A group of nodes (before PVE 9).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HaGroup {
    /// Its name.
    pub group: String,
    /// Its nodes, with priorities (`a:2,b:1`).
    #[serde(default)]
    pub nodes: TextList,
    /// Whether guests run nowhere else.
    #[serde(default)]
    pub restricted: bool,
    /// Whether guests stay where they were moved.
    #[serde(default)]
    pub nofailback: bool,
    /// Remark.
    pub comment: Option<String>,
}

/// A rule (PVE 9).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct HaRule {
    /// Its name.
    pub rule: String,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: HaRuleKind,
    /// Which guests.
    #[serde(default)]
    pub resources: TextList,
    /// Which nodes, with priorities (`a:2,b:1`).
    #[serde(default)]
    pub nodes: TextList,
    /// Whether guests run nowhere else.
    pub strict: Option<bool>,
    /// Whether guests run together.
    pub affinity: Option<Affinity>,
    /// Whether it is switched off.
    #[serde(default)]
    pub disable: bool,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
    /// Why it has no effect.
    pub errors: Option<Value>,
}

/// A row of the present state: quorum, master, a node's agent, a guest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct HaStatusRow {
    /// `quorum`, `master`, `lrm` or `service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub id: String,
    /// How it is, in words.
    pub status: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The guest.
    pub sid: Option<HaSid>,
    /// How the guest is.
    pub state: Option<String>,
    /// What is wanted of it.
    pub request_state: Option<String>,
    /// Whether a majority is there.
    pub quorate: Option<bool>,
}

params! {
    /// A guest to look after.
    #[derive(Debug, Clone)]
    pub struct CreateHaResource {
        /// Which.
        sid: HaSid = "sid",
        /// What is wanted of it.
        state: Option<HaRequest> = "state",
        /// How often it is restarted where it is.
        max_restart: Option<u32> = "max_restart",
        /// How often it is moved then.
        max_relocate: Option<u32> = "max_relocate",
        /// Its group (before PVE 9).
        group: Option<String> = "group",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of how a guest is looked after.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateHaResource {
        /// What is wanted of it.
        state: Option<HaRequest> = "state",
        /// How often it is restarted where it is.
        max_restart: Option<u32> = "max_restart",
        /// How often it is moved then.
        max_relocate: Option<u32> = "max_relocate",
        /// Its group (before PVE 9).
        group: Option<String> = "group",
        /// Remark.
        comment: Option<String> = "comment",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// Where to.
    #[derive(Debug, Clone)]
    pub struct HaTarget {
        /// The node.
        node: String = "node",
    }

    /// A new group (before PVE 9).
    #[derive(Debug, Clone)]
    pub struct CreateHaGroup {
        /// Its name.
        group: String = "group",
        /// Its nodes, with priorities (`a:2,b:1`).
        nodes: String = "nodes",
        /// Whether guests run nowhere else.
        restricted: Switch = "restricted",
        /// Whether guests stay where they were moved.
        nofailback: Switch = "nofailback",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// Which rules.
    #[derive(Debug, Clone, Default)]
    pub struct HaRuleFilter {
        /// Only of this kind.
        kind: Option<HaRuleKind> = "type",
        /// Only those about this guest.
        resource: Option<HaSid> = "resource",
    }

    /// Which nodes guests run on.
    #[derive(Debug, Clone)]
    pub struct NodeAffinityRule {
        /// Name of the rule.
        rule: String = "rule",
        /// Always node affinity.
        kind: HaRuleKind = "type",
        /// Which guests, joined by commas.
        resources: String = "resources",
        /// Which nodes, with priorities (`a:2,b:1`).
        nodes: String = "nodes",
        /// Whether guests run nowhere else.
        strict: Switch = "strict",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// Whether guests run together.
    #[derive(Debug, Clone)]
    pub struct ResourceAffinityRule {
        /// Name of the rule.
        rule: String = "rule",
        /// Always resource affinity.
        kind: HaRuleKind = "type",
        /// Which guests, joined by commas.
        resources: String = "resources",
        /// Whether together or apart.
        affinity: Affinity = "affinity",
        /// Remark.
        comment: Option<String> = "comment",
    }
}

impl CreateHaResource {
    /// This guest, everything else as the server likes.
    #[must_use]
    pub const fn new(sid: HaSid) -> Self {
        Self { sid, state: None, max_restart: None, max_relocate: None, group: None, comment: None }
    }
}

fn joined(resources: &[HaSid]) -> String {
    resources.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl NodeAffinityRule {
    /// These guests on these nodes (`a:2,b:1`).
    #[must_use]
    pub fn new(rule: &str, resources: &[HaSid], nodes: &str) -> Self {
        Self {
            rule: rule.to_owned(),
            kind: HaRuleKind::NodeAffinity,
            resources: joined(resources),
            nodes: nodes.to_owned(),
            strict: Switch::Off,
            comment: None,
        }
    }
}

impl ResourceAffinityRule {
    /// These guests together or apart.
    #[must_use]
    pub fn new(rule: &str, resources: &[HaSid], affinity: Affinity) -> Self {
        Self {
            rule: rule.to_owned(),
            kind: HaRuleKind::ResourceAffinity,
            resources: joined(resources),
            affinity,
            comment: None,
        }
    }
}

calls! { Pve:
    RESOURCES "cluster().ha_resources" = Get "/cluster/ha/resources" () -> Vec<HaResource>;
    RESOURCE "cluster().ha_resource" = Get "/cluster/ha/resources/{sid}" () -> HaResource;
    CREATE "cluster().create_ha_resource" = Post "/cluster/ha/resources" (CreateHaResource) -> ();
    UPDATE "cluster().update_ha_resource" = Put "/cluster/ha/resources/{sid}" (UpdateHaResource) -> ();
    DELETE "cluster().delete_ha_resource" = Delete "/cluster/ha/resources/{sid}" () -> ();
    MIGRATE "cluster().migrate_ha_resource" = Post "/cluster/ha/resources/{sid}/migrate" (HaTarget) -> ();
    RELOCATE "cluster().relocate_ha_resource" = Post "/cluster/ha/resources/{sid}/relocate" (HaTarget) -> ();
    GROUPS "cluster().ha_groups" = Get "/cluster/ha/groups" () -> Vec<HaGroup>, before 9 0;
    CREATE_GROUP "cluster().create_ha_group" = Post "/cluster/ha/groups" (CreateHaGroup) -> (), before 9 0;
    DELETE_GROUP "cluster().delete_ha_group" = Delete "/cluster/ha/groups/{group}" () -> (), before 9 0;
    RULES "cluster().ha_rules" = Get "/cluster/ha/rules" (HaRuleFilter) -> Vec<HaRule>, from 9 0;
    RULE "cluster().ha_rule" = Get "/cluster/ha/rules/{rule}" () -> HaRule, from 9 0;
    CREATE_NODE_RULE "cluster().create_node_affinity" = Post "/cluster/ha/rules" (NodeAffinityRule) -> (), from 9 0;
    CREATE_RESOURCE_RULE "cluster().create_resource_affinity" = Post "/cluster/ha/rules" (ResourceAffinityRule) -> (), from 9 0;
    DELETE_RULE "cluster().delete_ha_rule" = Delete "/cluster/ha/rules/{rule}" () -> (), from 9 0;
    STATUS "cluster().ha_status" = Get "/cluster/ha/status/current" () -> Vec<HaStatusRow>;
    MANAGER "cluster().ha_manager_status" = Get "/cluster/ha/status/manager_status" () -> BTreeMap<String, Value>;
}

impl Cluster<'_> {
    /// The guests that are looked after.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ha_resources(&self) -> Result<Vec<HaResource>> {
        self.connection.send(&RESOURCES, &[], &()).await
    }

    /// How one guest is looked after.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ha_resource(&self, sid: HaSid) -> Result<HaResource> {
        self.connection.send(&RESOURCE, &[&sid.to_string()], &()).await
    }

    /// Looks after a guest from now on.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_ha_resource(&self, params: &CreateHaResource) -> Result<()> {
        self.connection.send(&CREATE, &[], params).await
    }

    /// Changes how a guest is looked after.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update_ha_resource(&self, sid: HaSid, change: &UpdateHaResource) -> Result<()> {
        self.connection.send(&UPDATE, &[&sid.to_string()], change).await
    }

    /// Looks after a guest no longer.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_ha_resource(&self, sid: HaSid) -> Result<()> {
        self.connection.send(&DELETE, &[&sid.to_string()], &()).await
    }

    /// Asks for a guest to be moved while it runs. The work is a later task of the node's agent.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn migrate_ha_resource(&self, sid: HaSid, node: &str) -> Result<()> {
        self.connection.send(&MIGRATE, &[&sid.to_string()], &HaTarget { node: node.to_owned() }).await
    }

    /// Asks for a guest to be stopped here and started there.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn relocate_ha_resource(&self, sid: HaSid, node: &str) -> Result<()> {
        self.connection.send(&RELOCATE, &[&sid.to_string()], &HaTarget { node: node.to_owned() }).await
    }

    /// Groups of nodes. Before PVE 9, which has rules instead.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on PVE 9.
    pub async fn ha_groups(&self) -> Result<Vec<HaGroup>> {
        self.connection.send(&GROUPS, &[], &()).await
    }

    /// Makes a group of nodes. Before PVE 9, which has rules instead.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on PVE 9.
    pub async fn create_ha_group(&self, params: &CreateHaGroup) -> Result<()> {
        self.connection.send(&CREATE_GROUP, &[], params).await
    }

    /// Removes a group of nodes. Before PVE 9, which has rules instead.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on PVE 9.
    pub async fn delete_ha_group(&self, group: &str) -> Result<()> {
        self.connection.send(&DELETE_GROUP, &[group], &()).await
    }

    /// Rules. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn ha_rules(&self, filter: &HaRuleFilter) -> Result<Vec<HaRule>> {
        self.connection.send(&RULES, &[], filter).await
    }

    /// One rule. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn ha_rule(&self, rule: &str) -> Result<HaRule> {
        self.connection.send(&RULE, &[rule], &()).await
    }

    /// Makes a rule on which nodes guests run. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn create_node_affinity(&self, rule: &NodeAffinityRule) -> Result<()> {
        self.connection.send(&CREATE_NODE_RULE, &[], rule).await
    }

    /// Makes a rule on whether guests run together. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn create_resource_affinity(&self, rule: &ResourceAffinityRule) -> Result<()> {
        self.connection.send(&CREATE_RESOURCE_RULE, &[], rule).await
    }

    /// Removes a rule. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn delete_ha_rule(&self, rule: &str) -> Result<()> {
        self.connection.send(&DELETE_RULE, &[rule], &()).await
    }

    /// How high availability is.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ha_status(&self) -> Result<Vec<HaStatusRow>> {
        self.connection.send(&STATUS, &[], &()).await
    }

    /// The manager's own state, as it keeps it.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn ha_manager_status(&self) -> Result<BTreeMap<String, Value>> {
        self.connection.send(&MANAGER, &[], &()).await
    }
}
