//! Rules: on which nodes guests run, and with which other guests. PVE 9 and later.

use serde::Deserialize;
use serde_json::Value;

use super::HaSid;
use crate::call::calls;
use crate::error::Result;
use crate::params::{Field, Kind, Params, Switch, TextList, constants, params, words};
use crate::pve::cluster::Cluster;

words! {
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

constants! {
    /// The rule is about nodes.
    pub struct NodeAffinityType: Text = "node-affinity";
    /// The rule is about guests together.
    pub struct ResourceAffinityType: Text = "resource-affinity";
}

/// Guests that a rule is about. A rule about none is refused by the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sids(pub Vec<HaSid>);

impl Field for Sids {
    const KIND: Kind = Kind::Text;
    fn put(&self, name: &str, out: &mut Params) {
        let sids: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        out.push(name, sids.join(","));
    }
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

params! {
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
        kind: NodeAffinityType = "type",
        /// Which guests.
        resources: Sids = "resources",
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
        kind: ResourceAffinityType = "type",
        /// Which guests.
        resources: Sids = "resources",
        /// Whether together or apart.
        affinity: Affinity = "affinity",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A change of a rule on which nodes guests run. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateNodeAffinity {
        /// Always node affinity: a rule cannot become one of the other kind.
        kind: NodeAffinityType = "type",
        /// Which guests.
        resources: Option<Sids> = "resources",
        /// Which nodes, with priorities (`a:2,b:1`).
        nodes: Option<String> = "nodes",
        /// Whether guests run nowhere else.
        strict: Option<bool> = "strict",
        /// Whether it is switched off.
        disable: Option<bool> = "disable",
        /// Remark.
        comment: Option<String> = "comment",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// A change of a rule on whether guests run together. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateResourceAffinity {
        /// Always resource affinity: a rule cannot become one of the other kind.
        kind: ResourceAffinityType = "type",
        /// Which guests.
        resources: Option<Sids> = "resources",
        /// Whether together or apart.
        affinity: Option<Affinity> = "affinity",
        /// Whether it is switched off.
        disable: Option<bool> = "disable",
        /// Remark.
        comment: Option<String> = "comment",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }
}

impl NodeAffinityRule {
    /// These guests on these nodes (`a:2,b:1`).
    #[must_use]
    pub fn new(rule: &str, resources: &[HaSid], nodes: &str) -> Self {
        Self {
            rule: rule.to_owned(),
            kind: NodeAffinityType,
            resources: Sids(resources.to_vec()),
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
            kind: ResourceAffinityType,
            resources: Sids(resources.to_vec()),
            affinity,
            comment: None,
        }
    }
}

calls! { Pve:
    RULES "cluster().ha_rules" = Get "/cluster/ha/rules" (HaRuleFilter) -> Vec<HaRule>, from 9 0;
    RULE "cluster().ha_rule" = Get "/cluster/ha/rules/{rule}" () -> HaRule, from 9 0;
    CREATE_NODE_RULE "cluster().create_node_affinity" = Post "/cluster/ha/rules" (NodeAffinityRule) -> (), from 9 0;
    CREATE_RESOURCE_RULE "cluster().create_resource_affinity" = Post "/cluster/ha/rules" (ResourceAffinityRule) -> (), from 9 0;
    UPDATE_NODE_RULE "cluster().update_node_affinity" = Put "/cluster/ha/rules/{rule}" (UpdateNodeAffinity) -> (), from 9 0;
    UPDATE_RESOURCE_RULE "cluster().update_resource_affinity" = Put "/cluster/ha/rules/{rule}" (UpdateResourceAffinity) -> (), from 9 0;
    DELETE_RULE "cluster().delete_ha_rule" = Delete "/cluster/ha/rules/{rule}" () -> (), from 9 0;
}

impl Cluster<'_> {
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

    /// Changes a rule on which nodes guests run. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn update_node_affinity(&self, rule: &str, change: &UpdateNodeAffinity) -> Result<()> {
        self.connection.send(&UPDATE_NODE_RULE, &[rule], change).await
    }

    /// Changes a rule on whether guests run together. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn update_resource_affinity(&self, rule: &str, change: &UpdateResourceAffinity) -> Result<()> {
        self.connection.send(&UPDATE_RESOURCE_RULE, &[rule], change).await
    }

    /// Removes a rule. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn delete_ha_rule(&self, rule: &str) -> Result<()> {
        self.connection.send(&DELETE_RULE, &[rule], &()).await
    }
}
