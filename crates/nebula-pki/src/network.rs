//! Addresses with the networks they are in.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::IpNet;

use crate::nebula::NebulaVersion;

/// An address and the network around it, such as `10.42.0.7/16`: the host part is kept.
///
/// Version 1 writes the mask itself, so a hostile certificate can hold one with holes. Such a mask is kept as it came;
/// [`Network::prefix_len`] is then `None`, and no certificate can be issued with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    mask: Mask,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mask {
    Prefix(u8),
    Holed(u32),
}

/// A text that is not an address with a prefix length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address with a prefix length, such as 10.42.0.7/16 or fd00::7/64")]
pub struct NotANetwork(String);

impl Network {
    /// An address in a network of this prefix length, or `None` if the prefix is longer than the address.
    #[must_use]
    pub fn new(address: IpAddr, prefix_len: u8) -> Option<Self> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (prefix_len <= longest).then_some(Self { address, mask: Mask::Prefix(prefix_len) })
    }

    /// From the two numbers of version 1.
    pub(crate) fn from_v1(address: u32, mask: u32) -> Self {
        let address = IpAddr::V4(Ipv4Addr::from_bits(address));
        let ones = mask.leading_ones();
        let mask = if mask.count_ones() == ones { Mask::Prefix(ones as u8) } else { Mask::Holed(mask) };
        Self { address, mask }
    }

    /// The two numbers of version 1, as this Nebula would write them; `None` for IPv6.
    pub(crate) fn to_v1(self, nebula: NebulaVersion) -> Option<(u32, u32)> {
        let IpAddr::V4(address) = self.address else { return None };
        let mask = match self.mask {
            Mask::Prefix(ones) => u32::MAX.checked_shl(32 - u32::from(ones)).unwrap_or(0),
            Mask::Holed(_) if nebula.keeps_prefixes_only() => 0,
            Mask::Holed(mask) => mask,
        };
        Some((address.to_bits(), mask))
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The prefix length; `None` when version 1 held a mask with holes.
    #[must_use]
    pub fn prefix_len(&self) -> Option<u8> {
        match self.mask {
            Mask::Prefix(ones) => Some(ones),
            Mask::Holed(_) => None,
        }
    }

    /// The same as an [`IpNet`]; `None` when version 1 held a mask with holes.
    #[must_use]
    pub fn to_ipnet(&self) -> Option<IpNet> {
        IpNet::new(self.address, self.prefix_len()?).ok()
    }

    /// Whether the two networks have an address in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self.to_ipnet(), other.to_ipnet()) {
            (Some(a), Some(b)) => a.contains(&b.network()) || b.contains(&a.network()),
            _ => false,
        }
    }

    /// Whether a CA that is limited to this network may sign `inner`: the address lies in it and its network is no wider.
    pub(crate) fn allows(&self, inner: &Self, nebula: NebulaVersion) -> bool {
        if nebula.keeps_prefixes_only() {
            let (outer_len, inner_len) = (self.prefix_len().unwrap_or(0), inner.prefix_len().unwrap_or(0));
            return IpNet::new(self.address, outer_len).is_ok_and(|net| net.contains(&inner.address))
                && outer_len <= inner_len;
        }
        // Up to 1.9: masked addresses are equal, and no byte of the CA's mask is greater than the host's.
        let (Some((outer, outer_mask)), Some((inner, inner_mask))) = (self.to_v1(nebula), inner.to_v1(nebula)) else {
            return false;
        };
        let narrower =
            outer_mask.to_be_bytes().iter().zip(inner_mask.to_be_bytes()).all(|(outer, inner)| *outer <= inner);
        outer & outer_mask == inner & outer_mask && narrower
    }

    /// By address (IPv4 before IPv6), then by prefix length: the order in which version 2 keeps its lists.
    pub(crate) fn wire_order(&self, other: &Self) -> Ordering {
        self.address.cmp(&other.address).then(self.prefix_len().cmp(&other.prefix_len()))
    }

    /// As `nebula-cert print` of this Nebula writes it.
    pub(crate) fn to_print(self, nebula: NebulaVersion) -> String {
        match self.mask {
            Mask::Holed(_) if nebula.keeps_prefixes_only() => format!("{}/0", self.address),
            _ => self.to_string(),
        }
    }
}

impl From<IpNet> for Network {
    fn from(net: IpNet) -> Self {
        Self { address: net.addr(), mask: Mask::Prefix(net.prefix_len()) }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        text.parse::<IpNet>().map(Self::from).map_err(|_| NotANetwork(text.to_owned()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mask {
            Mask::Prefix(ones) => write!(f, "{}/{ones}", self.address),
            Mask::Holed(mask) => write!(f, "{}/{mask:08x}", self.address),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
