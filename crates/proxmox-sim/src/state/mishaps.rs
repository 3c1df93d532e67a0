//! What goes wrong with the things themselves: a lock that somebody left, a storage that is full.

use super::Cluster;
use crate::storage::Space;

impl Cluster {
    /// Puts a lock on a guest (`backup`, `migrate`, `snapshot`, …), or takes it off. `false` when there is no such guest.
    pub fn hold_lock(&mut self, vmid: u32, lock: Option<&str>) -> bool {
        let Some(guest) = self.guests.get_mut(vmid) else { return false };
        match lock {
            Some(lock) => guest.config.set("lock", lock),
            None => {
                guest.config.remove("lock");
            }
        }
        true
    }

    /// Fills a storage on a node, so that only so many bytes are left. `false` when it is not active there.
    pub fn leave_free(&mut self, storage: &str, node: &str, bytes: u64) -> bool {
        let usage = self.storages.usage(storage, node);
        if !usage.active {
            return false;
        }
        let before = self.storages.space(storage, node).unwrap_or_default();
        let own = usage.used.saturating_sub(before.other.min(usage.used));
        let other = usage.total.saturating_sub(own).saturating_sub(before.reserved).saturating_sub(bytes);
        self.storages.set_space(storage, node, Space { other, ..before });
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::Cluster;

    #[test]
    fn a_full_storage_has_what_was_left() {
        let mut cluster = Cluster::fresh(&["pve1"]);
        assert!(cluster.storages.usage("local", "pve1").available > 1 << 30);
        assert!(cluster.leave_free("local", "pve1", 4096));
        assert_eq!(cluster.storages.usage("local", "pve1").available, 4096);
        assert!(!cluster.leave_free("nosuch", "pve1", 0));
    }
}
