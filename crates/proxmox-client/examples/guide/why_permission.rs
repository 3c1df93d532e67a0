//! Why somebody may not do something, worked out from what the server is configured with.

use proxmox_client::permissions::{Access, Dialect, User};
use proxmox_client::pve::access::users::UserFilter;

pub(crate) async fn run(pve: proxmox_client::Pve) -> Result<(), Box<dyn std::error::Error>> {
    let mut access = Access::new(Dialect::Pve);
    for role in pve.access().roles().await? {
        access.set_role(&role.roleid, role.privs.iter().map(String::as_str))?;
    }
    for user in pve.access().users(UserFilter::default()).await? {
        access.users.insert(user.userid, User::default());
    }
    for row in pve.access().acl().await? {
        access.grant(row.to_entry()?);
    }
    let explanation = access.explain(&"ann@pve".parse()?, &"/vms/100".parse()?);
    println!("{}", explanation.why(&access, "VM.Allocate"));
    Ok(())
}
