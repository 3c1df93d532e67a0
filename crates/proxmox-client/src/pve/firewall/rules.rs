//! Rules, in order. They are named by position, and positions shift: give the digest when changing or removing one.

use serde::Deserialize;
use serde_json::Value;

use super::{BasedOn, LogLevel};
use crate::call::Typed;
use crate::error::Result;
use crate::params::{Flag01, params, words};
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
        enable: Option<Flag01> = "enable",
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
        enable: Option<Flag01> = "enable",
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
        /// Kind of ICMP message.
        icmp_type: Option<String> = "icmp-type",
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
}

impl CreateRule {
    /// Of this kind and action and in force, everything else as the server likes.
    #[must_use]
    pub fn new(kind: RuleKind, action: &str) -> Self {
        Self {
            kind,
            action: action.to_owned(),
            enable: Some(Flag01(true)),
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

pub(crate) struct RuleCalls {
    pub(crate) list: Typed<(), Vec<RuleRow>>,
    pub(crate) get: Typed<(), RuleRow>,
    pub(crate) create: Typed<CreateRule, ()>,
    pub(crate) update: Typed<UpdateRule, ()>,
    pub(crate) delete: Typed<BasedOn, ()>,
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

/// The calls on a list of rules under a path.
macro_rules! rule_calls {
    ($function:literal, $prefix:literal) => {
        use $crate::call::calls;
        use $crate::pve::firewall::rules::RuleCalls;
        use $crate::pve::firewall::{BasedOn, CreateRule, RuleRow, UpdateRule};

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

pub(crate) mod cluster {
    rule_calls!("cluster().firewall_rules()", "/cluster/firewall/rules");
}
pub(crate) mod group {
    rule_calls!("cluster().firewall_group(g)", "/cluster/firewall/groups/{group}");
}
pub(crate) mod vnet {
    rule_calls!("cluster().sdn().firewall_rules(vnet)", "/cluster/sdn/vnets/{vnet}/firewall/rules");
}
pub(crate) mod node {
    rule_calls!("node(n).firewall_rules()", "/nodes/{node}/firewall/rules");
}
pub(crate) mod qemu {
    rule_calls!("qemu(n, id).firewall_rules()", "/nodes/{node}/qemu/{vmid}/firewall/rules");
}
pub(crate) mod lxc {
    rule_calls!("lxc(n, id).firewall_rules()", "/nodes/{node}/lxc/{vmid}/firewall/rules");
}

impl<'a> crate::pve::cluster::Cluster<'a> {
    /// The cluster's rules.
    #[must_use]
    pub fn firewall_rules(&self) -> Rules<'a> {
        Rules::new(self.connection, &cluster::RULES, &[])
    }
}

impl<'a> crate::pve::cluster::sdn::Sdn<'a> {
    /// The rules of a vnet, about what passes through it.
    #[must_use]
    pub fn firewall_rules(&self, vnet: &str) -> Rules<'a> {
        Rules::new(self.connection, &vnet::RULES, &[vnet])
    }
}

impl<'a> crate::pve::nodes::Node<'a> {
    /// The node's rules.
    #[must_use]
    pub fn firewall_rules(&self) -> Rules<'a> {
        Rules::new(self.connection, &node::RULES, &[self.name])
    }
}

impl crate::pve::qemu::Qemu<'_> {
    /// Its rules.
    #[must_use]
    pub fn firewall_rules(&self) -> Rules<'_> {
        Rules::new(self.connection, &qemu::RULES, &self.args())
    }
}

impl crate::pve::lxc::Lxc<'_> {
    /// Its rules.
    #[must_use]
    pub fn firewall_rules(&self) -> Rules<'_> {
        Rules::new(self.connection, &lxc::RULES, &self.args())
    }
}
