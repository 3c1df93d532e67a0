//! A container is made, and the task is waited for.

use std::time::Duration;

use proxmox_client::pve::guests::{LxcNet, LxcOptions, MountPoint};
use proxmox_client::pve::lxc::CreateLxc;
use proxmox_client::{Switch, Wait};

pub(crate) async fn run(pve: proxmox_client::Pve) -> Result<(), Box<dyn std::error::Error>> {
    let mut options = LxcOptions::default();
    options.set_hostname("web".to_owned()).set_memory(512).set_cores(2).set_rootfs(MountPoint::allocate("local", 8));
    options.set_net(0, &LxcNet::on("eth0", "vmbr0").with_ip("dhcp".to_owned()).with_firewall(true));
    let create = CreateLxc {
        start: Switch::On,
        ..CreateLxc::new(pve.cluster().next_id().await?, "local:vztmpl/debian-13.tar.zst".parse()?, options)
    };
    let task = pve.node("pve1").create_lxc(&create).await?;
    task.succeed(Wait::up_to(Duration::from_secs(300))).await?;
    Ok(())
}
