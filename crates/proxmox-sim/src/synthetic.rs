//! Made-up guests in any number, for tests of size.

use crate::guests::{GuestConfig, GuestKind, Runtime};
use crate::state::Cluster;

/// The least VMID.
const FIRST: u32 = 100;

/// Adds `count` guests, spread over the nodes: three virtual machines to one container, two of three running. VMIDs that are taken are left
/// out. The same count gives the same guests.
pub fn add_guests(cluster: &mut Cluster, count: u32) {
    let nodes: Vec<String> = cluster.nodes.iter().map(|node| node.name.clone()).collect();
    let now_ms = cluster.clock.now_ms();
    let mut vmid = FIRST;
    for (index, node) in (0..count).zip(nodes.iter().cycle()) {
        while cluster.guests.get(vmid).is_some() {
            vmid += 1;
        }
        let kind = if index % 4 == 3 { GuestKind::Lxc } else { GuestKind::Qemu };
        cluster.add_guest(vmid, kind, node, config(kind, vmid), now_ms);
        if let Some(guest) = cluster.guests.get_mut(vmid).filter(|_| index % 3 != 2) {
            guest.runtime = Some(Runtime { pid: 10_000 + vmid, since_ms: now_ms - 3_600_000, paused: false });
        }
    }
}

fn config(kind: GuestKind, vmid: u32) -> GuestConfig {
    let mut config = GuestConfig::default();
    let memory = 512 << (vmid % 5);
    config.set("memory", memory.to_string());
    config.set("cores", (1 + vmid % 4).to_string());
    match kind {
        GuestKind::Qemu => {
            config.set("name", format!("vm-{vmid}"));
            config.set("ostype", "l26");
            config.set("scsihw", "virtio-scsi-single");
        }
        GuestKind::Lxc => {
            config.set("hostname", format!("ct-{vmid}"));
            config.set("arch", "amd64");
            config.set("ostype", "debian");
            config.set("swap", "512");
            config.set("unprivileged", "1");
        }
    }
    config
}
