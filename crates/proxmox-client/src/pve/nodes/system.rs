//! The system of a node: names, time, services.

use serde::Deserialize;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::params::params;

/// Name servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dns {
    /// Domain to search.
    pub search: Option<String>,
    /// First.
    pub dns1: Option<String>,
    /// Second.
    pub dns2: Option<String>,
    /// Third.
    pub dns3: Option<String>,
}

/// The clock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeTime {
    /// Unix seconds.
    pub time: i64,
    /// The same, as if local time were UTC.
    pub localtime: i64,
    /// Time zone.
    pub timezone: String,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Service {
    /// Its id.
    #[serde(alias = "id")]
    pub service: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What it is.
    pub desc: Option<String>,
    /// `running` or otherwise.
    pub state: String,
    /// systemd's word.
    pub active_state: Option<String>,
    /// Whether it starts with the node.
    pub unit_state: Option<String>,
}

params! {
    /// Name servers as they shall be. What is not set is removed.
    #[derive(Debug, Clone)]
    pub struct SetDns {
        /// Domain to search.
        search: String = "search",
        /// First.
        dns1: Option<String> = "dns1",
        /// Second.
        dns2: Option<String> = "dns2",
        /// Third.
        dns3: Option<String> = "dns3",
    }

    /// Which time zone.
    #[derive(Debug, Clone)]
    pub struct SetTimezone {
        /// Its name (`Europe/Vienna`).
        timezone: String = "timezone",
    }
}

calls! { Pve:
    DNS "node(n).dns" = Get "/nodes/{node}/dns" () -> Dns;
    SET_DNS "node(n).set_dns" = Put "/nodes/{node}/dns" (SetDns) -> ();
    TIME "node(n).time" = Get "/nodes/{node}/time" () -> NodeTime;
    SET_TIMEZONE "node(n).set_timezone" = Put "/nodes/{node}/time" (SetTimezone) -> ();
    SERVICES "node(n).services" = Get "/nodes/{node}/services" () -> Vec<Service>;
    SERVICE "node(n).service" = Get "/nodes/{node}/services/{service}/state" () -> Service;
}

impl Node<'_> {
    /// The node's name servers.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn dns(&self) -> Result<Dns> {
        self.connection.send(&DNS, &[self.name], &()).await
    }

    /// Sets the node's name servers, all of them.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_dns(&self, dns: &SetDns) -> Result<()> {
        self.connection.send(&SET_DNS, &[self.name], dns).await
    }

    /// The node's clock.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn time(&self) -> Result<NodeTime> {
        self.connection.send(&TIME, &[self.name], &()).await
    }

    /// Sets the node's time zone.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_timezone(&self, timezone: &str) -> Result<()> {
        self.connection.send(&SET_TIMEZONE, &[self.name], &SetTimezone { timezone: timezone.to_owned() }).await
    }

    /// The node's services.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn services(&self) -> Result<Vec<Service>> {
        self.connection.send(&SERVICES, &[self.name], &()).await
    }

    /// One service of the node.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn service(&self, service: &str) -> Result<Service> {
        self.connection.send(&SERVICE, &[self.name, service], &()).await
    }
}
