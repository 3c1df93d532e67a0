//! What a node's firewall has logged, of itself and of its guests.

use crate::call::calls;
use crate::error::Result;
use crate::params::params;
use crate::pve::lxc::Lxc;
use crate::pve::nodes::Node;
use crate::pve::qemu::Qemu;
use crate::tasks::LogLine;

params! {
    /// Which lines of a firewall's log.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct FirewallLogQuery {
        /// How many lines to skip.
        start: Option<u64> = "start",
        /// How many lines at most; 50 unless set.
        limit: Option<u64> = "limit",
        /// Logged from this Unix time on.
        since: Option<u64> = "since",
        /// Logged up to this Unix time.
        until: Option<u64> = "until",
    }
}

calls! { Pve:
    NODE "node(n).firewall_log" = Get "/nodes/{node}/firewall/log" (FirewallLogQuery) -> Vec<LogLine>;
    QEMU "qemu(n, id).firewall_log" = Get "/nodes/{node}/qemu/{vmid}/firewall/log" (FirewallLogQuery) -> Vec<LogLine>;
    LXC "lxc(n, id).firewall_log" = Get "/nodes/{node}/lxc/{vmid}/firewall/log" (FirewallLogQuery) -> Vec<LogLine>;
}

impl Node<'_> {
    /// What the node's firewall has logged.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_log(&self, query: &FirewallLogQuery) -> Result<Vec<LogLine>> {
        self.connection.send(&NODE, &[self.name], query).await
    }
}

impl Qemu<'_> {
    /// What the firewall has logged about the machine.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_log(&self, query: &FirewallLogQuery) -> Result<Vec<LogLine>> {
        self.connection.send(&QEMU, &self.args(), query).await
    }
}

impl Lxc<'_> {
    /// What the firewall has logged about the container.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn firewall_log(&self, query: &FirewallLogQuery) -> Result<Vec<LogLine>> {
        self.connection.send(&LXC, &self.args(), query).await
    }
}
