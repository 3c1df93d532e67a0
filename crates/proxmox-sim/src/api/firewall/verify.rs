//! What a rule has to be, beyond the formats of its fields; also shown with rules whose references are gone.

use std::collections::BTreeMap;

use crate::state::Cluster;
use crate::state::firewall::{Rule, Scope};
use crate::verify::network_formats::{addresses, is_firewall_name};

use super::{ip_version, known_macros};

/// Where a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Environment {
    /// The cluster's own.
    Cluster,
    /// A node's.
    Host,
    /// A VM's.
    Vm,
    /// A container's.
    Container,
    /// A security group.
    Group,
    /// A virtual network's.
    Vnet,
}

impl Environment {
    const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Host => "host",
            Self::Vm => "vm",
            Self::Container => "ct",
            Self::Group => "group",
            Self::Vnet => "vnet",
        }
    }

    fn allows(self, kind: &str) -> bool {
        match self {
            Self::Cluster | Self::Host => true,
            Self::Vm | Self::Container => kind != "forward",
            Self::Group => kind != "group",
            Self::Vnet => matches!(kind, "forward" | "group"),
        }
    }
}

const WITH_PORTS: [&str; 9] = ["tcp", "6", "udp", "17", "sctp", "132", "dccp", "33", "udplite"];

/// Whether an alias is known from a firewall.
pub(super) fn alias_exists(cluster: &Cluster, scope: &Scope, reference: &str) -> bool {
    alias(cluster, scope, reference).is_some()
}

fn alias(cluster: &Cluster, scope: &Scope, reference: &str) -> Option<String> {
    let (wanted, name) = match reference.split_once('/') {
        Some((wanted, name)) => (Some(wanted), name),
        None => (None, reference),
    };
    let find =
        |scope: &Scope| cluster.firewall.level(scope).aliases.get(&name.to_lowercase()).map(|alias| alias.cidr.clone());
    let own = if wanted != Some("dc") && *scope != Scope::Cluster { find(scope) } else { None };
    own.or_else(|| if wanted == Some("guest") { None } else { find(&Scope::Cluster) })
}

fn set_exists(cluster: &Cluster, scope: &Scope, reference: &str) -> Result<(), String> {
    let (wanted, name) = match reference.split_once('/') {
        Some((wanted, name)) => (Some(wanted), name),
        None => (None, reference),
    };
    if !is_firewall_name(name) {
        return Err(format!("invalid ipset name '+{reference}'"));
    }
    let has = |scope: &Scope| cluster.firewall.level(scope).ipsets.contains_key(name);
    let found = match wanted {
        Some("dc") => has(&Scope::Cluster),
        Some("guest") => *scope != Scope::Cluster && has(scope),
        Some("sdn") => cluster.sdn.all("vnet").any(|(vnet, _)| name.starts_with(vnet.as_str())),
        _ => has(&Scope::Cluster) || has(scope),
    };
    if found { Ok(()) } else { Err(format!("no such ipset '{name}'")) }
}

/// Checks a rule. Tells its version of IP, if that follows from it, and what is wrong by field.
pub(super) fn check(
    cluster: &Cluster,
    scope: &Scope,
    environment: Environment,
    rule: &Rule,
) -> (Option<u8>, BTreeMap<String, String>) {
    let mut errors = BTreeMap::new();
    let mut version: Option<u8> = None;
    let get = |key: &str| rule.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let kind = get("type").unwrap_or_default();
    let action = get("action").unwrap_or_default();
    if !environment.allows(kind) {
        let text = format!("invalid rule type '{kind}' for rule_env '{}'", environment.name());
        errors.insert("type".to_owned(), text);
    } else if kind == "group" {
        if !is_firewall_name(action) {
            errors.insert("action".to_owned(), "invalid characters in security group name".to_owned());
        }
    } else if !matches!(action, "ACCEPT" | "DROP" | "REJECT") {
        errors.insert("action".to_owned(), format!("unknown action '{action}'"));
    }
    if let Some(iface) = get("iface")
        && matches!(environment, Environment::Vm | Environment::Container)
    {
        let number = iface.strip_prefix("net").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if !number {
            errors.insert("iface".to_owned(), "value does not match the regex pattern 'net\\d+'".to_owned());
        }
    }
    if let Some(name) = get("macro")
        && !known_macros().any(|(known, _)| known.eq_ignore_ascii_case(name))
    {
        errors.insert("macro".to_owned(), format!("unknown macro '{name}'"));
    }
    let protocol = get("proto");
    match protocol {
        Some("icmp") => version = Some(4),
        Some("icmpv6" | "ipv6-icmp") => version = Some(6),
        _ => {}
    }
    for port in ["dport", "sport"] {
        if get(port).is_none() {
            continue;
        }
        match protocol {
            None => {
                errors.insert("proto".to_owned(), format!("missing property - '{port}' requires this property"));
            }
            Some(protocol) if !WITH_PORTS.contains(&protocol) => {
                errors.insert(port.to_owned(), format!("protocol '{protocol}' does not support ports"));
            }
            Some(_) => {}
        }
    }
    if get("icmp-type").is_some() && !matches!(protocol, Some("icmp" | "icmpv6" | "ipv6-icmp")) {
        let text = match protocol {
            None => "missing property - 'icmp-type' requires this property".to_owned(),
            Some(other) => format!("icmp-type cannot be used with protocol '{other}'"),
        };
        errors.insert(if protocol.is_none() { "proto" } else { "icmp-type" }.to_owned(), text);
    }
    for side in ["source", "dest"] {
        let Some(value) = get(side) else { continue };
        let found = if let Some(set) = value.strip_prefix('+') {
            set_exists(cluster, scope, set).map(|()| None)
        } else {
            match addresses(value) {
                Err(text) => Err(text),
                Ok(Some(found)) => Ok(Some(found)),
                Ok(None) => match alias(cluster, scope, value) {
                    Some(cidr) => Ok(Some(ip_version(&cidr))),
                    None => Err(format!("no such alias '{value}'")),
                },
            }
        };
        match found {
            Err(text) => {
                errors.insert(side.to_owned(), text);
            }
            Ok(Some(found)) if version.is_some_and(|version| version != found) => {
                errors.insert(side.to_owned(), "detected mixed ipv4/ipv6 addresses in rule\n".to_owned());
            }
            Ok(Some(found)) => version = Some(found),
            Ok(None) => {}
        }
    }
    (version, errors)
}
