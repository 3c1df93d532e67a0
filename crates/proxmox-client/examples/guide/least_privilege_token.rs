//! A token that may look at guests and do nothing else.

use proxmox_client::permissions::AclEntry;
use proxmox_client::pve::access::tokens::CreateToken;
use proxmox_client::pve::access::users::CreateUser;
use proxmox_client::{AclPath, TokenId, UserId};

pub(crate) async fn run(pve: proxmox_client::Pve) -> Result<(), Box<dyn std::error::Error>> {
    let user: UserId = "watcher@pve".parse()?;
    let token = TokenId::new(user.clone(), "metrics")?;
    pve.access().create_role("Watcher", &["VM.Audit"]).await?;
    pve.access().create_user(&CreateUser::new(user.clone())).await?;
    let made =
        pve.access().create_token(&token, &CreateToken { privsep: Some(true), ..CreateToken::default() }).await?;
    for subject in [user.into(), token.into()] {
        let path: AclPath = "/vms".parse()?;
        pve.access().grant(&AclEntry { path, subject, role: "Watcher".to_owned(), propagate: true }).await?;
    }
    println!("the secret, shown this once: {}", made.value.expose());
    Ok(())
}
