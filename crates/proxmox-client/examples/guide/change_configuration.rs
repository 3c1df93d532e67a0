//! A guest's configuration is changed, and nobody else's change is lost.

pub(crate) async fn run(pve: proxmox_client::Pve) -> Result<(), Box<dyn std::error::Error>> {
    let machine = pve.qemu("pve1", "100".parse()?);
    let config = machine.config().await?;
    let mut wanted = config.options.clone();
    if let Some(net) = wanted.net(0) {
        wanted.set_net(0, &net.with_tag(42));
    }
    match machine.change(&config.change_to(&wanted)).await {
        Err(error) if error.refusal().is_some_and(|refusal| refusal.is_lost_update()) => println!("read again"),
        other => other?,
    }
    Ok(())
}
