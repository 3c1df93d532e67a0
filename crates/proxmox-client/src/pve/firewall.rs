//! The firewall: rules in order, aliases, sets of addresses, options, on the cluster, a node, a guest.
//!
//! Rules are named by position, and positions shift: give the digest when changing or removing one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::call::{Typed, calls};
use crate::error::Result;
use crate::params::{Switch, params, words};
use crate::transport::Connection;

words! {
    /// Which way, or that it names a group.
    pub enum RuleKind {
        /// Coming in.
        In = "in",
        /// Going out.
        Out = "out",
        /// Passing through (PVE 9).
        Forward = "forward",
        /// All rules of a group.
        Group = "group",
    }

    /// How loud.
    pub enum LogLevel {
        /// emerg
        Emergency = "emerg",
        /// alert
        Alert = "alert",
        /// crit
        Critical = "crit",
        /// err
        Error = "err",
        /// warning
        Warning = "warning",
        /// notice
        Notice = "notice",
        /// info
        Info = "info",
        /// debug
        Debug = "debug",
        /// Not at all.
        Silent = "nolog",
    }

    /// What happens to what no rule is about.
    pub enum Policy {
        /// It passes.
        Accept = "ACCEPT",
        /// It is refused.
        Reject = "REJECT",
        /// It vanishes.
        Drop = "DROP",
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleRow {
    /// Where it stands, from 0.
    pub pos: u32,
    /// Which way.
    #[serde(rename = "type")]
    pub kind: RuleKind,
    /// `ACCEPT`, `DROP`, `REJECT`, or the name of a group.
    pub action: String,
    /// Whether it is in force.
    #[serde(default)]
    pub enable: bool,
    /// A ready-made set of ports (`SSH`).
    #[serde(rename = "macro")]
    pub service: Option<String>,
    /// From where.
    pub source: Option<String>,
    /// To where.
    pub dest: Option<String>,
    /// Protocol.
    pub proto: Option<String>,
    /// From which ports.
    pub sport: Option<String>,
    /// To which ports.
    pub dport: Option<String>,
    /// Kind of ICMP message.
    pub icmp_type: Option<String>,
    /// Network device.
    pub iface: Option<String>,
    /// How loud.
    pub log: Option<LogLevel>,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
    /// What is wrong with it.
    pub errors: Option<Value>,
}

params! {
    /// A new rule.
    #[derive(Debug, Clone)]
    pub struct CreateRule {
        /// Which way.
        kind: RuleKind = "type",
        /// `ACCEPT`, `DROP`, `REJECT`, or the name of a group.
        action: String = "action",
        /// Whether it is in force; not, unless set.
        enable: Option<u8> = "enable",
        /// Where it stands; at the top unless set.
        pos: Option<u32> = "pos",
        /// A ready-made set of ports (`SSH`).
        service: Option<String> = "macro",
        /// From where: an address, a range, a set (`+guest/set`), an alias.
        source: Option<String> = "source",
        /// To where.
        dest: Option<String> = "dest",
        /// Protocol.
        proto: Option<String> = "proto",
        /// From which ports.
        sport: Option<String> = "sport",
        /// To which ports.
        dport: Option<String> = "dport",
        /// Kind of ICMP message.
        icmp_type: Option<String> = "icmp-type",
        /// Network device (`net0`).
        iface: Option<String> = "iface",
        /// How loud.
        log: Option<LogLevel> = "log",
        /// Remark.
        comment: Option<String> = "comment",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// A change of a rule.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateRule {
        /// Which way.
        kind: Option<RuleKind> = "type",
        /// `ACCEPT`, `DROP`, `REJECT`, or the name of a group.
        action: Option<String> = "action",
        /// Whether it is in force.
        enable: Option<u8> = "enable",
        /// Where it shall stand; everything else is ignored then.
        moveto: Option<u32> = "moveto",
        /// A ready-made set of ports.
        service: Option<String> = "macro",
        /// From where.
        source: Option<String> = "source",
        /// To where.
        dest: Option<String> = "dest",
        /// Protocol.
        proto: Option<String> = "proto",
        /// From which ports.
        sport: Option<String> = "sport",
        /// To which ports.
        dport: Option<String> = "dport",
        /// Network device.
        iface: Option<String> = "iface",
        /// How loud.
        log: Option<LogLevel> = "log",
        /// Remark.
        comment: Option<String> = "comment",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// The state that a removal is based on.
    #[derive(Debug, Clone, Default)]
    pub struct BasedOn {
        /// The state.
        digest: Option<String> = "digest",
    }

    /// A name for an address.
    #[derive(Debug, Clone)]
    pub struct CreateAlias {
        /// The name.
        name: String = "name",
        /// The address or network.
        cidr: String = "cidr",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A new set of addresses.
    #[derive(Debug, Clone)]
    pub struct CreateSet {
        /// Its name.
        name: String = "name",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// How to remove a set.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DeleteSet {
        /// Whether even when something is in it.
        force: Switch = "force",
    }

    /// Something to put into a set.
    #[derive(Debug, Clone)]
    pub struct AddToSet {
        /// An address, a network or an alias.
        cidr: String = "cidr",
        /// Whether it is taken out of the set instead.
        nomatch: Switch = "nomatch",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// A new group of rules.
    #[derive(Debug, Clone)]
    pub struct CreateGroup {
        /// Its name.
        group: String = "group",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// Options of the cluster's firewall.
    #[derive(Debug, Clone, Default)]
    pub struct ClusterFirewallOptions {
        /// 1 switches all firewalls on.
        enable: Option<u8> = "enable",
        /// What happens to what comes in.
        policy_in: Option<Policy> = "policy_in",
        /// What happens to what goes out.
        policy_out: Option<Policy> = "policy_out",
        /// Whether frames are filtered too.
        ebtables: Option<bool> = "ebtables",
        /// Limit of logging.
        log_ratelimit: Option<String> = "log_ratelimit",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// Options of a node's firewall.
    #[derive(Debug, Clone, Default)]
    pub struct NodeFirewallOptions {
        /// Whether it is on.
        enable: Option<bool> = "enable",
        /// How loud about what comes in.
        log_level_in: Option<LogLevel> = "log_level_in",
        /// How loud about what goes out.
        log_level_out: Option<LogLevel> = "log_level_out",
        /// Whether neighbours are found.
        ndp: Option<bool> = "ndp",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// Options of a guest's firewall.
    #[derive(Debug, Clone, Default)]
    pub struct GuestFirewallOptions {
        /// Whether it is on.
        enable: Option<bool> = "enable",
        /// What happens to what comes in.
        policy_in: Option<Policy> = "policy_in",
        /// What happens to what goes out.
        policy_out: Option<Policy> = "policy_out",
        /// Whether it may send from its own addresses only.
        ipfilter: Option<bool> = "ipfilter",
        /// Whether it may send from its own MAC addresses only.
        macfilter: Option<bool> = "macfilter",
        /// Whether it may ask for addresses.
        dhcp: Option<bool> = "dhcp",
        /// Whether neighbours are found.
        ndp: Option<bool> = "ndp",
        /// Whether it may be a router.
        radv: Option<bool> = "radv",
        /// How loud about what comes in.
        log_level_in: Option<LogLevel> = "log_level_in",
        /// How loud about what goes out.
        log_level_out: Option<LogLevel> = "log_level_out",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }
}

impl CreateRule {
    /// Of this kind and action and in force, everything else as the server likes.
    #[must_use]
    pub fn new(kind: RuleKind, action: &str) -> Self {
        Self {
            kind,
            action: action.to_owned(),
            enable: Some(1),
            pos: None,
            service: None,
            source: None,
            dest: None,
            proto: None,
            sport: None,
            dport: None,
            icmp_type: None,
            iface: None,
            log: None,
            comment: None,
            digest: None,
        }
    }
}

/// A name for an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AliasRow {
    /// The name.
    pub name: String,
    /// The address or network.
    pub cidr: String,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// A set of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SetRow {
    /// Its name.
    pub name: String,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// What is in a set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SetEntry {
    /// An address, a network or an alias.
    pub cidr: String,
    /// Whether it is taken out of the set instead.
    #[serde(default)]
    pub nomatch: bool,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// A group of rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupRow {
    /// Its name.
    pub group: String,
    /// Remark.
    pub comment: Option<String>,
    /// For optimistic locking.
    pub digest: Option<String>,
}

/// What a rule may name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RefRow {
    /// `alias` or `ipset`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How a rule names it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Where it is from (`dc`, `guest`).
    pub scope: Option<String>,
    /// Remark.
    pub comment: Option<String>,
}

/// Options by name, as they are read.
pub type FirewallOptions = BTreeMap<String, Value>;

pub(crate) struct RuleCalls {
    pub(crate) list: Typed<(), Vec<RuleRow>>,
    pub(crate) get: Typed<(), RuleRow>,
    pub(crate) create: Typed<CreateRule, ()>,
    pub(crate) update: Typed<UpdateRule, ()>,
    pub(crate) delete: Typed<BasedOn, ()>,
}

pub(crate) struct SetCalls {
    pub(crate) aliases: Typed<(), Vec<AliasRow>>,
    pub(crate) create_alias: Typed<CreateAlias, ()>,
    pub(crate) delete_alias: Typed<BasedOn, ()>,
    pub(crate) sets: Typed<(), Vec<SetRow>>,
    pub(crate) create_set: Typed<CreateSet, ()>,
    pub(crate) delete_set: Typed<DeleteSet, ()>,
    pub(crate) entries: Typed<(), Vec<SetEntry>>,
    pub(crate) add: Typed<AddToSet, ()>,
    pub(crate) remove: Typed<BasedOn, ()>,
    pub(crate) refs: Typed<(), Vec<RefRow>>,
}

/// A list of rules.
pub struct Rules<'a> {
    connection: &'a Connection,
    calls: &'static RuleCalls,
    args: Vec<String>,
}

impl<'a> Rules<'a> {
    pub(crate) fn new(connection: &'a Connection, calls: &'static RuleCalls, args: &[&str]) -> Self {
        Self { connection, calls, args: args.iter().map(|&arg| arg.to_owned()).collect() }
    }

    fn args<'s>(&'s self, more: &'s [&'s str]) -> Vec<&'s str> {
        self.args.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }

    /// The rules, in order.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn list(&self) -> Result<Vec<RuleRow>> {
        let mut rules = self.connection.send(&self.calls.list, &self.args(&[]), &()).await?;
        rules.sort_by_key(|rule| rule.pos);
        Ok(rules)
    }

    /// The rule at a position.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn get(&self, pos: u32) -> Result<RuleRow> {
        self.connection.send(&self.calls.get, &self.args(&[&pos.to_string()]), &()).await
    }

    /// Makes a rule, at the top unless told otherwise.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create(&self, rule: &CreateRule) -> Result<()> {
        self.connection.send(&self.calls.create, &self.args(&[]), rule).await
    }

    /// Changes the rule at a position.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update(&self, pos: u32, change: &UpdateRule) -> Result<()> {
        self.connection.send(&self.calls.update, &self.args(&[&pos.to_string()]), change).await
    }

    /// Removes the rule at a position.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn delete(&self, pos: u32, digest: Option<&str>) -> Result<()> {
        let based_on = BasedOn { digest: digest.map(str::to_owned) };
        self.connection.send(&self.calls.delete, &self.args(&[&pos.to_string()]), &based_on).await
    }
}

/// Names and sets of addresses.
pub struct AddressSets<'a> {
    connection: &'a Connection,
    calls: &'static SetCalls,
    args: Vec<String>,
}

impl<'a> AddressSets<'a> {
    pub(crate) fn new(connection: &'a Connection, calls: &'static SetCalls, args: &[&str]) -> Self {
        Self { connection, calls, args: args.iter().map(|&arg| arg.to_owned()).collect() }
    }

    fn args<'s>(&'s self, more: &[&'s str]) -> Vec<&'s str> {
        self.args.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }

    /// The names of addresses.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn aliases(&self) -> Result<Vec<AliasRow>> {
        self.connection.send(&self.calls.aliases, &self.args(&[]), &()).await
    }

    /// Gives an address a name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_alias(&self, alias: &CreateAlias) -> Result<()> {
        self.connection.send(&self.calls.create_alias, &self.args(&[]), alias).await
    }

    /// Removes a name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_alias(&self, name: &str) -> Result<()> {
        self.connection.send(&self.calls.delete_alias, &self.args(&[name]), &BasedOn::default()).await
    }

    /// The sets.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn list(&self) -> Result<Vec<SetRow>> {
        self.connection.send(&self.calls.sets, &self.args(&[]), &()).await
    }

    /// Makes a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create(&self, name: &str, comment: Option<&str>) -> Result<()> {
        let params = CreateSet { name: name.to_owned(), comment: comment.map(str::to_owned) };
        self.connection.send(&self.calls.create_set, &self.args(&[]), &params).await
    }

    /// Removes a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete(&self, name: &str, force: Switch) -> Result<()> {
        self.connection.send(&self.calls.delete_set, &self.args(&[name]), &DeleteSet { force }).await
    }

    /// What is in a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn entries(&self, name: &str) -> Result<Vec<SetEntry>> {
        self.connection.send(&self.calls.entries, &self.args(&[name]), &()).await
    }

    /// Puts something into a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn add(&self, name: &str, entry: &AddToSet) -> Result<()> {
        self.connection.send(&self.calls.add, &self.args(&[name]), entry).await
    }

    /// Takes something out of a set.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn remove(&self, name: &str, cidr: &str) -> Result<()> {
        self.connection.send(&self.calls.remove, &self.args(&[name, cidr]), &BasedOn::default()).await
    }

    /// What a rule here may name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn references(&self) -> Result<Vec<RefRow>> {
        self.connection.send(&self.calls.refs, &self.args(&[]), &()).await
    }
}

/// The calls on a list of rules under a path.
macro_rules! rule_calls {
    ($function:literal, $prefix:literal) => {
        use $crate::call::calls;
        use $crate::pve::firewall::{BasedOn, CreateRule, RuleCalls, RuleRow, UpdateRule};

        calls! { Pve:
            LIST { concat!($function, ".list") } = Get $prefix () -> Vec<RuleRow>;
            GET { concat!($function, ".get") } = Get { concat!($prefix, "/{pos}") } () -> RuleRow;
            CREATE { concat!($function, ".create") } = Post $prefix (CreateRule) -> ();
            UPDATE { concat!($function, ".update") } = Put { concat!($prefix, "/{pos}") } (UpdateRule) -> ();
            DELETE { concat!($function, ".delete") } = Delete { concat!($prefix, "/{pos}") } (BasedOn) -> ();
        }

        pub(crate) static RULES: RuleCalls =
            RuleCalls { list: LIST, get: GET, create: CREATE, update: UPDATE, delete: DELETE };
    };
}

/// The calls on names and sets of addresses under a path.
macro_rules! set_calls {
    ($function:literal, $prefix:literal) => {
        use $crate::call::calls;
        use $crate::pve::firewall::{AddToSet, AliasRow, BasedOn, CreateAlias, CreateSet, DeleteSet, RefRow, SetCalls, SetEntry, SetRow};

        calls! { Pve:
            ALIASES { concat!($function, ".aliases") } = Get { concat!($prefix, "/aliases") } () -> Vec<AliasRow>;
            CREATE_ALIAS { concat!($function, ".create_alias") } = Post { concat!($prefix, "/aliases") } (CreateAlias) -> ();
            DELETE_ALIAS { concat!($function, ".delete_alias") } = Delete { concat!($prefix, "/aliases/{name}") } (BasedOn) -> ();
            LIST { concat!($function, ".list") } = Get { concat!($prefix, "/ipset") } () -> Vec<SetRow>;
            CREATE { concat!($function, ".create") } = Post { concat!($prefix, "/ipset") } (CreateSet) -> ();
            DELETE { concat!($function, ".delete") } = Delete { concat!($prefix, "/ipset/{name}") } (DeleteSet) -> ();
            ENTRIES { concat!($function, ".entries") } = Get { concat!($prefix, "/ipset/{name}") } () -> Vec<SetEntry>;
            ADD { concat!($function, ".add") } = Post { concat!($prefix, "/ipset/{name}") } (AddToSet) -> ();
            REMOVE { concat!($function, ".remove") } = Delete { concat!($prefix, "/ipset/{name}/{cidr}") } (BasedOn) -> ();
            REFS { concat!($function, ".references") } = Get { concat!($prefix, "/refs") } () -> Vec<RefRow>;
        }

        pub(crate) static SETS: SetCalls = SetCalls {
            aliases: ALIASES,
            create_alias: CREATE_ALIAS,
            delete_alias: DELETE_ALIAS,
            sets: LIST,
            create_set: CREATE,
            delete_set: DELETE,
            entries: ENTRIES,
            add: ADD,
            remove: REMOVE,
            refs: REFS,
        };
    };
}

pub(crate) mod cluster_rules {
    rule_calls!("cluster().firewall_rules()", "/cluster/firewall/rules");
}
pub(crate) mod cluster_sets {
    set_calls!("cluster().firewall_sets()", "/cluster/firewall");
}
pub(crate) mod group_rules {
    rule_calls!("cluster().firewall_group(g)", "/cluster/firewall/groups/{group}");
}
pub(crate) mod node_rules {
    rule_calls!("node(n).firewall_rules()", "/nodes/{node}/firewall/rules");
}
pub(crate) mod qemu_rules {
    rule_calls!("qemu(n, id).firewall_rules()", "/nodes/{node}/qemu/{vmid}/firewall/rules");
}
pub(crate) mod qemu_sets {
    set_calls!("qemu(n, id).firewall_sets()", "/nodes/{node}/qemu/{vmid}/firewall");
}
pub(crate) mod lxc_rules {
    rule_calls!("lxc(n, id).firewall_rules()", "/nodes/{node}/lxc/{vmid}/firewall/rules");
}
pub(crate) mod lxc_sets {
    set_calls!("lxc(n, id).firewall_sets()", "/nodes/{node}/lxc/{vmid}/firewall");
}

calls! { Pve:
    CLUSTER_OPTIONS "cluster().firewall_options" = Get "/cluster/firewall/options" () -> FirewallOptions;
    SET_CLUSTER_OPTIONS "cluster().set_firewall_options" = Put "/cluster/firewall/options" (ClusterFirewallOptions) -> ();
    GROUPS "cluster().firewall_groups" = Get "/cluster/firewall/groups" () -> Vec<GroupRow>;
    CREATE_GROUP "cluster().create_firewall_group" = Post "/cluster/firewall/groups" (CreateGroup) -> ();
    DELETE_GROUP "cluster().delete_firewall_group" = Delete "/cluster/firewall/groups/{group}" () -> ();
    NODE_OPTIONS "node(n).firewall_options" = Get "/nodes/{node}/firewall/options" () -> FirewallOptions;
    SET_NODE_OPTIONS "node(n).set_firewall_options" = Put "/nodes/{node}/firewall/options" (NodeFirewallOptions) -> ();
    QEMU_OPTIONS "qemu(n, id).firewall_options" = Get "/nodes/{node}/qemu/{vmid}/firewall/options" () -> FirewallOptions;
    SET_QEMU_OPTIONS "qemu(n, id).set_firewall_options" = Put "/nodes/{node}/qemu/{vmid}/firewall/options" (GuestFirewallOptions) -> ();
    LXC_OPTIONS "lxc(n, id).firewall_options" = Get "/nodes/{node}/lxc/{vmid}/firewall/options" () -> FirewallOptions;
    SET_LXC_OPTIONS "lxc(n, id).set_firewall_options" = Put "/nodes/{node}/lxc/{vmid}/firewall/options" (GuestFirewallOptions) -> ();
}

impl<'a> crate::pve::cluster::Cluster<'a> {
    /// The cluster's rules.
    #[must_use]
    pub fn firewall_rules(&self) -> Rules<'a> {
        Rules::new(self.connection, &cluster_rules::RULES, &[])
    }

    /// The cluster's names and sets of addresses.
    #[must_use]
    pub fn firewall_sets(&self) -> AddressSets<'a> {
        AddressSets::new(self.connection, &cluster_sets::SETS, &[])
    }

    /// The rules of a group.
    #[must_use]
    pub fn firewall_group(&self, group: &str) -> Rules<'a> {
        Rules::new(self.connection, &group_rules::RULES, &[group])
    }

    /// The groups of rules.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_groups(&self) -> Result<Vec<GroupRow>> {
        self.connection.send(&GROUPS, &[], &()).await
    }

    /// Makes a group of rules.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn create_firewall_group(&self, group: &str, comment: Option<&str>) -> Result<()> {
        let params = CreateGroup { group: group.to_owned(), comment: comment.map(str::to_owned) };
        self.connection.send(&CREATE_GROUP, &[], &params).await
    }

    /// Removes a group of rules, which has to be empty.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_firewall_group(&self, group: &str) -> Result<()> {
        self.connection.send(&DELETE_GROUP, &[group], &()).await
    }

    /// The options of the cluster's firewall.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_options(&self) -> Result<FirewallOptions> {
        self.connection.send(&CLUSTER_OPTIONS, &[], &()).await
    }

    /// Changes the options of the cluster's firewall.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_firewall_options(&self, options: &ClusterFirewallOptions) -> Result<()> {
        self.connection.send(&SET_CLUSTER_OPTIONS, &[], options).await
    }
}

impl<'a> crate::pve::nodes::Node<'a> {
    /// The node's rules.
    #[must_use]
    pub fn firewall_rules(&self) -> Rules<'a> {
        Rules::new(self.connection, &node_rules::RULES, &[self.name])
    }

    /// The options of the node's firewall.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_options(&self) -> Result<FirewallOptions> {
        self.connection.send(&NODE_OPTIONS, &[self.name], &()).await
    }

    /// Changes the options of the node's firewall.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_firewall_options(&self, options: &NodeFirewallOptions) -> Result<()> {
        self.connection.send(&SET_NODE_OPTIONS, &[self.name], options).await
    }
}

macro_rules! guest_firewall {
    ($guest:ty, $rules:ident, $sets:ident, $get:ident, $set:ident) => {
        impl $guest {
            /// Its rules.
            #[must_use]
            pub fn firewall_rules(&self) -> Rules<'_> {
                Rules::new(self.connection, &$rules::RULES, &self.args())
            }

            /// Its names and sets of addresses.
            #[must_use]
            pub fn firewall_sets(&self) -> AddressSets<'_> {
                AddressSets::new(self.connection, &$sets::SETS, &self.args())
            }

            /// The options of its firewall.
            ///
            /// # Errors
            /// Any failure of the call.
            pub async fn firewall_options(&self) -> Result<FirewallOptions> {
                self.connection.send(&$get, &self.args(), &()).await
            }

            /// Changes the options of its firewall.
            ///
            /// # Errors
            /// Any failure of the call.
            pub async fn set_firewall_options(&self, options: &GuestFirewallOptions) -> Result<()> {
                self.connection.send(&$set, &self.args(), options).await
            }
        }
    };
}
guest_firewall!(crate::pve::qemu::Qemu<'_>, qemu_rules, qemu_sets, QEMU_OPTIONS, SET_QEMU_OPTIONS);
guest_firewall!(crate::pve::lxc::Lxc<'_>, lxc_rules, lxc_sets, LXC_OPTIONS, SET_LXC_OPTIONS);
