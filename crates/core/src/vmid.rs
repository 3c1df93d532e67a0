//! Guest numbers and kinds.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// A guest's number, 100 to 999,999,999 (Proxmox's own bounds); unique in one cluster, across VMs and containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Vmid(u32);

impl Vmid {
    /// Checks and takes a number.
    ///
    /// # Errors
    /// Outside 100..=999999999.
    pub fn new(number: u32) -> Result<Self, Invalid> {
        if (100..=999_999_999).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Invalid::new("vmid", format!("{number} is outside 100 to 999999999")))
        }
    }

    /// Reads a number from text without sign, blanks or leading zeros.
    ///
    /// # Errors
    /// Not a number, or out of bounds.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits =
            !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let number = text.parse().ok().filter(|_| digits);
        number.map_or_else(|| Err(Invalid::new("vmid", "a number from 100 to 999999999")), Self::new)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u32> for Vmid {
    type Error = Invalid;
    fn try_from(number: u32) -> Result<Self, Invalid> {
        Self::new(number)
    }
}

impl From<Vmid> for u32 {
    fn from(vmid: Vmid) -> u32 {
        vmid.0
    }
}

/// The two kinds of guests, by Proxmox's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// A container.
    Lxc,
    /// A virtual machine.
    Qemu,
}

impl GuestKind {
    /// `lxc` or `qemu`, as in Proxmox's paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Qemu => "qemu",
        }
    }

    /// Reads Proxmox's word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "lxc" => Some(Self::Lxc),
            "qemu" => Some(Self::Qemu),
            _ => None,
        }
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vmids_keep_proxmoxs_bounds() {
        assert!(Vmid::parse("100").is_ok() && Vmid::parse("999999999").is_ok());
        for bad in ["99", "1000000000", "", "-100", "+100", "0100", "1e3", " 100", "100 ", "１００"] {
            assert!(Vmid::parse(bad).is_err(), "{bad}");
        }
    }
}
