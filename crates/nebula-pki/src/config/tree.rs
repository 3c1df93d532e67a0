//! The configuration as a document: which keys there are, and in which order.

use std::borrow::Cow;
use std::time::Duration;

use super::render::to_go;
use super::yaml::Node;
use super::{
    Conntrack, Firewall, HostConfig, Lighthouse, Listen, LogFormat, LogLevel, Logging, Peer, Pki, Ports, Protocol,
    Punchy, RefusedTraffic, Relay, Rule, Tun,
};

/// Collects the entries of a map, leaving out what is not there.
struct Entries<'a>(Vec<(Cow<'a, str>, Node<'a>)>);

impl<'a> Entries<'a> {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn put(mut self, key: &'a str, value: Node<'a>) -> Self {
        self.0.push((Cow::Borrowed(key), value));
        self
    }

    fn maybe(self, key: &'a str, value: Option<Node<'a>>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    fn node(self) -> Node<'a> {
        Node::Map(self.0)
    }
}

fn go<'a>(duration: Duration) -> Node<'a> {
    Node::Text(Cow::Owned(to_go(duration)))
}

impl HostConfig {
    pub(super) fn tree(&self) -> Node<'_> {
        let hosts = &self.static_host_map;
        let endpoints =
            hosts.iter().map(|(address, endpoints)| (Cow::Owned(address.to_string()), Node::shown_list(endpoints)));
        Entries::new()
            .put("pki", self.pki.tree())
            .maybe("static_host_map", (!hosts.is_empty()).then(|| Node::Map(endpoints.collect())))
            .put("lighthouse", self.lighthouse.tree())
            .put("relay", self.relay.tree())
            .put("listen", self.listen.tree())
            .put("punchy", self.punchy.tree())
            .put("tun", self.tun.tree())
            .put("logging", self.logging.tree())
            .put("firewall", self.firewall.tree())
            .node()
    }
}

impl Pki {
    fn tree(&self) -> Node<'_> {
        Entries::new()
            .put("ca", Node::text(&self.ca))
            .put("cert", Node::text(&self.cert))
            .put("key", Node::text(&self.key))
            .maybe("blocklist", (!self.blocklist.is_empty()).then(|| Node::shown_list(&self.blocklist)))
            .maybe("disconnect_invalid", self.disconnect_invalid.map(Node::Flag))
            .maybe("initiating_version", self.initiating_version.map(|version| Node::Number(version.into())))
            .node()
    }
}

impl Lighthouse {
    fn tree(&self) -> Node<'_> {
        Entries::new()
            .put("am_lighthouse", Node::Flag(self.am_lighthouse))
            .put("hosts", Node::shown_list(&self.hosts))
            .maybe("interval", self.interval.map(|interval| Node::Number(interval.as_secs())))
            .node()
    }
}

impl Relay {
    fn tree(&self) -> Node<'_> {
        Entries::new()
            .put("am_relay", Node::Flag(self.am_relay))
            .put("use_relays", Node::Flag(self.use_relays))
            .put("relays", Node::shown_list(&self.relays))
            .node()
    }
}

impl Listen {
    fn tree(&self) -> Node<'_> {
        Entries::new().put("host", Node::shown(&self.host)).put("port", Node::Number(self.port.into())).node()
    }
}

impl Punchy {
    fn tree(&self) -> Node<'_> {
        Entries::new()
            .put("punch", Node::Flag(self.punch))
            .put("respond", Node::Flag(self.respond))
            .maybe("delay", self.delay.map(go))
            .maybe("respond_delay", self.respond_delay.map(go))
            .node()
    }
}

impl Tun {
    fn tree(&self) -> Node<'_> {
        let routes = self.routes.iter().map(|route| {
            Entries::new().put("mtu", Node::Number(route.mtu.into())).put("route", Node::shown(&route.route)).node()
        });
        let unsafe_routes = self.unsafe_routes.iter().map(|route| {
            Entries::new().put("route", Node::shown(&route.route)).put("via", Node::shown(&route.via)).node()
        });
        Entries::new()
            .maybe("disabled", self.disabled.then_some(Node::Flag(true)))
            .put("dev", Node::text(&self.dev))
            .put("drop_local_broadcast", Node::Flag(self.drop_local_broadcast))
            .put("drop_multicast", Node::Flag(self.drop_multicast))
            .put("tx_queue", Node::Number(self.tx_queue.into()))
            .put("mtu", Node::Number(self.mtu.into()))
            .put("routes", Node::List(routes.collect()))
            .maybe("unsafe_routes", (!self.unsafe_routes.is_empty()).then(|| Node::List(unsafe_routes.collect())))
            .node()
    }
}

impl Logging {
    fn tree(&self) -> Node<'_> {
        let level = match self.level {
            LogLevel::Panic => "panic",
            LogLevel::Fatal => "fatal",
            LogLevel::Error => "error",
            LogLevel::Warning => "warning",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        };
        let format = match self.format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        Entries::new()
            .put("level", Node::text(level))
            .put("format", Node::text(format))
            .maybe("disable_timestamp", self.disable_timestamp.then_some(Node::Flag(true)))
            .maybe("timestamp_format", self.timestamp_format.as_deref().map(Node::text))
            .node()
    }
}

impl Firewall {
    fn tree(&self) -> Node<'_> {
        let action = |action: RefusedTraffic| match action {
            RefusedTraffic::Drop => Node::text("drop"),
            RefusedTraffic::Reject => Node::text("reject"),
        };
        Entries::new()
            .put("conntrack", self.conntrack.tree())
            .maybe("outbound_action", self.outbound_action.map(action))
            .maybe("inbound_action", self.inbound_action.map(action))
            .put("outbound", Node::List(self.outbound.iter().map(Rule::tree).collect()))
            .put("inbound", Node::List(self.inbound.iter().map(Rule::tree).collect()))
            .node()
    }
}

impl Conntrack {
    fn tree(&self) -> Node<'_> {
        Entries::new()
            .put("tcp_timeout", go(self.tcp_timeout))
            .put("udp_timeout", go(self.udp_timeout))
            .put("default_timeout", go(self.default_timeout))
            .put("max_connections", Node::Number(self.max_connections.into()))
            .node()
    }
}

impl Rule {
    fn tree(&self) -> Node<'_> {
        let ports = match self.ports {
            // A number stays a number, as people write it; Nebula takes both.
            Ports::Range { first, last } if first == last => Node::Number(first.into()),
            ports => Node::shown(&ports),
        };
        let protocol = match self.protocol {
            Protocol::Any => "any",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmp => "icmp",
        };
        let (key, peer) = match &self.peer {
            Peer::Any => ("host", Node::text("any")),
            Peer::Host(name) => ("host", Node::text(name)),
            Peer::Group(group) => ("group", Node::text(group)),
            Peer::AllGroups(groups) => ("groups", Node::List(groups.iter().map(|group| Node::text(group)).collect())),
            Peer::Cidr(cidr) => ("cidr", Node::shown(cidr)),
        };
        Entries::new()
            .put("port", ports)
            .put("proto", Node::text(protocol))
            .put(key, peer)
            .maybe("ca_sha", self.ca_sha.as_ref().map(Node::shown))
            .maybe("ca_name", self.ca_name.as_deref().map(Node::text))
            .maybe("local_cidr", self.local_cidr.as_ref().map(Node::shown))
            .node()
    }
}
