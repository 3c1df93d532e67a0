//! The firewall: rules in order, aliases, sets of addresses, options and logs, of the cluster, a node, a guest, a vnet.
//!
//! One file a subject; each says at which levels there is such a thing. What a rule matches is written as the server
//! writes it (`+guest/set`, `dc/alias`): a name is only right or wrong on the server.

pub mod groups;
pub mod log;
pub mod options;
pub mod rules;
pub mod sets;

pub use groups::{CreateGroup, GroupRow, MacroRow};
pub use log::FirewallLogQuery;
pub use options::{
    ClusterFirewallOptions, FirewallOptions, ForwardPolicy, GuestFirewallOptions, NodeFirewallOptions,
    VnetFirewallOptions,
};
pub use rules::{CreateRule, RuleKind, RuleRow, Rules, UpdateRule};
pub use sets::{
    AddToSet, AddressSets, AliasRow, CreateAlias, CreateSet, RefRow, SetEntry, SetRow, UpdateAlias, UpdateSetEntry,
};

use crate::params::{params, words};

words! {
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

params! {
    /// The state that a removal is based on.
    #[derive(Debug, Clone, Default)]
    pub struct BasedOn {
        /// The state.
        digest: Option<String> = "digest",
    }
}
