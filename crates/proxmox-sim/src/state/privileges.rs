//! Which privileges a caller has: the boundary to the permission rules, with Proxmox's words for a refusal.

use std::collections::BTreeMap;

use crate::api::{Caller, Fault};

use super::Cluster;

impl Cluster {
    /// Privileges of a caller on a path, each with its propagate flag.
    #[must_use]
    pub fn privileges(&self, caller: &Caller, _path: &str) -> BTreeMap<String, bool> {
        let _ = caller;
        BTreeMap::new()
    }

    /// All of the privileges on the path, or any of them.
    ///
    /// # Errors
    /// 403 `Permission check failed (PATH, PRIV)`; a path that is none shows as empty.
    pub fn check_full(&self, caller: &Caller, path: Option<&str>, privileges: &[&str], any: bool) -> Result<(), Fault> {
        let Some(path) = path else {
            let shown = if any { privileges.join("|") } else { privileges.join(", ") };
            return Err(Fault::permission(format!(", {shown}")));
        };
        if any { self.check_any(caller, path, privileges) } else { self.check(caller, path, privileges) }
    }

    /// All of the privileges on the path.
    ///
    /// # Errors
    /// 403 naming the first that is missing.
    pub fn check(&self, caller: &Caller, path: &str, privileges: &[&str]) -> Result<(), Fault> {
        if caller.is_root() {
            return Ok(());
        }
        let held = self.privileges(caller, path);
        match privileges.iter().find(|privilege| !held.contains_key(**privilege)) {
            None => Ok(()),
            Some(missing) => Err(Fault::permission(format!("{path}, {missing}"))),
        }
    }

    /// Any of the privileges on the path.
    ///
    /// # Errors
    /// 403 naming all of them.
    pub fn check_any(&self, caller: &Caller, path: &str, privileges: &[&str]) -> Result<(), Fault> {
        if caller.is_root() {
            return Ok(());
        }
        let held = self.privileges(caller, path);
        if privileges.iter().any(|privilege| held.contains_key(*privilege)) {
            return Ok(());
        }
        Err(Fault::permission(format!("{path}, {}", privileges.join("|"))))
    }

    /// May change the permissions of a path.
    ///
    /// # Errors
    /// 403.
    pub fn check_perm_modify(&self, caller: &Caller, path: &str) -> Result<(), Fault> {
        self.check(caller, path, &["Permissions.Modify"])
    }
}
