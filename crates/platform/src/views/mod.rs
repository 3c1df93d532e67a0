//! What the use cases answer with. Plain data with the field names of the API document; the façades serialise it as it is.

mod account;
mod canary;
mod cluster;
mod dry_run;
mod instance;
mod operation;
mod why;

pub use account::{
    AccountAdopted, AccountHealth, AccountInventory, AccountView, AclSync, Check, CheckStatus, ClusterAcl, GuestRef,
    RepairAction, RepairReport, SettingView, StatusChange, TokenInspect, TokenIssued, TokenView,
};
pub use canary::{CanaryOnCluster, CanaryReport, CanaryRoundReport, Hole, NotTried};
pub use cluster::{
    ClusterView, NodeView, OperatorTokenView, PlatformInventory, RotatedToken, StorageView, UnmanagedGuest,
};
pub use dry_run::{DryRun, PlannedAcl, PlannedCall, PlannedDeletion, PlannedRecord};
pub use instance::{DomainView, InstanceRemoved, InstanceView, PowerAction, PowerAnswer};
pub use operation::{AuditView, OperationView, SshKeyView, SshKeys, StepView, TaskView};
pub use why::{Deciding, Reason};

use serde::{Deserialize, Serialize};

/// A cluster that is missing from an answer, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Warning {
    /// The cluster's host.
    pub cluster: String,
    /// Why it is missing, or what is wrong there.
    pub message: String,
}

/// A list with the clusters that are missing from it.
#[derive(Debug, Clone, Serialize)]
pub struct Listing<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Clusters that did not answer.
    pub warnings: Vec<Warning>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

impl<T> Listing<T> {
    /// A whole list without warnings.
    pub fn complete(items: Vec<T>) -> Self {
        Self { items, warnings: Vec::new(), next: None }
    }
}
