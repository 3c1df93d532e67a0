//! High availability: which guests are looked after, where they may run, and how all that is.

pub mod groups;
pub mod resources;
pub mod rules;
pub mod status;

pub use groups::{CreateHaGroup, HaGroup, UpdateHaGroup};
pub use resources::{CreateHaResource, HaRequest, HaResource, HaTarget, UpdateHaResource};
pub use rules::{
    Affinity, HaRule, HaRuleFilter, HaRuleKind, NodeAffinityRule, ResourceAffinityRule, UpdateNodeAffinity,
    UpdateResourceAffinity,
};
pub use status::{DisarmMode, HaStatusRow};

use std::fmt;
use std::str::FromStr;

use crate::ids::{GuestKind, InvalidId, Vmid, serde_as_text};
use crate::params::{Field, Kind, Params};

/// What is looked after: `vm:100` or `ct:100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HaSid {
    /// Which kind of guest.
    pub kind: GuestKind,
    /// Its number.
    pub vmid: Vmid,
}

impl fmt::Display for HaSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            GuestKind::Qemu => "vm",
            GuestKind::Lxc => "ct",
        };
        write!(f, "{kind}:{}", self.vmid)
    }
}

impl FromStr for HaSid {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (kind, vmid) = match text.split_once(':') {
            Some(("vm", vmid)) => (GuestKind::Qemu, vmid),
            Some(("ct", vmid)) => (GuestKind::Lxc, vmid),
            _ => return Err(InvalidId::new("HA resource id", text, "must be vm:VMID or ct:VMID")),
        };
        Ok(Self { kind, vmid: vmid.parse()? })
    }
}

serde_as_text!(HaSid);

impl Field for HaSid {
    const KIND: Kind = Kind::Text;
    fn put(&self, name: &str, out: &mut Params) {
        out.push(name, self.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn resource_ids_round_trip(vmid in 100_u64..=999_999_999, machine: bool) {
            let kind = if machine { GuestKind::Qemu } else { GuestKind::Lxc };
            let sid = HaSid { kind, vmid: Vmid::new(vmid).unwrap() };
            prop_assert_eq!(sid.to_string().parse::<HaSid>().unwrap(), sid);
        }
        #[test]
        fn no_text_panics(text in ".{0,20}") {
            if let Ok(sid) = text.parse::<HaSid>() {
                prop_assert!(sid.to_string().starts_with(&text[..2]));
            }
        }
    }
}
