//! The paths that rights are given on.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, is_safe_id, serde_as_text};

/// A path of the tree that rights live in (`/`, `/vms/100`, `/pool/a/b`, `/datastore/store/ns`), normalised: one
/// slash between parts, none at the end.
///
/// Parsing accepts every well-formed path, because configurations hold some that no call would accept today. Whether
/// the product knows it is asked with [`AclPath::is_known_to_pve`] and [`AclPath::is_known_to_pbs`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclPath(String);

impl AclPath {
    /// `/`, the path above all others.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path of a guest, `/vms/<vmid>`.
    #[must_use]
    pub fn guest(vmid: super::Vmid) -> Self {
        Self(format!("/vms/{vmid}"))
    }

    /// A text known to be normal.
    pub(crate) fn from_trusted(text: String) -> Self {
        Self(text)
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The parts between the slashes; none for `/`.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// From `/` down to the path itself, as text.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let text = self.0.as_str();
        let ends = text.char_indices().skip(1).filter(|&(_, c)| c == '/').map(|(at, _)| at);
        let own = (!self.is_root()).then_some(text.len());
        std::iter::once("/").chain(ends.chain(own).filter_map(move |end| text.get(..end)))
    }

    /// Whether `PUT /access/acl` of PVE 9 accepts the path.
    #[must_use]
    pub fn is_known_to_pve(&self) -> bool {
        let parts: Vec<&str> = self.parts().collect();
        match parts.as_slice() {
            [] | ["access" | "nodes" | "pool" | "sdn" | "storage" | "vms" | "mapping"] => true,
            ["access", "groups" | "realm"] | ["access", "groups" | "realm", _] => true,
            ["nodes" | "storage", _] => true,
            ["vms", id] => id.len() >= 3 && !id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit()),
            ["pool", rest @ ..] => rest.len() <= 3,
            ["mapping", _] | ["mapping", _, _] => true,
            ["sdn", kind] | ["sdn", kind, _] => SDN_KINDS.contains(kind),
            ["sdn", "zones", _, _] => true,
            ["sdn", "zones", _, _, tag] => {
                (1..=4).contains(&tag.len()) && !tag.starts_with('0') && tag.bytes().all(|b| b.is_ascii_digit())
            }
            _ => false,
        }
    }

    /// Whether `PUT /access/acl` of PBS 4 accepts the path.
    #[must_use]
    pub fn is_known_to_pbs(&self) -> bool {
        let parts: Vec<&str> = self.parts().collect();
        match parts.as_slice() {
            [] | ["access" | "datastore" | "remote" | "system" | "tape"] => true,
            ["access", "acl" | "users" | "domains" | "openid"] | ["access", "openid", _] => true,
            // Up to seven levels of namespace below the store.
            ["datastore", rest @ ..] => rest.len() <= 8,
            ["remote", rest @ ..] => rest.len() <= 9,
            ["system", kind] => SYSTEM_KINDS.contains(kind),
            ["system", "network", "dns" | "interfaces"] | ["system", "network", "interfaces", _] => true,
            ["system", "services", _] => true,
            ["tape", "device" | "pool" | "job"] | ["tape", "device" | "pool" | "job", _] => true,
            _ => false,
        }
    }
}

const SDN_KINDS: &[&str] = &["controllers", "dns", "fabrics", "ipams", "prefix-lists", "route-maps", "zones"];
const SYSTEM_KINDS: &[&str] =
    &["certificates", "disks", "log", "network", "notifications", "services", "status", "tasks", "time"];

impl FromStr for AclPath {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() {
            return Err(InvalidId::new("ACL path", text, "is empty"));
        }
        let mut path = String::with_capacity(text.len() + 1);
        for part in text.split('/').filter(|part| !part.is_empty()) {
            if !is_safe_id(part) {
                return Err(InvalidId::new("ACL path", text, "parts must be letters, digits, '.', '-' and '_'"));
            }
            path.push('/');
            path.push_str(part);
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(Self(path))
    }
}

impl fmt::Display for AclPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(AclPath);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> AclPath {
        text.parse().unwrap()
    }

    #[test]
    fn slashes_are_normalised() {
        assert_eq!(path("/vms/100/").as_str(), "/vms/100");
        assert_eq!(path("//vms///100").as_str(), "/vms/100");
        assert_eq!(path("vms").as_str(), "/vms");
        assert_eq!(path("///").as_str(), "/");
        assert!("/vms/1 0".parse::<AclPath>().is_err());
    }

    #[test]
    fn ancestors_go_from_the_root_down() {
        assert_eq!(path("/a/bb/c").ancestors().collect::<Vec<_>>(), ["/", "/a", "/a/bb", "/a/bb/c"]);
        assert_eq!(path("/").ancestors().collect::<Vec<_>>(), ["/"]);
    }

    #[test]
    fn known_paths_are_those_of_the_product() {
        for good in ["/", "/vms/100", "/pool/a/b/c", "/sdn/zones/z/v/12", "/access/realm/pve", "/mapping/pci/x"] {
            assert!(path(good).is_known_to_pve(), "{good}");
        }
        for bad in ["/users", "/vms/99", "/vms/x", "/vms/100/x", "/pool/a/b/c/d", "/sdn/foo", "/datastore/x"] {
            assert!(!path(bad).is_known_to_pve(), "{bad}");
        }
        assert!(path("/datastore/s/a/b").is_known_to_pbs());
        assert!(path("/system/network/interfaces/eth0").is_known_to_pbs());
        assert!(!path("/vms").is_known_to_pbs());
    }

    proptest! {
        #[test]
        fn normal_form_is_stable(text in "[/a-z0-9._-]{1,30}") {
            let once = path(&text);
            prop_assert_eq!(path(once.as_str()), once);
        }
        #[test]
        fn never_panics(text in ".{0,40}") {
            if let Ok(parsed) = text.parse::<AclPath>() {
                prop_assert!(parsed.ancestors().count() >= 1);
                let _ = (parsed.is_known_to_pve(), parsed.is_known_to_pbs());
            }
        }
    }
}
