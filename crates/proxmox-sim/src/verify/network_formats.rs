//! Registered formats of networks, firewalls, high availability and jobs, and their texts.

use std::net::{IpAddr, Ipv4Addr};

use crate::state::calendar::CalendarEvent;

/// Checks a value against a format; `None` when the format is not one of these.
pub(super) fn check(name: &str, value: &str) -> Option<Result<(), String>> {
    Some(match name {
        "pve-sdn-zone-id" => sdn_id("zone", value, 8, ""),
        "pve-sdn-vnet-id" => sdn_id("vnet", value, 8, ""),
        "pve-sdn-controller-id" => sdn_id("controller", value, 64, "-_"),
        "pve-sdn-ipam-id" => sdn_id("ipam", value, usize::MAX, ""),
        "pve-sdn-dns-id" => sdn_id("dns", value, usize::MAX, ""),
        "pve-sdn-subnet-id" => subnet(value),
        "pve-iface" => says(is_interface(value), &format!("invalid network interface name '{value}'")),
        "pve-fw-addr-spec" => addresses(value).map(|_| ()),
        "pve-fw-sport-spec" | "pve-fw-dport-spec" => ports(value),
        "pve-fw-protocol-spec" => says(is_protocol(value), &format!("unknown protocol '{value}'")),
        "pve-fw-icmp-type-spec" => says(is_icmp_type(value), &format!("invalid icmp-type value '{value}'")),
        "pve-fw-conntrack-helper" => says(CONNTRACK.contains(&value), &format!("invalid conntrack helper '{value}'")),
        "IPorCIDR" => says(is_ip_or_cidr(value), "value does not look like a valid IP address or CIDR network"),
        "IPorCIDRorAlias" => says(
            is_ip_or_cidr(value) || is_alias(value),
            "value does not look like a valid IP address, CIDR network or Alias",
        ),
        "CIDRv4" => says(
            Network::parse(value).is_some_and(|network| network.is_v4()),
            "value does not look like a valid IPv4 CIDR network",
        ),
        "CIDRv6" => says(
            Network::parse(value).is_some_and(|network| !network.is_v4()),
            "value does not look like a valid IPv6 CIDR network",
        ),
        "FullRangeCIDR" => says(is_ip_or_cidr(value), "value does not look like a valid CIDR network"),
        "ipv4mask" => says(is_mask(value), "value does not look like a valid IP netmask"),
        "pve-ha-resource-id" => says(is_resource(value), "value does not look like a valid ha resource id"),
        "pve-ha-resource-or-vm-id" => {
            says(is_resource(value) || is_vmid(value), "value does not look like a valid ha resource id")
        }
        "pve-ha-node" => says(is_ha_node(value), "value does not look like a valid ha node"),
        "pve-calendar-event" => calendar(value),
        "pve-day-of-week" => {
            const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            says(DAYS.contains(&value.to_ascii_lowercase().as_str()), &format!("invalid day '{value}'"))
        }
        "pve-replication-job-id" => replication_job(value),
        "mac-prefix" => says(is_mac_prefix(value), "value is not valid unicast MAC address prefix"),
        _ => return None,
    })
}

fn says(fits: bool, text: &str) -> Result<(), String> {
    if fits { Ok(()) } else { Err(format!("{text}\n")) }
}

/// A network: an address and how many bits of it count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The address as written; bits beyond the mask are kept.
    pub address: IpAddr,
    /// Length of the prefix.
    pub bits: u8,
}

impl Network {
    /// `10.0.0.0/24`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let digits = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit());
        let bits: u8 = bits.parse().ok().filter(|_| digits)?;
        let (least, most) = if address.is_ipv4() { (8, 32) } else { (8, 128) };
        (least..=most).contains(&bits).then_some(Self { address, bits })
    }

    fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                (u64::from(own.to_bits()) >> shift) == (u64::from(other.to_bits()) >> shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

fn is_ip_or_cidr(value: &str) -> bool {
    value.parse::<IpAddr>().is_ok() || Network::parse(value).is_some()
}

fn sdn_id(what: &str, value: &str, longest: usize, also: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    let fits = value.len() >= 2
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(inner)
        && value.ends_with(|c: char| c.is_ascii_alphanumeric());
    if !fits {
        return Err(format!("{what} ID '{value}' contains illegal characters\n"));
    }
    if value.len() > longest {
        return Err(format!("{what} ID '{value}' can't be more length than {longest} characters\n"));
    }
    Ok(())
}

/// `10.0.0.0/24`, or with its zone as in paths: `zone-10.0.0.0-24`.
fn subnet(value: &str) -> Result<(), String> {
    let network = if value.contains('/') {
        value.to_owned()
    } else {
        let rest = value.split_once('-').map_or("", |(_, rest)| rest);
        rest.rsplit_once('-').map(|(network, mask)| format!("{network}/{mask}")).unwrap_or_default()
    };
    says(Network::parse(&network).is_some(), "value does not look like a valid CIDR network")
}

fn is_interface(value: &str) -> bool {
    let base = match value.split_once([':', '.']) {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => base,
        Some(_) => return false,
        None => value,
    };
    (2..=21).contains(&base.len())
        && base.starts_with(|c: char| c.is_ascii_alphabetic())
        && base.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The name of an alias, perhaps with its scope.
#[must_use]
pub fn is_alias(value: &str) -> bool {
    let name = ["dc/", "guest/", "sdn/"].iter().find_map(|scope| value.strip_prefix(scope)).unwrap_or(value);
    is_firewall_name(name)
}

/// A name of an alias, an ipset or a security group.
#[must_use]
pub fn is_firewall_name(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Reads a list of addresses of a rule. Tells the version of IP when it names addresses, nothing when it names an alias or a set.
///
/// # Errors
/// The text with its newline.
pub fn addresses(value: &str) -> Result<Option<u8>, String> {
    if let Some(set) = value.strip_prefix('+') {
        return if is_alias(set) { Ok(None) } else { Err(format!("invalid ipset name '{set}'\n")) };
    }
    if is_alias(value) {
        return Ok(None);
    }
    if value.is_empty() || value.starts_with(',') || value.ends_with(',') || value.contains(",,") {
        return Err("extraneous commas in list\n".to_owned());
    }
    let mut version = None;
    let (mut count, mut has_range) = (0, false);
    for part in value.split(',') {
        count += 1;
        let found = address(part).map_err(|text| format!("invalid IP address: {text}\n"))?;
        has_range |= part.contains('-');
        if version.is_some_and(|version| version != found) {
            return Err(format!("detected mixed ipv4/ipv6 addresses in address list '{value}'\n"));
        }
        version = Some(found);
    }
    if has_range && count > 1 {
        return Err("you can't use a range in a list\n".to_owned());
    }
    Ok(version)
}

/// One address, network or range; tells the version of IP.
fn address(part: &str) -> Result<u8, String> {
    let whole = |text: &str| -> Result<u8, String> {
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => return Ok(4),
            Ok(IpAddr::V6(_)) => return Ok(6),
            Err(_) => {}
        }
        if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !text.is_empty() {
            for quad in text.split('.') {
                if quad.parse::<u32>().is_ok_and(|number| number > 255) {
                    return Err(format!("Invalid quad in IP address {text} - {quad}"));
                }
            }
            return Err(format!("Invalid IP address {text}"));
        }
        Err(format!("Cannot determine IP version for {text}"))
    };
    if let Some((from, to)) = part.split_once('-') {
        let version = whole(from.trim())?;
        return if whole(to.trim())? == version { Ok(version) } else { Err(format!("Range {part} is mixed")) };
    }
    let (base, bits) = part.split_once('/').unwrap_or((part, ""));
    let version = whole(base)?;
    if part.contains('/') {
        let most = if version == 4 { 32 } else { 128 };
        if !bits.parse::<u8>().is_ok_and(|bits| bits <= most) {
            return Err(format!("Invalid prefix length /{bits}"));
        }
    }
    Ok(version)
}

fn ports(value: &str) -> Result<(), String> {
    let mut count = 0;
    for item in value.split(',') {
        let number = |text: &str| -> Result<u32, String> {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let port = text.parse::<u32>().ok().filter(|port| digits && *port <= 65535);
            port.ok_or_else(|| format!("invalid port '{text}'\n"))
        };
        count += 1;
        match item.split_once(':') {
            Some((from, to)) => {
                count += 1;
                let (from, to) = (number(from)?, number(to)?);
                if from > to {
                    return Err(format!("backwards range '{from}:{to}' not allowed, did you mean '{to}:{from}'?\n"));
                }
            }
            None if SERVICES.contains(&item) => {}
            None => {
                number(item)?;
            }
        }
    }
    if count > 15 {
        return Err("too many entries in port list (> 15 numbers)\n".to_owned());
    }
    Ok(())
}

const SERVICES: &[&str] = &[
    "bgp",
    "bootpc",
    "bootps",
    "domain",
    "ftp",
    "ftp-data",
    "http",
    "https",
    "imap2",
    "imaps",
    "isakmp",
    "kerberos",
    "ldap",
    "ldaps",
    "microsoft-ds",
    "mysql",
    "netbios-dgm",
    "netbios-ns",
    "netbios-ssn",
    "nfs",
    "nntp",
    "ntp",
    "openvpn",
    "pop3",
    "pop3s",
    "postgresql",
    "radius",
    "rsync",
    "sip",
    "smtp",
    "snmp",
    "ssh",
    "submission",
    "sunrpc",
    "syslog",
    "telnet",
    "tftp",
    "whois",
];

const PROTOCOLS: &[&str] = &[
    "tcp",
    "udp",
    "icmp",
    "igmp",
    "ggp",
    "ipencap",
    "st",
    "egp",
    "igp",
    "pup",
    "hmp",
    "xns-idp",
    "rdp",
    "iso-tp4",
    "dccp",
    "xtp",
    "ddp",
    "idpr-cmtp",
    "ipv6",
    "ipv6-route",
    "ipv6-frag",
    "idrp",
    "rsvp",
    "gre",
    "esp",
    "ah",
    "skip",
    "ipv6-icmp",
    "icmpv6",
    "ipv6-nonxt",
    "ipv6-opts",
    "vmtp",
    "eigrp",
    "ospf",
    "ax.25",
    "ipip",
    "etherip",
    "encap",
    "pim",
    "ipcomp",
    "vrrp",
    "l2tp",
    "isis",
    "sctp",
    "fc",
    "mobility-header",
    "udplite",
    "mpls-in-ip",
    "manet",
    "shim6",
    "wesp",
    "rohc",
    "all",
];

fn is_protocol(value: &str) -> bool {
    PROTOCOLS.contains(&value.to_ascii_lowercase().as_str()) || value.parse::<u8>().is_ok()
}

const ICMP: &[&str] = &[
    "any",
    "echo-reply",
    "destination-unreachable",
    "network-unreachable",
    "host-unreachable",
    "protocol-unreachable",
    "port-unreachable",
    "fragmentation-needed",
    "source-route-failed",
    "network-unknown",
    "host-unknown",
    "network-prohibited",
    "host-prohibited",
    "TOS-network-unreachable",
    "TOS-host-unreachable",
    "communication-prohibited",
    "host-precedence-violation",
    "precedence-cutoff",
    "source-quench",
    "redirect",
    "network-redirect",
    "host-redirect",
    "TOS-network-redirect",
    "TOS-host-redirect",
    "echo-request",
    "router-advertisement",
    "router-solicitation",
    "time-exceeded",
    "ttl-zero-during-transit",
    "ttl-zero-during-reassembly",
    "parameter-problem",
    "ip-header-bad",
    "required-option-missing",
    "timestamp-request",
    "timestamp-reply",
    "address-mask-request",
    "address-mask-reply",
    "no-route",
    "address-unreachable",
    "beyond-scope",
    "failed-policy",
    "reject-route",
    "packet-too-big",
    "neighbour-solicitation",
    "neighbor-solicitation",
    "neighbour-advertisement",
    "neighbor-advertisement",
];

fn is_icmp_type(value: &str) -> bool {
    let number = |text: &str| text.parse::<u8>().is_ok();
    ICMP.contains(&value)
        || number(value)
        || value.split_once('/').is_some_and(|(kind, code)| number(kind) && number(code))
}

const CONNTRACK: &[&str] = &["amanda", "ftp", "irc", "netbios-ns", "pptp", "sane", "sip", "snmp", "tftp"];

fn is_mask(value: &str) -> bool {
    value.parse::<Ipv4Addr>().is_ok_and(|mask| {
        let bits = mask.to_bits();
        bits != 0 && bits.leading_ones() + bits.trailing_zeros() == 32
    })
}

fn is_vmid(value: &str) -> bool {
    (3..=9).contains(&value.len()) && !value.starts_with('0') && value.bytes().all(|b| b.is_ascii_digit())
}

fn is_resource(value: &str) -> bool {
    // Types and ids that do not exist are refused later, in other words.
    let word = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == ':');
    value.split_once(':').is_some_and(|(kind, id)| word(kind) && word(id))
}

fn is_ha_node(value: &str) -> bool {
    let (node, priority) = value.split_once(':').map_or((value, None), |(node, priority)| (node, Some(priority)));
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let is_name = !node.is_empty() && node.bytes().all(inner) && !node.starts_with('-') && !node.ends_with('-');
    is_name && priority.is_none_or(|priority| !priority.is_empty() && priority.bytes().all(|b| b.is_ascii_digit()))
}

fn calendar(value: &str) -> Result<(), String> {
    if CalendarEvent::parse(value).is_some() {
        return Ok(());
    }
    let first = value.split_whitespace().next().unwrap_or_default();
    Err(format!(
        "invalid calendar event '{value}' - unable to parse calendar event at '{first}' - Context(\"weekday\")\n\n"
    ))
}

fn replication_job(value: &str) -> Result<(), String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match value.split_once('-') {
        Some((vmid, number)) if digits(vmid) && digits(number) => {
            if vmid.parse::<u64>().is_ok_and(|vmid| vmid < 100) {
                return Err(format!("invalid replication job id '{value}' (guest IDs < 100 are reserved)\n"));
            }
            Ok(())
        }
        _ => Err(format!("invalid replication job id '{value}'\n")),
    }
}

fn is_mac_prefix(value: &str) -> bool {
    let octets: Vec<&str> = value.split(':').collect();
    let is_hex = |octet: &&str| octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit());
    let unicast =
        octets.first().and_then(|octet| u8::from_str_radix(octet, 16).ok()).is_some_and(|octet| octet & 1 == 0);
    unicast && octets.len() <= 5 && octets.iter().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let network = Network::parse("10.20.0.0/24").unwrap();
        assert!(network.holds("10.20.0.255".parse().unwrap()) && !network.holds("10.20.1.0".parse().unwrap()));
        assert!(Network::parse("fd00::/64").unwrap().holds("fd00::1".parse().unwrap()));
        assert_eq!(Network::parse("10.0.0.0"), None);
        assert_eq!(Network::parse("10.0.0.0/33"), None);
    }

    #[test]
    fn firewall_texts() {
        assert_eq!(
            addresses("300.1.1.1").unwrap_err(),
            "invalid IP address: Invalid quad in IP address 300.1.1.1 - 300\n"
        );
        assert_eq!(addresses("192.0.2.0/24,198.51.100.7"), Ok(Some(4)));
        assert_eq!(addresses("dc/srv"), Ok(None));
        assert_eq!(ports("22,80:90,http"), Ok(()));
        assert_eq!(ports("99999").unwrap_err(), "invalid port '99999'\n");
    }
}
