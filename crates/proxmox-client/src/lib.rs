//! Typed async client for Proxmox VE and Proxmox Backup Server

pub mod ids;
pub mod permissions;

pub use ids::{AclPath, AuthId, GuestKind, InvalidId, PoolId, TokenId, Upid, UserId, Vmid, VolumeId};
