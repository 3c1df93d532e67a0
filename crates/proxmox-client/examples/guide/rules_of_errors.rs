//! What may be done after a failure follows from when it happened.

use proxmox_client::Class;

pub(crate) async fn run(pve: proxmox_client::Pve) -> Result<(), Box<dyn std::error::Error>> {
    match pve.pools().create(&"tenants/ann".parse()?, None).await {
        Ok(()) => println!("made"),
        Err(error) if error.is_existing() => println!("there already"),
        Err(error) if error.class() == Class::MaybeSent => println!("look before trying again: {error}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
