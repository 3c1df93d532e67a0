//! The firewall: connection tracking and rules.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

/// Who may talk to whom. What no rule allows is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firewall {
    /// Connection tracking.
    pub conntrack: Conntrack,
    /// How refused outgoing packets end. Nebula before 1.11 takes this for the other direction.
    pub outbound_action: Option<RefusedTraffic>,
    /// How refused incoming packets end. Nebula before 1.11 takes this for the other direction.
    pub inbound_action: Option<RefusedTraffic>,
    /// What this host may begin.
    pub outbound: Vec<Rule>,
    /// What others may begin with this host.
    pub inbound: Vec<Rule>,
}

impl Firewall {
    /// Everything in and out.
    #[must_use]
    pub fn allow_all() -> Self {
        Self {
            conntrack: Conntrack::default(),
            outbound_action: None,
            inbound_action: None,
            outbound: vec![Rule::any()],
            inbound: vec![Rule::any()],
        }
    }

    /// Everything out, and in only what the rules say.
    #[must_use]
    pub fn allow_inbound(rules: Vec<Rule>) -> Self {
        Self { inbound_action: Some(RefusedTraffic::Drop), inbound: rules, ..Self::allow_all() }
    }
}

/// How refused packets end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedTraffic {
    /// In silence.
    Drop,
    /// With an answer that says so.
    Reject,
}

/// How long and how many connections are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conntrack {
    /// TCP.
    pub tcp_timeout: Duration,
    /// UDP.
    pub udp_timeout: Duration,
    /// Everything else.
    pub default_timeout: Duration,
    /// Most connections. Nebula 1.6 to 1.11 reads it and does not use it.
    pub max_connections: u32,
}

impl Default for Conntrack {
    fn default() -> Self {
        Self {
            tcp_timeout: Duration::from_secs(120 * 3600),
            udp_timeout: Duration::from_secs(180),
            default_timeout: Duration::from_secs(600),
            max_connections: 100_000,
        }
    }
}

/// One rule: traffic of a protocol to some ports, from or to some peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Ports of whoever is talked to.
    pub ports: Ports,
    /// Protocol.
    pub protocol: Protocol,
    /// With whom.
    pub peer: Peer,
    /// Only peers whose certificate this CA signed, by its fingerprint.
    pub ca_sha: Option<crate::Fingerprint>,
    /// Only peers whose certificate a CA of this name signed.
    pub ca_name: Option<String>,
    /// Only traffic to this network behind this host, which it routes for.
    pub local_cidr: Option<IpNet>,
}

impl Rule {
    /// Everything with everybody.
    #[must_use]
    pub fn any() -> Self {
        Self::new(Ports::Any, Protocol::Any, Peer::Any)
    }

    /// Traffic of a protocol to some ports with some peers.
    #[must_use]
    pub fn new(ports: Ports, protocol: Protocol, peer: Peer) -> Self {
        Self { ports, protocol, peer, ca_sha: None, ca_name: None, local_cidr: None }
    }
}

/// Ports of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// All.
    Any,
    /// Fragments of packets, which carry no port.
    Fragment,
    /// From the first to the last, both included.
    Range {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
}

/// A text that is not a part of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {expected}")]
pub struct NotARule {
    found: String,
    expected: &'static str,
}

impl Ports {
    /// One port.
    #[must_use]
    pub fn one(port: u16) -> Self {
        Self::Range { first: port, last: port }
    }
}

impl FromStr for Ports {
    type Err = NotARule;

    /// `any`, `fragment`, `22`, `80-88`. Nebula takes port 0 for all ports, so it is refused here: say `any`.
    fn from_str(text: &str) -> Result<Self, NotARule> {
        let expected = "any, fragment, a port from 1 to 65535, or a range of them such as 80-88";
        let wrong = || NotARule { found: text.chars().take(64).collect(), expected };
        let number = |part: &str| part.trim().parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(wrong);
        match text {
            "any" => Ok(Self::Any),
            "fragment" => Ok(Self::Fragment),
            _ => {
                let (first, last) = text.split_once('-').unwrap_or((text, text));
                let (first, last) = (number(first)?, number(last)?);
                if first <= last { Ok(Self::Range { first, last }) } else { Err(wrong()) }
            }
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.pad("any"),
            Self::Fragment => f.pad("fragment"),
            Self::Range { first, last } if first == last => write!(f, "{first}"),
            Self::Range { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

/// Protocol of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Nebula's own")]
pub enum Protocol {
    Any,
    Tcp,
    Udp,
    Icmp,
}

impl FromStr for Protocol {
    type Err = NotARule;

    fn from_str(text: &str) -> Result<Self, NotARule> {
        match text {
            "any" => Ok(Self::Any),
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "icmp" => Ok(Self::Icmp),
            _ => Err(NotARule { found: text.chars().take(64).collect(), expected: "any, tcp, udp or icmp" }),
        }
    }
}

/// With whom a rule is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Everybody.
    Any,
    /// The host of this name.
    Host(String),
    /// Hosts of this group; the group `any` is everybody.
    Group(String),
    /// Hosts that are in every one of these groups.
    AllGroups(BTreeSet<String>),
    /// Hosts with an address in this network.
    Cidr(IpNet),
}
