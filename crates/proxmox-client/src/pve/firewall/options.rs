//! Switches and defaults of each firewall.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{LogLevel, Policy};
use crate::call::calls;
use crate::error::Result;
use crate::params::{Flag01, params, words};

/// Options by name, as they are read.
pub type FirewallOptions = BTreeMap<String, Value>;

words! {
    /// What happens to what passes through and no rule is about.
    pub enum ForwardPolicy {
        /// It passes.
        Accept = "ACCEPT",
        /// It vanishes.
        Drop = "DROP",
    }
}

params! {
    /// Options of the cluster's firewall.
    #[derive(Debug, Clone, Default)]
    pub struct ClusterFirewallOptions {
        /// Whether firewalls are on at all: the master switch.
        enable: Option<Flag01> = "enable",
        /// What happens to what comes in.
        policy_in: Option<Policy> = "policy_in",
        /// What happens to what goes out.
        policy_out: Option<Policy> = "policy_out",
        /// What happens to what passes through.
        policy_forward: Option<ForwardPolicy> = "policy_forward",
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
        /// How loud about what passes through.
        log_level_forward: Option<LogLevel> = "log_level_forward",
        /// Whether neighbours are found.
        ndp: Option<bool> = "ndp",
        /// Whether the firewall is made with nftables.
        nftables: Option<bool> = "nftables",
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

    /// Options of a vnet's firewall, which is about what passes through it.
    #[derive(Debug, Clone, Default)]
    pub struct VnetFirewallOptions {
        /// Whether it is on.
        enable: Option<bool> = "enable",
        /// What happens to what no rule is about.
        policy_forward: Option<ForwardPolicy> = "policy_forward",
        /// How loud about what passes through.
        log_level_forward: Option<LogLevel> = "log_level_forward",
        /// Settings to remove.
        delete: Vec<String> = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }
}

calls! { Pve:
    CLUSTER_OPTIONS "cluster().firewall_options" = Get "/cluster/firewall/options" () -> FirewallOptions;
    SET_CLUSTER_OPTIONS "cluster().set_firewall_options" = Put "/cluster/firewall/options" (ClusterFirewallOptions) -> ();
    NODE_OPTIONS "node(n).firewall_options" = Get "/nodes/{node}/firewall/options" () -> FirewallOptions;
    SET_NODE_OPTIONS "node(n).set_firewall_options" = Put "/nodes/{node}/firewall/options" (NodeFirewallOptions) -> ();
    QEMU_OPTIONS "qemu(n, id).firewall_options" = Get "/nodes/{node}/qemu/{vmid}/firewall/options" () -> FirewallOptions;
    SET_QEMU_OPTIONS "qemu(n, id).set_firewall_options" = Put "/nodes/{node}/qemu/{vmid}/firewall/options" (GuestFirewallOptions) -> ();
    LXC_OPTIONS "lxc(n, id).firewall_options" = Get "/nodes/{node}/lxc/{vmid}/firewall/options" () -> FirewallOptions;
    SET_LXC_OPTIONS "lxc(n, id).set_firewall_options" = Put "/nodes/{node}/lxc/{vmid}/firewall/options" (GuestFirewallOptions) -> ();
    VNET_OPTIONS "cluster().sdn().firewall_options" = Get "/cluster/sdn/vnets/{vnet}/firewall/options" () -> FirewallOptions;
    SET_VNET_OPTIONS "cluster().sdn().set_firewall_options" = Put "/cluster/sdn/vnets/{vnet}/firewall/options" (VnetFirewallOptions) -> ();
}

impl crate::pve::cluster::Cluster<'_> {
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

impl crate::pve::cluster::sdn::Sdn<'_> {
    /// The options of a vnet's firewall.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_options(&self, vnet: &str) -> Result<FirewallOptions> {
        self.connection.send(&VNET_OPTIONS, &[vnet], &()).await
    }

    /// Changes the options of a vnet's firewall.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_firewall_options(&self, vnet: &str, options: &VnetFirewallOptions) -> Result<()> {
        self.connection.send(&SET_VNET_OPTIONS, &[vnet], options).await
    }
}

impl crate::pve::nodes::Node<'_> {
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

macro_rules! guest_options {
    ($guest:ty, $get:ident, $set:ident) => {
        impl $guest {
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
guest_options!(crate::pve::qemu::Qemu<'_>, QEMU_OPTIONS, SET_QEMU_OPTIONS);
guest_options!(crate::pve::lxc::Lxc<'_>, LXC_OPTIONS, SET_LXC_OPTIONS);
