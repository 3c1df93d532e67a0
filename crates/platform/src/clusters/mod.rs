//! The clusters bnpd knows: which there are, how they are asked all at once, and each of them as the use cases see it.
//!
//! [`Cluster`] is the only place that calls `proxmox-client`: it turns Proxmox's failures into ours, with the cluster's name.

mod access;
mod ask;
mod canary;
mod cluster;
mod follow;
mod guests;
mod listing;
mod overview;
mod queue;
mod registry;
mod rehearsal;
mod rights;
mod rotate;
mod settings;
mod view;
mod watch;

pub use ask::Answers;
pub use canary::{Foreign, Own};
pub use cluster::Cluster;
pub(crate) use follow::keep_up;
pub use guests::{Figures, Guest, PoolMembers, PowerOrder};
pub use overview::Contents;
pub use queue::Depth;
pub use registry::Clusters;
pub use rehearsal::{Edit, Line, Script};
pub use rights::{Group, User};
pub use rotate::RotateToken;
pub(crate) use view::load;

pub use settings::{ClientSettings, ClusterSettings, PutCluster, Trust};
