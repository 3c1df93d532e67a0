//! Pools and their members, kept so that both questions are cheap: what is in a pool, and which pools is this in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::ids::{PoolId, Vmid};

/// A pool's members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// Guests. A guest is in at most one pool.
    pub guests: BTreeSet<Vmid>,
    /// Storages. A storage may be in several.
    pub storages: BTreeSet<String>,
}

/// All pools of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Pools {
    pools: BTreeMap<PoolId, Pool>,
    of_guest: HashMap<Vmid, PoolId>,
    of_storage: HashMap<String, BTreeSet<PoolId>>,
}

impl Pools {
    /// Makes a pool if there is none of that name.
    pub fn create(&mut self, id: PoolId) {
        self.pools.entry(id).or_default();
    }

    /// Removes a pool; its members are in no pool (or one less) afterwards.
    pub fn remove(&mut self, id: &PoolId) -> Option<Pool> {
        let pool = self.pools.remove(id)?;
        for vmid in &pool.guests {
            self.of_guest.remove(vmid);
        }
        for storage in &pool.storages {
            if let Some(pools) = self.of_storage.get_mut(storage) {
                pools.remove(id);
            }
        }
        Some(pool)
    }

    /// Puts a guest into a pool, out of the one it was in. The pool is made if need be.
    pub fn add_guest(&mut self, id: &PoolId, vmid: Vmid) {
        self.remove_guest(vmid);
        self.pools.entry(id.clone()).or_default().guests.insert(vmid);
        self.of_guest.insert(vmid, id.clone());
    }

    /// Takes a guest out of its pool and says which that was.
    pub fn remove_guest(&mut self, vmid: Vmid) -> Option<PoolId> {
        let id = self.of_guest.remove(&vmid)?;
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.guests.remove(&vmid);
        }
        Some(id)
    }

    /// Puts a storage into a pool. The pool is made if need be.
    pub fn add_storage(&mut self, id: &PoolId, storage: &str) {
        self.pools.entry(id.clone()).or_default().storages.insert(storage.to_owned());
        self.of_storage.entry(storage.to_owned()).or_default().insert(id.clone());
    }

    /// Takes a storage out of a pool; false when it was not in it.
    pub fn remove_storage(&mut self, id: &PoolId, storage: &str) -> bool {
        if let Some(pools) = self.of_storage.get_mut(storage) {
            pools.remove(id);
        }
        self.pools.get_mut(id).is_some_and(|pool| pool.storages.remove(storage))
    }

    /// A pool's members.
    #[must_use]
    pub fn get(&self, id: &PoolId) -> Option<&Pool> {
        self.pools.get(id)
    }

    /// All pools by name.
    pub fn iter(&self) -> impl Iterator<Item = (&PoolId, &Pool)> {
        self.pools.iter()
    }

    /// The pool a guest is in.
    #[must_use]
    pub fn of_guest(&self, vmid: Vmid) -> Option<&PoolId> {
        self.of_guest.get(&vmid)
    }

    /// The pools a storage is in.
    pub fn of_storage(&self, storage: &str) -> impl Iterator<Item = &PoolId> {
        self.of_storage.get(storage).into_iter().flatten()
    }

    /// The pools whose rights count on `path`, which they do on exactly `/vms/<guest>` and `/storage/<storage>`.
    pub(crate) fn bearing_on(&self, path: &str) -> Vec<&PoolId> {
        if let Some(storage) = path.strip_prefix("/storage/") {
            return self.of_storage(storage).collect();
        }
        let guest = path.strip_prefix("/vms/").and_then(|id| id.parse().ok());
        guest.and_then(|vmid| self.of_guest(vmid)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_in_one_pool_a_storage_in_many() {
        let (a, b): (PoolId, PoolId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let mut pools = Pools::default();
        pools.add_guest(&a, Vmid::MIN);
        pools.add_guest(&b, Vmid::MIN);
        pools.add_storage(&a, "s");
        pools.add_storage(&b, "s");
        assert_eq!(pools.bearing_on("/vms/100"), [&b]);
        assert_eq!(pools.bearing_on("/storage/s"), [&a, &b]);
        assert!(pools.bearing_on("/vms").is_empty());
        assert!(pools.get(&a).unwrap().guests.is_empty());
        pools.remove(&b);
        assert_eq!(pools.of_guest(Vmid::MIN), None);
        assert_eq!(pools.bearing_on("/storage/s"), [&a]);
    }
}
