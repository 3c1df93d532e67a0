//! Pools: guests and storages that rights are given on together.

use serde::Deserialize;

use crate::call::calls;
use crate::error::Result;
use crate::ids::{PoolId, Vmid};
use crate::params::{Switch, params};
use crate::pve::cluster::Resource;
use crate::transport::Connection;

/// Pools.
#[derive(Clone, Copy)]
pub struct Pools<'a> {
    pub(crate) connection: &'a Connection,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PoolRow {
    /// Its name.
    pub poolid: PoolId,
    /// Remark.
    pub comment: Option<String>,
    /// What is in it, as far as the caller may see; only when one pool is asked for.
    #[serde(default)]
    pub members: Vec<Resource>,
}

impl PoolRow {
    /// The guests in it.
    pub fn guests(&self) -> impl Iterator<Item = Vmid> {
        self.members.iter().filter_map(|member| member.vmid)
    }

    /// The storages in it. One on several nodes is listed once a node.
    pub fn storages(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter_map(|member| member.storage.as_deref())
    }
}

params! {
    /// Which pools.
    #[derive(Debug, Clone, Default)]
    pub struct PoolFilter {
        /// One pool, with its members.
        poolid: Option<PoolId> = "poolid",
    }

    /// A new pool.
    #[derive(Debug, Clone)]
    pub struct CreatePool {
        /// Its name. Parents have to exist.
        poolid: PoolId = "poolid",
        /// Remark.
        comment: Option<String> = "comment",
    }

    /// Which pool.
    #[derive(Debug, Clone)]
    pub struct OnePool {
        /// Its name.
        poolid: PoolId = "poolid",
    }

    /// A change of a pool.
    #[derive(Debug, Clone)]
    pub struct UpdatePool {
        /// Its name.
        poolid: PoolId = "poolid",
        /// Remark.
        comment: Option<String> = "comment",
        /// Guests to add or remove.
        vms: Vec<Vmid> = "vms",
        /// Storages to add or remove.
        storage: Vec<String> = "storage",
        /// Whether to remove them instead of adding.
        delete: Switch = "delete",
        /// Whether guests may be taken out of another pool.
        allow_move: Switch = "allow-move",
    }
}

/// What to put into a pool or take out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Guests.
    pub guests: Vec<Vmid>,
    /// Storages.
    pub storages: Vec<String>,
}

/// Whether a guest that is in another pool is taken out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromOtherPool {
    /// The call fails.
    Refuse,
    /// It moves. Needs Pool.Allocate on the other pool too.
    Move,
}

calls! { Pve:
    LIST "pools().list" = Get "/pools" (PoolFilter) -> Vec<PoolRow>;
    CREATE "pools().create" = Post "/pools" (CreatePool) -> ();
    UPDATE "pools().update" = Put "/pools" (UpdatePool) -> ();
    DELETE "pools().delete" = Delete "/pools" (OnePool) -> ();
}

impl Pools<'_> {
    /// The pools that the caller may see, without members.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn list(&self) -> Result<Vec<PoolRow>> {
        self.connection.send(&LIST, &[], &PoolFilter::default()).await
    }

    /// One pool with its members; `None` when there is none of that name.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn get(&self, pool: &PoolId) -> Result<Option<PoolRow>> {
        match self.connection.send(&LIST, &[], &PoolFilter { poolid: Some(pool.clone()) }).await {
            Ok(rows) => Ok(rows.into_iter().find(|row| row.poolid == *pool)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a pool.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one.
    pub async fn create(&self, pool: &PoolId, comment: Option<&str>) -> Result<()> {
        let params = CreatePool { poolid: pool.clone(), comment: comment.map(str::to_owned) };
        self.connection.send(&CREATE, &[], &params).await
    }

    /// Puts guests and storages into a pool.
    ///
    /// # Errors
    /// Any failure of the call; 500 when one is in the pool already.
    pub async fn add(&self, pool: &PoolId, members: &Members, other: FromOtherPool) -> Result<()> {
        let allow_move = Switch::from(other == FromOtherPool::Move);
        self.update(&change(pool, members, Switch::Off, allow_move)).await
    }

    /// Takes guests and storages out of a pool.
    ///
    /// # Errors
    /// Any failure of the call; 500 when one is not in the pool.
    pub async fn remove(&self, pool: &PoolId, members: &Members) -> Result<()> {
        self.update(&change(pool, members, Switch::On, Switch::Off)).await
    }

    /// Changes a pool's remark.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn set_comment(&self, pool: &PoolId, comment: &str) -> Result<()> {
        let mut params = change(pool, &Members::default(), Switch::Off, Switch::Off);
        params.comment = Some(comment.to_owned());
        self.update(&params).await
    }

    /// Changes a pool.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn update(&self, change: &UpdatePool) -> Result<()> {
        self.connection.send(&UPDATE, &[], change).await
    }

    /// Removes a pool, which has to be empty.
    ///
    /// # Errors
    /// Any failure of the call; 500 when something is in it.
    pub async fn delete(&self, pool: &PoolId) -> Result<()> {
        self.connection.send(&DELETE, &[], &OnePool { poolid: pool.clone() }).await
    }
}

fn change(pool: &PoolId, members: &Members, delete: Switch, allow_move: Switch) -> UpdatePool {
    UpdatePool {
        poolid: pool.clone(),
        comment: None,
        vms: members.guests.clone(),
        storage: members.storages.clone(),
        delete,
        allow_move,
    }
}
