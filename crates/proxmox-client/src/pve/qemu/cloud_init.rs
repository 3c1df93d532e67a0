//! The drive that cloud-init reads.

use serde::Deserialize;

use super::Qemu;
use crate::call::calls;
use crate::error::Result;
use crate::params::{params, words};

words! {
    /// Which of cloud-init's files.
    pub enum CloudInitFile {
        /// Users, packages.
        User = "user",
        /// Network.
        Network = "network",
        /// Instance.
        Meta = "meta",
    }
}

params! {
    /// Which file.
    #[derive(Debug, Clone)]
    pub struct DumpCloudInit {
        /// Which.
        kind: CloudInitFile = "type",
    }
}

/// A cloud-init option with what it will be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CloudInitRow {
    /// The option.
    pub key: String,
    /// What is on the drive.
    pub value: Option<String>,
    /// What will be after it was made anew.
    pub pending: Option<String>,
    /// 1 when it will be gone.
    pub delete: Option<u8>,
}

calls! { Pve:
    PENDING "qemu(n, id).cloud_init" = Get "/nodes/{node}/qemu/{vmid}/cloudinit" () -> Vec<CloudInitRow>;
    REGENERATE "qemu(n, id).regenerate_cloud_init" = Put "/nodes/{node}/qemu/{vmid}/cloudinit" () -> ();
    DUMP "qemu(n, id).dump_cloud_init" = Get "/nodes/{node}/qemu/{vmid}/cloudinit/dump" (DumpCloudInit) -> String;
}

impl Qemu<'_> {
    /// The cloud-init options, and what they will be.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn cloud_init(&self) -> Result<Vec<CloudInitRow>> {
        self.connection.send(&PENDING, &self.args(), &()).await
    }

    /// Makes the drive anew.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn regenerate_cloud_init(&self) -> Result<()> {
        self.connection.send(&REGENERATE, &self.args(), &()).await
    }

    /// A file as it would be on the drive.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn dump_cloud_init(&self, kind: CloudInitFile) -> Result<String> {
        self.connection.send(&DUMP, &self.args(), &DumpCloudInit { kind }).await
    }
}
