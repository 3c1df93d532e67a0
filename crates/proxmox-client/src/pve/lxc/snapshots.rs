//! Snapshots of containers.

use super::Lxc;
use crate::pve::guests::CreateSnapshot;
use crate::pve::guests::snapshots::snapshot_calls;

snapshot_calls!(Lxc "lxc" LxcOptions);

/// Making one differs by kind.
pub(crate) mod create {
    use super::{CreateSnapshot, Upid, calls};

    calls! { Pve:
        CREATE "lxc(n, id).snapshot" = Post "/nodes/{node}/lxc/{vmid}/snapshot" (CreateSnapshot) -> Upid;
    }
}

impl Lxc<'_> {
    /// Makes a snapshot.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when the name is taken.
    pub async fn snapshot(&self, params: &CreateSnapshot) -> Result<TaskHandle> {
        let upid = self.connection.send(&create::CREATE, &self.args(), params).await?;
        Ok(self.handle(upid))
    }
}
