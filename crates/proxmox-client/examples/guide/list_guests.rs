//! Which guests there are, on all nodes, in one call.

use proxmox_client::pve::cluster::ResourceKind;

pub(crate) async fn run(pve: proxmox_client::Pve) -> Result<(), Box<dyn std::error::Error>> {
    for guest in pve.cluster().resources(Some(ResourceKind::Guests)).await? {
        println!("{} {} {}", guest.id, guest.node.unwrap_or_default(), guest.status.unwrap_or_default());
    }
    Ok(())
}
