//! What belongs to an account on a cluster, read from the cluster itself: pools, members, what its group holds. Every
//! decision about an account's rights starts here.

use std::collections::BTreeSet;

use bnna_core::{AccountStatus, AclEntry, Scope, Vmid, default_rights, entries_of_group, wanted_rights};
use bnna_store::{accounts, rights};
use uuid::Uuid;

use crate::clusters::{Cluster, Guest};
use crate::error::Error;
use crate::estate::Estate;

/// An account on one of its clusters, as the cluster shows it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The account's pool there.
    pub pool: String,
    /// The pools that are there, deepest first: the account's and those nested in it.
    pub pools: Vec<String>,
    /// Whether the account's own pool is there.
    pub has_pool: bool,
    /// The users of the account's group; `None` where there is no such group.
    pub group: Option<Vec<String>>,
    /// What lies in those pools.
    pub scope: Scope,
    /// The guests in those pools.
    pub guests: Vec<Guest>,
    /// What the group holds now.
    pub held: Vec<AclEntry>,
    /// All entries of the cluster.
    pub acl: Vec<AclEntry>,
}

/// The account whose pool a pool is or lies in.
pub fn is_within(pool: &str, accounts_pool: &str) -> bool {
    pool == accounts_pool || pool.strip_prefix(accounts_pool).is_some_and(|rest| rest.starts_with('/'))
}

impl Place {
    /// Reads a place.
    ///
    /// # Errors
    /// The cluster does not answer or refuses.
    pub async fn read(cluster: &Cluster, pool: &str, group: &str) -> Result<Self, Error> {
        let (all_pools, groups, acl, guests) =
            tokio::try_join!(cluster.pools(), cluster.groups(), cluster.acl(), cluster.guests())?;
        let mut pools: Vec<String> = all_pools.into_iter().filter(|name| is_within(name, pool)).collect();
        pools.sort_by_key(|name| (std::cmp::Reverse(name.matches('/').count()), name.clone()));
        let mut storages = BTreeSet::new();
        let mut members: BTreeSet<Vmid> = BTreeSet::new();
        for name in &pools {
            let in_pool = cluster.pool_members(name).await?;
            storages.extend(in_pool.storages);
            members.extend(in_pool.guests);
        }
        // Proxmox lists things in any order; what is shown and stepped through has one.
        let mut guests: Vec<Guest> = guests.into_iter().filter(|guest| members.contains(&guest.vmid)).collect();
        guests.sort_by_key(|guest| guest.vmid);
        let mut held = entries_of_group(&acl, group);
        held.sort();
        let scope = Scope { pools: pools.iter().cloned().collect(), guests: members, storages, zones: BTreeSet::new() };
        Ok(Self {
            pool: pool.to_owned(),
            has_pool: pools.iter().any(|name| name == pool),
            pools,
            group: groups.into_iter().find(|found| found.name == group).map(|found| found.users),
            scope,
            guests,
            held,
            acl,
        })
    }

    /// What the account's group shall hold here.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn wanted(
        &self,
        estate: &Estate,
        cluster: &str,
        account: Uuid,
        group: &str,
        status: AccountStatus,
    ) -> Result<Vec<AclEntry>, Error> {
        let host = cluster.to_owned();
        let (recorded, adopted) = estate
            .store
            .read(move |sql| {
                Ok((rights::list(sql, account, &host)?, rights::adopted_groups(sql, account)?.contains(&host)))
            })
            .await?;
        // A group that was adopted holds what it held then, and be it nothing.
        let base: Vec<AclEntry> = if recorded.is_empty() && !adopted {
            default_rights(group, &self.pool, &self.scope)
        } else {
            recorded.into_iter().map(entry).collect()
        };
        Ok(wanted_rights(status, &base, &self.scope))
    }
}

/// A recorded right as an entry.
pub(super) fn entry(right: rights::Right) -> AclEntry {
    AclEntry { path: right.path, role: right.role, ugid: right.ugid, propagate: right.propagate }
}

/// A right as it is recorded.
pub(super) fn right(entry: AclEntry) -> rights::Right {
    rights::Right { path: entry.path, role: entry.role, ugid: entry.ugid, propagate: entry.propagate }
}

/// The clusters of an account, from the store.
pub(super) async fn clusters_of(estate: &Estate, account: Uuid) -> Result<Vec<accounts::AccountCluster>, Error> {
    Ok(estate.store.read(move |sql| accounts::clusters_of(sql, account)).await?)
}
