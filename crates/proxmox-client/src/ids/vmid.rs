//! The number of a guest and which of the two kinds it is.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use super::InvalidId;

/// The number of a guest: 100 to 999 999 999, unique over virtual machines and containers of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vmid(u32);

impl Vmid {
    /// The least number a guest can have.
    pub const MIN: Self = Self(100);
    /// The greatest number a guest can have.
    pub const MAX: Self = Self(999_999_999);

    /// The guest number `number`.
    ///
    /// # Errors
    /// Below 100 or above 999 999 999.
    pub fn new(number: u64) -> Result<Self, InvalidId> {
        match u32::try_from(number) {
            Ok(id) if (Self::MIN.0..=Self::MAX.0).contains(&id) => Ok(Self(id)),
            _ => Err(InvalidId::new("VMID", &number.to_string(), "must be from 100 to 999999999")),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Vmid {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
        if !plain || text.starts_with('0') {
            return Err(InvalidId::new("VMID", text, "must be a plain number from 100 to 999999999"));
        }
        let number = text.parse().map_err(|_| InvalidId::new("VMID", text, "must be a number"))?;
        Self::new(number)
    }
}

impl TryFrom<u32> for Vmid {
    type Error = InvalidId;

    fn try_from(number: u32) -> Result<Self, InvalidId> {
        Self::new(u64::from(number))
    }
}

impl Serialize for Vmid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de> Deserialize<'de> for Vmid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = Vmid;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a VMID as number or text")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Vmid, E> {
                Vmid::new(number).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Vmid, E> {
                u64::try_from(number).map_err(E::custom).and_then(|n| self.visit_u64(n))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Vmid, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

/// Virtual machine or container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GuestKind {
    /// A virtual machine (`qemu` in paths and rows).
    Qemu,
    /// A container (`lxc` in paths and rows).
    Lxc,
}

impl GuestKind {
    /// The word that stands in API paths and in the `type` of `cluster/resources`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GuestKind {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "qemu" => Ok(Self::Qemu),
            "lxc" => Ok(Self::Lxc),
            _ => Err(InvalidId::new("guest kind", text, "must be qemu or lxc")),
        }
    }
}

super::serde_as_text!(GuestKind);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_outside_the_range_are_refused() {
        for text in ["0", "99", "1000000000", "0100", "+100", " 100", "100 ", "1e3", "", "-100"] {
            assert!(text.parse::<Vmid>().is_err(), "{text:?}");
        }
        assert_eq!("100".parse::<Vmid>().unwrap(), Vmid::MIN);
        assert_eq!("999999999".parse::<Vmid>().unwrap(), Vmid::MAX);
    }

    #[test]
    fn text_and_number_decode_alike() {
        assert_eq!(serde_json::from_str::<Vmid>("100").unwrap(), Vmid::MIN);
        assert_eq!(serde_json::from_str::<Vmid>("\"100\"").unwrap(), Vmid::MIN);
        assert!(serde_json::from_str::<Vmid>("99").is_err());
    }

    proptest! {
        #[test]
        fn text_round_trip(number in 100u64..=999_999_999) {
            let vmid = Vmid::new(number).unwrap();
            prop_assert_eq!(vmid.to_string().parse::<Vmid>().unwrap(), vmid);
        }
    }
}
