//! The address plan: a guest's network, last octet, number, MAC and direct names are one and the same fact.
//!
//! Networks are `10.<a>.<b>.0/24` with `a` and `b` at most 99. The prefix is `a*100+b` in four digits, the VMID is the prefix
//! followed by the last octet in three digits: `10.11.4.209` is `1104209`.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::{Invalid, Vmid};

/// The prefix of a guest network, `a*100+b` of `10.<a>.<b>.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(u16);

impl Prefix {
    /// The prefix of the network that an address lies in, if it is one of the plan.
    pub fn of(address: Ipv4Addr) -> Option<Self> {
        let [ten, a, b, _] = address.octets();
        (ten == 10 && a <= 99 && b <= 99).then(|| Self(u16::from(a) * 100 + u16::from(b)))
    }

    /// The number, at most 9999; also the usual VLAN tag.
    pub fn get(self) -> u16 {
        self.0
    }

    /// The address with this last octet.
    pub fn address(self, last: u8) -> Ipv4Addr {
        let [a, b] = [self.0 / 100, self.0 % 100].map(|part| u8::try_from(part).unwrap_or(u8::MAX));
        Ipv4Addr::new(10, a, b, last)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// Reads VMIDs as addresses and back, and makes the names under a base domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPlan;

impl AddressPlan {
    /// The address a VMID stands for, where it follows the plan (seven digits at most, last octet 1..=254).
    pub fn address(vmid: Vmid) -> Option<Ipv4Addr> {
        let (prefix, last) = (vmid.get() / 1000, vmid.get() % 1000);
        let prefix = Prefix(u16::try_from(prefix).ok().filter(|p| (1..=9999).contains(p))?);
        let last = u8::try_from(last).ok().filter(|last| (1..=254).contains(last))?;
        Some(prefix.address(last))
    }

    /// The VMID of an address of the plan.
    pub fn vmid(address: Ipv4Addr) -> Option<Vmid> {
        let last = address.octets()[3];
        let prefix = Prefix::of(address).filter(|_| (1..=254).contains(&last))?;
        Vmid::new(u32::from(prefix.get()) * 1000 + u32::from(last)).ok()
    }

    /// The MAC: the decimal digits of `a`, `b` and the four-digit last octet written as if they were hex.
    pub fn mac(address: Ipv4Addr) -> Option<String> {
        let [_, a, b, last] = address.octets();
        Prefix::of(address)?;
        Some(format!("00:52:{a:02}:{b:02}:{:02}:{:02}", last / 100, last % 100))
    }

    /// The two direct names of an address under a base domain.
    pub fn hostnames(address: Ipv4Addr, base_domain: &str) -> Hostnames {
        let [a, b, c, d] = address.octets();
        Hostnames {
            tls: format!("tls-{a}-{b}-{c}-{d}.{base_domain}"),
            tcp: format!("tcp-{a}-{b}-{c}-{d}.{base_domain}"),
        }
    }
}

/// A guest's direct names: nothing is created for them, the router answers for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hostnames {
    /// The router ends TLS.
    pub tls: String,
    /// Passed through as it comes.
    pub tcp: String,
}

/// A direct name taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectName {
    /// `tls-` rather than `tcp-`.
    pub tls: bool,
    /// The guest's address.
    pub address: Ipv4Addr,
}

impl DirectName {
    /// Reads a name strictly: prefix, four decimal octets without leading zeros, then exactly the base domain.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(name: &str, base_domain: &str) -> Result<Self, Invalid> {
        let wrong =
            || Invalid::new("target", format!("not a direct name (tls-A-B-C-D or tcp-A-B-C-D) under {base_domain}"));
        let label = name.strip_suffix(base_domain).and_then(|rest| rest.strip_suffix('.')).ok_or_else(wrong)?;
        let (tls, octets) = match (label.strip_prefix("tls-"), label.strip_prefix("tcp-")) {
            (Some(octets), _) => (true, octets),
            (None, Some(octets)) => (false, octets),
            (None, None) => return Err(wrong()),
        };
        let mut parsed = [0_u8; 4];
        let mut parts = octets.split('-');
        for slot in &mut parsed {
            let part = parts.next().ok_or_else(wrong)?;
            let plain = part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            *slot = part.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
        }
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self { tls, address: Ipv4Addr::from(parsed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_example_agrees_in_every_form() {
        let address = Ipv4Addr::new(10, 11, 4, 209);
        let vmid = Vmid::new(1_104_209).unwrap();
        assert_eq!(AddressPlan::address(vmid), Some(address));
        assert_eq!(AddressPlan::vmid(address), Some(vmid));
        assert_eq!(AddressPlan::mac(address).as_deref(), Some("00:52:11:04:02:09"));
        assert_eq!(Prefix::of(address).unwrap().to_string(), "1104");
        let names = AddressPlan::hostnames(address, "a.bnna.net");
        assert_eq!(names.tls, "tls-10-11-4-209.a.bnna.net");
        assert_eq!(DirectName::parse(&names.tcp, "a.bnna.net").unwrap(), DirectName { tls: false, address });
    }

    #[test]
    fn numbers_outside_the_plan_have_no_address() {
        for number in [100, 999, 9000, 1_104_000, 1_104_255, 10_000_001, 999_999_999] {
            assert_eq!(AddressPlan::address(Vmid::new(number).unwrap()), None, "{number}");
        }
    }

    #[test]
    fn direct_names_are_read_strictly() {
        for bad in [
            "tls-10-11-4.a.x",
            "tls-10-11-04-9.a.x",
            "tls-10-11-4-256.a.x",
            "tls-1-2-3-4-5.a.x",
            "udp-1-2-3-4.a.x",
            "tls-10-11-4-9.b.x",
            "tls-10-11-4-9a.x",
            "x.tls-10-11-4-9.a.x",
            "tls-10-11-4-+9.a.x",
        ] {
            assert!(DirectName::parse(bad, "a.x").is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn vmids_and_addresses_are_one_fact(a in 0_u8..=99, b in 0_u8..=99, last in 1_u8..=254) {
            let address = Ipv4Addr::new(10, a, b, last);
            if let Some(vmid) = AddressPlan::vmid(address) && (a, b) != (0, 0) {
                prop_assert_eq!(AddressPlan::address(vmid), Some(address));
            }
        }
    }
}
