//! The software-defined network: zones, vnets in them, subnets of those, addresses that are given away. Changes are only written down
//! until [`Sdn::apply`].

pub mod addresses;
pub mod subnets;
pub mod vnets;
pub mod zones;

pub use addresses::{Ipam, IpamAddress, UpdateVnetAddress, VnetAddress};
pub use subnets::{CreateSubnet, Subnet, UpdateSubnet};
pub use vnets::{CreateVnet, UpdateVnet, Vnet};
pub use zones::{CreateZone, NodeZone, UpdateZone, Zone, ZoneKind};

use super::Cluster;
use crate::call::calls;
use crate::error::Result;
use crate::ids::Upid;
use crate::params::{Switch, params, words};
use crate::tasks::TaskHandle;
use crate::transport::Connection;

/// Zones, vnets, subnets.
#[derive(Clone, Copy)]
pub struct Sdn<'a> {
    pub(crate) connection: &'a Connection,
}

impl<'a> Cluster<'a> {
    /// The software-defined network.
    #[must_use]
    pub const fn sdn(&self) -> Sdn<'a> {
        Sdn { connection: self.connection }
    }
}

words! {
    /// What became of something since the last apply.
    pub enum StagedState {
        /// Made.
        New = "new",
        /// Changed.
        Changed = "changed",
        /// Removed.
        Deleted = "deleted",
    }
}

params! {
    /// Which state.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Staged {
        /// With what was changed since the last apply.
        pending: Switch = "pending",
    }
}

calls! { Pve:
    APPLY "cluster().sdn().apply" = Put "/cluster/sdn" () -> Upid;
    ROLLBACK "cluster().sdn().rollback" = Post "/cluster/sdn/rollback" () -> (), from 9 0;
}

impl Sdn<'_> {
    /// Applies what was changed, on all nodes.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn apply(&self) -> Result<TaskHandle> {
        let upid = self.connection.send(&APPLY, &[], &()).await?;
        Ok(TaskHandle::new(self.connection.clone(), upid))
    }

    /// Forgets what was changed. PVE 9 and later.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::NeverSent::Unsupported`] on an older server.
    pub async fn rollback(&self) -> Result<()> {
        self.connection.send(&ROLLBACK, &[], &()).await
    }
}
