//! A guest is backed up, and the backup becomes another guest.

use std::time::Duration;

use proxmox_client::pve::lxc::RestoreLxc;
use proxmox_client::pve::nodes::content::ContentFilter;
use proxmox_client::pve::nodes::{Vzdump, VzdumpMode, VzdumpSelection, VzdumpStarted};
use proxmox_client::{Vmid, Wait};

pub(crate) async fn run(pve: proxmox_client::Pve) -> Result<(), Box<dyn std::error::Error>> {
    let (node, guest): (_, Vmid) = (pve.node("pve1"), "100".parse()?);
    let backup = Vzdump {
        storage: Some("local".to_owned()),
        mode: Some(VzdumpMode::Stop),
        ..Vzdump::of(VzdumpSelection::Guests(vec![guest]))
    };
    match node.vzdump(&backup).await? {
        // Whether the guest may be backed up is decided in the task.
        VzdumpStarted::Task(task) => drop(task.succeed(Wait::up_to(Duration::from_secs(3600))).await?),
        VzdumpStarted::NothingHere => return Err("the guest is on another node".into()),
    }
    let filter = ContentFilter { content: Some("backup".to_owned()), vmid: Some(guest) };
    let archives = node.storage("local").content(&filter).await?;
    if let Some(latest) = archives.into_iter().max_by_key(|volume| volume.ctime) {
        let restore = RestoreLxc::new(pve.cluster().next_id().await?, latest.volid);
        node.restore_lxc(&restore).await?.succeed(Wait::default()).await?;
    }
    Ok(())
}
