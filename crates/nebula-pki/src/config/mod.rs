//! A host's configuration file as a type, rendered so that equal values give equal bytes.
//!
//! The keys and their order are those of a Nebula host configuration: `pki`, `static_host_map`, `lighthouse`, `relay`,
//! `listen`, `punchy`, `tun`, `logging`, `firewall`. What a value cannot say, the file cannot say: durations, ports and
//! rules are types, so that a rendered file is one that `nebula -test` takes.

mod firewall;
mod render;
mod tree;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::certificate::Fingerprint;

pub use firewall::{Conntrack, Firewall, NotARule, Peer, Ports, Protocol, RefusedTraffic, Rule};
pub use render::{ConfigError, MAX_CONFIG_BYTES};
use zeroize::Zeroizing;

/// A whole host configuration. Render it with [`HostConfig::to_yaml`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// Who the host is and whom it trusts.
    pub pki: Pki,
    /// Where hosts that must be found first (lighthouses, relays) listen, by overlay address. Left out when empty.
    pub static_host_map: BTreeMap<IpAddr, BTreeSet<Endpoint>>,
    /// How hosts find each other.
    pub lighthouse: Lighthouse,
    /// Hosts that pass traffic on for others.
    pub relay: Relay,
    /// The UDP socket.
    pub listen: Listen,
    /// Keeping mappings of address translators open.
    pub punchy: Punchy,
    /// The network device.
    pub tun: Tun,
    /// The log.
    pub logging: Logging,
    /// Who may talk to whom.
    pub firewall: Firewall,
}

impl HostConfig {
    /// A plain host with Nebula's usual settings, which lets everything in and out.
    #[must_use]
    pub fn new(pki: Pki) -> Self {
        Self {
            pki,
            static_host_map: BTreeMap::new(),
            lighthouse: Lighthouse::default(),
            relay: Relay::default(),
            listen: Listen::default(),
            punchy: Punchy::default(),
            tun: Tun::default(),
            logging: Logging::default(),
            firewall: Firewall::allow_all(),
        }
    }
}

/// Certificates, key and block list.
#[derive(Clone, PartialEq, Eq)]
pub struct Pki {
    /// The trusted CAs: a PEM bundle, or the path of one.
    pub ca: String,
    /// The host's certificate: PEM (of both versions from Nebula 1.10 on), or a path.
    pub cert: String,
    /// The host's private key: PEM, or a path. Wiped when dropped, shown as `[redacted]`.
    pub key: Zeroizing<String>,
    /// Certificates that are refused whoever signed them.
    pub blocklist: BTreeSet<Fingerprint>,
    /// Whether tunnels end when a certificate becomes invalid; Nebula's default is yes since 1.8.
    pub disconnect_invalid: Option<bool>,
    /// The certificate version with which handshakes begin, when the host has both (Nebula 1.10 and later).
    pub initiating_version: Option<u8>,
}

impl Pki {
    /// Inline PEM texts or paths, without a block list.
    #[must_use]
    pub fn new(ca: impl Into<String>, cert: impl Into<String>, key: Zeroizing<String>) -> Self {
        Self {
            ca: ca.into(),
            cert: cert.into(),
            key,
            blocklist: BTreeSet::new(),
            disconnect_invalid: None,
            initiating_version: None,
        }
    }
}

impl fmt::Debug for Pki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pki")
            .field("ca", &self.ca)
            .field("cert", &self.cert)
            .field("key", &"[redacted]")
            .field("blocklist", &self.blocklist)
            .finish_non_exhaustive()
    }
}

/// A UDP endpoint, `host:port`, where the host is a name, an IPv4 address or an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint(String);

/// A text that is not an [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an endpoint, such as lighthouse.example:4242 or [2001:db8::1]:4242")]
pub struct NotAnEndpoint(String);

impl std::str::FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let wrong = || NotAnEndpoint(text.chars().take(300).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let is_name = |host: &str| {
            (1..=253).contains(&host.len())
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        };
        let in_brackets = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let good = match in_brackets {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        if good && port != 0 { Ok(Self(format!("{host}:{port}"))) } else { Err(wrong()) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How hosts find each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lighthouse {
    /// Whether this host is a lighthouse.
    pub am_lighthouse: bool,
    /// Overlay addresses of the lighthouses to report to; empty on a lighthouse. Kept in order, each once.
    pub hosts: Vec<IpAddr>,
    /// How often to report; Nebula's default is 10 s. Whole seconds.
    pub interval: Option<Duration>,
}

/// Passing traffic on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Whether this host passes traffic on for others.
    pub am_relay: bool,
    /// Whether this host reaches others through relays.
    pub use_relays: bool,
    /// Overlay addresses of the relays through which this host can be reached; empty on a relay.
    pub relays: Vec<IpAddr>,
}

impl Default for Relay {
    fn default() -> Self {
        Self { am_relay: false, use_relays: true, relays: Vec::new() }
    }
}

/// The UDP socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes any.
    pub port: u16,
}

impl Default for Listen {
    fn default() -> Self {
        Self { host: IpAddr::from([0, 0, 0, 0]), port: 4242 }
    }
}

/// Keeping mappings of address translators open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Punchy {
    /// Whether to send empty packets now and then.
    pub punch: bool,
    /// Whether to answer a host that could not get through by talking to it.
    pub respond: bool,
    /// How long to wait before a punch. Whole milliseconds.
    pub delay: Option<Duration>,
    /// How long to wait before answering.
    pub respond_delay: Option<Duration>,
}

impl Default for Punchy {
    fn default() -> Self {
        Self { punch: true, respond: true, delay: None, respond_delay: None }
    }
}

/// The network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tun {
    /// No device at all: a lighthouse or relay that talks to nobody itself.
    pub disabled: bool,
    /// Name of the device, at most 15 characters.
    pub dev: String,
    /// Whether packets to the network's broadcast address are dropped.
    pub drop_local_broadcast: bool,
    /// Whether multicast is dropped.
    pub drop_multicast: bool,
    /// Length of the transmit queue.
    pub tx_queue: u32,
    /// Largest packet, in bytes.
    pub mtu: u16,
    /// Routes inside the overlay with another MTU.
    pub routes: Vec<Route>,
    /// Routes to networks behind hosts whose certificates allow it.
    pub unsafe_routes: Vec<UnsafeRoute>,
}

impl Default for Tun {
    fn default() -> Self {
        Self {
            disabled: false,
            dev: "nebula1".to_owned(),
            drop_local_broadcast: false,
            drop_multicast: false,
            tx_queue: 500,
            mtu: 1300,
            routes: Vec::new(),
            unsafe_routes: Vec::new(),
        }
    }
}

/// A part of the overlay that needs smaller packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Largest packet, in bytes.
    pub mtu: u16,
    /// The network.
    pub route: ipnet::IpNet,
}

/// A network behind a host of the overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsafeRoute {
    /// The network.
    pub route: ipnet::IpNet,
    /// Overlay address of the host that routes there.
    pub via: IpAddr,
}

/// The log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logging {
    /// From which level on.
    pub level: LogLevel,
    /// How lines look.
    pub format: LogFormat,
    /// Whether lines have no time.
    pub disable_timestamp: bool,
    /// Go's layout of the time.
    pub timestamp_format: Option<String>,
}

/// A level of Nebula's log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Nebula's own")]
pub enum LogLevel {
    Panic,
    Fatal,
    Error,
    Warning,
    #[default]
    Info,
    Debug,
}

/// A format of Nebula's log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Nebula's own")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}
