//! The types of storage: which options each has, what it can hold, and what it refuses.

use std::collections::BTreeMap;

/// How an option of a storage type may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Has to be given and never changes.
    RequiredFixed,
    /// Has to be given, may be changed, may not be deleted.
    Required,
    /// May be left out; once given it never changes.
    OptionalFixed,
    /// May be left out, changed and deleted.
    Optional,
}

/// One storage type.
#[derive(Debug)]
pub struct StorageType {
    /// Its name.
    pub name: &'static str,
    /// What it can hold; `none` among them means that it may hold nothing.
    pub content: &'static [&'static str],
    /// What it holds when nothing is said.
    pub default_content: &'static [&'static str],
    /// Options besides the common ones.
    own: &'static [(&'static str, Rule)],
    /// Whether every node sees the same.
    pub shared: bool,
    /// Image formats, the default first.
    pub formats: &'static [&'static str],
}

const FILES: &[&str] = &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];
const FILE_FORMATS: &[&str] = &["raw", "qcow2", "subvol", "vmdk"];

use Rule::{Optional, OptionalFixed, RequiredFixed};

const PRUNING: [(&str, Rule); 2] = [("prune-backups", Optional), ("max-protected-backups", Optional)];

static TYPES: &[StorageType] = &[
    StorageType {
        name: "dir",
        content: FILES,
        default_content: &["images", "rootdir"],
        own: &[
            ("path", RequiredFixed),
            PRUNING[0],
            PRUNING[1],
            ("shared", Optional),
            ("format", Optional),
            ("mkdir", Optional),
            ("create-base-path", Optional),
            ("create-subdirs", Optional),
            ("is_mountpoint", Optional),
            ("preallocation", Optional),
            ("content-dirs", Optional),
            ("snapshot-as-volume-chain", OptionalFixed),
        ],
        shared: false,
        formats: FILE_FORMATS,
    },
    StorageType {
        name: "btrfs",
        content: FILES,
        default_content: &["images", "rootdir"],
        own: &[
            ("path", RequiredFixed),
            PRUNING[0],
            PRUNING[1],
            ("shared", Optional),
            ("format", Optional),
            ("mkdir", Optional),
            ("create-base-path", Optional),
            ("create-subdirs", Optional),
            ("is_mountpoint", Optional),
            ("nocow", Optional),
            ("preallocation", Optional),
            ("content-dirs", Optional),
        ],
        shared: false,
        formats: &["raw", "subvol"],
    },
    StorageType {
        name: "nfs",
        content: FILES,
        default_content: &["images"],
        own: &[
            ("server", RequiredFixed),
            ("export", RequiredFixed),
            ("path", OptionalFixed),
            PRUNING[0],
            PRUNING[1],
            ("options", Optional),
            ("format", Optional),
            ("mkdir", Optional),
            ("create-base-path", Optional),
            ("create-subdirs", Optional),
            ("preallocation", Optional),
            ("content-dirs", Optional),
            ("snapshot-as-volume-chain", OptionalFixed),
        ],
        shared: true,
        formats: FILE_FORMATS,
    },
    StorageType {
        name: "cifs",
        content: FILES,
        default_content: &["images"],
        own: &[
            ("server", RequiredFixed),
            ("share", RequiredFixed),
            ("path", OptionalFixed),
            ("subdir", Optional),
            ("username", Optional),
            ("password", Optional),
            ("domain", Optional),
            ("smbversion", Optional),
            ("options", Optional),
            PRUNING[0],
            PRUNING[1],
            ("format", Optional),
            ("mkdir", Optional),
            ("create-base-path", Optional),
            ("create-subdirs", Optional),
            ("preallocation", Optional),
            ("content-dirs", Optional),
            ("snapshot-as-volume-chain", OptionalFixed),
        ],
        shared: true,
        formats: FILE_FORMATS,
    },
    StorageType {
        name: "cephfs",
        content: &["vztmpl", "iso", "backup", "snippets", "import"],
        default_content: &["backup"],
        own: &[
            ("path", OptionalFixed),
            ("monhost", Optional),
            ("subdir", Optional),
            ("fuse", Optional),
            ("username", Optional),
            ("keyring", Optional),
            ("mkdir", Optional),
            ("create-base-path", Optional),
            ("create-subdirs", Optional),
            ("content-dirs", Optional),
            ("fs-name", Optional),
            PRUNING[0],
            PRUNING[1],
        ],
        shared: true,
        formats: FILE_FORMATS,
    },
    StorageType {
        name: "lvm",
        content: &["images", "rootdir"],
        default_content: &["images"],
        own: &[
            ("vgname", RequiredFixed),
            ("base", OptionalFixed),
            ("shared", Optional),
            ("saferemove", Optional),
            ("saferemove-stepsize", Optional),
            ("saferemove_throughput", Optional),
            ("tagged_only", Optional),
            ("snapshot-as-volume-chain", OptionalFixed),
        ],
        shared: false,
        formats: &["raw"],
    },
    StorageType {
        name: "lvmthin",
        content: &["images", "rootdir"],
        default_content: &["images", "rootdir"],
        own: &[("thinpool", RequiredFixed), ("vgname", RequiredFixed)],
        shared: false,
        formats: &["raw"],
    },
    StorageType {
        name: "zfspool",
        content: &["images", "rootdir"],
        default_content: &["images", "rootdir"],
        own: &[("pool", RequiredFixed), ("blocksize", Optional), ("sparse", Optional), ("mountpoint", Optional)],
        shared: false,
        formats: &["raw", "subvol"],
    },
    StorageType {
        name: "zfs",
        content: &["images"],
        default_content: &["images"],
        own: &[
            ("iscsiprovider", RequiredFixed),
            ("pool", RequiredFixed),
            ("portal", RequiredFixed),
            ("target", RequiredFixed),
            ("blocksize", RequiredFixed),
            ("nowritecache", Optional),
            ("sparse", Optional),
            ("comstar_hg", Optional),
            ("comstar_tg", Optional),
            ("lio_tpg", Optional),
            ("zfs-base-path", OptionalFixed),
        ],
        shared: true,
        formats: &["raw"],
    },
    StorageType {
        name: "rbd",
        content: &["images", "rootdir"],
        default_content: &["images"],
        own: &[
            ("monhost", Optional),
            ("pool", Optional),
            ("data-pool", Optional),
            ("namespace", Optional),
            ("username", Optional),
            ("krbd", Optional),
            ("keyring", Optional),
            ("authsupported", Optional),
        ],
        shared: true,
        formats: &["raw"],
    },
    StorageType {
        name: "iscsi",
        content: &["images", "none"],
        default_content: &["images"],
        own: &[("portal", RequiredFixed), ("target", RequiredFixed)],
        shared: true,
        formats: &["raw"],
    },
    StorageType {
        name: "iscsidirect",
        content: &["images"],
        default_content: &["images"],
        own: &[("portal", RequiredFixed), ("target", RequiredFixed)],
        shared: true,
        formats: &["raw"],
    },
    StorageType {
        name: "esxi",
        content: &["import"],
        default_content: &["import"],
        own: &[
            ("server", Optional),
            ("username", Optional),
            ("password", Optional),
            ("port", Optional),
            ("skip-cert-verification", Optional),
        ],
        shared: false,
        formats: &["raw"],
    },
    StorageType {
        name: "pbs",
        content: &["backup", "none"],
        default_content: &["backup"],
        own: &[
            ("datastore", RequiredFixed),
            ("server", RequiredFixed),
            ("namespace", Optional),
            ("port", Optional),
            ("username", Optional),
            ("password", Optional),
            ("encryption-key", Optional),
            ("master-pubkey", Optional),
            ("fingerprint", Optional),
            PRUNING[0],
            PRUNING[1],
        ],
        shared: true,
        formats: &["raw"],
    },
];

/// Options that every type has.
const COMMON: &[(&str, Rule)] =
    &[("nodes", Optional), ("disable", Optional), ("content", Optional), ("bwlimit", Optional)];

/// Options whose value is 0 or 1 or a number.
const NUMERIC: &[&str] = &[
    "disable",
    "shared",
    "mkdir",
    "create-base-path",
    "create-subdirs",
    "krbd",
    "sparse",
    "nocow",
    "fuse",
    "saferemove",
    "tagged_only",
    "nowritecache",
    "port",
    "max-protected-backups",
    "priority",
    "skip-cert-verification",
    "snapshot-as-volume-chain",
    "saferemove-stepsize",
];

/// Options that are kept apart and never shown.
const SECRET: &[&str] = &["password", "encryption-key", "keyring", "master-pubkey"];

/// Finds a type.
#[must_use]
pub fn find(name: &str) -> Option<&'static StorageType> {
    TYPES.iter().find(|kind| kind.name == name)
}

/// Whether an option is shown as a number.
#[must_use]
pub fn is_numeric(option: &str) -> bool {
    NUMERIC.contains(&option)
}

/// Whether an option is secret.
#[must_use]
pub fn is_secret(option: &str) -> bool {
    SECRET.contains(&option)
}

impl StorageType {
    /// How an option may be used; `None` when the type has it not.
    #[must_use]
    pub fn rule(&self, option: &str) -> Option<Rule> {
        self.own.iter().chain(COMMON).find(|(name, _)| *name == option).map(|(_, rule)| *rule)
    }

    /// Checks the options of a new definition.
    ///
    /// # Errors
    /// The text of the real check: an option that the type has not, or one that is missing.
    pub fn check_new(&self, options: &BTreeMap<String, String>) -> Result<(), String> {
        self.check_known(options)?;
        for (name, rule) in self.own {
            if matches!(rule, Rule::RequiredFixed | Rule::Required) && !options.contains_key(*name) {
                return Err(format!("missing value for required option '{name}'"));
            }
        }
        Ok(())
    }

    /// Checks the options of a change.
    ///
    /// # Errors
    /// The text of the real check.
    pub fn check_change(&self, options: &BTreeMap<String, String>) -> Result<(), String> {
        self.check_known(options)?;
        for name in options.keys() {
            if matches!(self.rule(name), Some(Rule::RequiredFixed | Rule::OptionalFixed)) {
                return Err(format!("can't change value of fixed parameter '{name}'"));
            }
        }
        Ok(())
    }

    fn check_known(&self, options: &BTreeMap<String, String>) -> Result<(), String> {
        for (name, value) in options {
            if self.rule(name).is_none() {
                return Err(format!("unexpected property '{name}'"));
            }
            if name == "content" {
                self.content_of(value)?;
            }
        }
        Ok(())
    }

    /// The content types that a `content` option leaves: what the type cannot hold is dropped.
    ///
    /// # Errors
    /// When nothing is left and the type cannot hold nothing, or `none` is combined with others.
    pub fn content_of(&self, value: &str) -> Result<Vec<&'static str>, String> {
        let wanted: Vec<&str> = crate::api::split_list(value).collect();
        let kept: Vec<&'static str> = self.content.iter().copied().filter(|name| wanted.contains(name)).collect();
        if kept.len() > 1 && kept.contains(&"none") {
            return Err("unable to combine 'none' with other content types".into());
        }
        if kept.is_empty() && !self.content.contains(&"none") {
            return Err("storage does not support content type 'none'".into());
        }
        Ok(kept)
    }

    /// Whether the option may be deleted.
    ///
    /// # Errors
    /// The text of the real refusal.
    pub fn check_delete(&self, option: &str) -> Result<(), String> {
        match self.rule(option) {
            None => Err(format!("no such option '{option}'")),
            Some(Rule::RequiredFixed | Rule::Required) => Err(format!("unable to delete required option '{option}'")),
            Some(Rule::OptionalFixed) => Err(format!("unable to delete fixed option '{option}'")),
            Some(Rule::Optional) => Ok(()),
        }
    }

    /// Whether volumes are files under a path.
    #[must_use]
    pub fn is_path_based(&self) -> bool {
        matches!(self.name, "dir" | "btrfs" | "nfs" | "cifs" | "cephfs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_without_none_refuses_to_hold_nothing() {
        let zfs = find("zfspool").unwrap();
        assert_eq!(zfs.content_of("iso").unwrap_err(), "storage does not support content type 'none'");
        assert!(find("dir").unwrap().content_of("iso").is_ok());
    }

    #[test]
    fn missing_and_foreign_options_are_refused() {
        let nfs = find("nfs").unwrap();
        let options = BTreeMap::from([("server".to_owned(), "s".to_owned())]);
        assert_eq!(nfs.check_new(&options).unwrap_err(), "missing value for required option 'export'");
        let dir = find("dir").unwrap();
        assert_eq!(dir.check_change(&options).unwrap_err(), "unexpected property 'server'");
        assert_eq!(dir.check_delete("path").unwrap_err(), "unable to delete required option 'path'");
    }
}
