//! The domain of bnna, pure: names, accounts and their states, rights as Proxmox ACL entries, the address plan, what a
//! deletion would remove. No I/O, no clock, no HTTP, no SQL: every function here is a rule that can be read and tested alone.

mod account;
mod address;
mod collection;
mod invalid;
mod names;
mod rights;
mod setting;
mod vmid;

pub use account::{AccountStatus, Transition};
pub use address::{AddressPlan, DirectName, Hostnames, Prefix};
pub use collection::{GcAction, GcBlock, GcInput, GcInstance, GcItem, GcKind, GcOptions, GcPool, GcReport, collect};
pub use invalid::Invalid;
pub use names::{ClusterHost, DisplayName, Email, SettingKey, Slug};
pub use rights::{AclChange, AclEntry, Scope, default_rights, difference, entries_of_group, wanted_rights};
pub use setting::{Setting, check_setting};
pub use vmid::{GuestKind, Vmid};
