//! A Proxmox user of a tenant, asking its cluster itself.

use proxmox_client::pve::qemu::StartQemu;
use proxmox_client::{Pve, Trust, Vmid};
use proxmox_sim::Sim;
use secrecy::SecretString;

use super::cluster;

/// A user with a token of its own.
pub struct Tenant {
    pve: Pve,
}

impl Tenant {
    /// Makes the user in the group, and its token.
    pub fn new(sim: &Sim, userid: &str, group: &str) -> Self {
        let secret = uuid::Uuid::new_v4().to_string();
        sim.with_state(|state| {
            cluster::user(state, userid, "own", &secret);
            cluster::join(state, group, userid);
        });
        let mut builder = Pve::builder()
            .token(&format!("{userid}!own"), SecretString::from(secret))
            .trust(Trust::CaPem(sim.authority()));
        for address in sim.addresses().values() {
            builder = builder.address(address.to_string());
        }
        Self { pve: builder.build().unwrap() }
    }

    /// Whether it is let in at all.
    pub async fn is_let_in(&self) -> bool {
        match self.pve.version().await {
            Ok(_) => true,
            Err(error) if error.status() == Some(401) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether it may read a VM's configuration.
    pub async fn can_read(&self, node: &str, vmid: u32) -> bool {
        match self.pve.qemu(node, number(vmid)).config().await {
            Ok(_) => true,
            Err(error) if matches!(error.status(), Some(401 | 403)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether it may start a VM; where it may, the VM is started.
    pub async fn can_start(&self, node: &str, vmid: u32) -> bool {
        match self.pve.qemu(node, number(vmid)).start(&StartQemu::default()).await {
            Ok(_) => true,
            Err(error) if matches!(error.status(), Some(401 | 403)) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

fn number(vmid: u32) -> Vmid {
    Vmid::new(u64::from(vmid)).unwrap()
}
