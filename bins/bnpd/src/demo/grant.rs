//! bnpd's token on a simulated cluster, made the way `docs/operator-token.md` says and with that role, through the API.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use proxmox_client::permissions::{AclEntry, AclSubject};
use proxmox_client::pve::access::tokens::CreateToken;
use proxmox_client::pve::access::users::CreateUser;
use proxmox_client::{Pve, TokenId, Trust, UserId};
use secrecy::{ExposeSecret as _, SecretString};

use super::DemoError;
use super::clusters::Simulated;

/// bnpd's user, role and token there.
const USER: &str = "bnna@pve";
const ROLE: &str = "BnnaOperator";
/// The token's id.
pub(super) const TOKEN: &str = "bnna@pve!bnpd";

/// The privileges of the role; `docs/operator-token.md` says what each is for.
pub(super) const PRIVILEGES: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.AllocateUser",
    "SDN.Audit",
    "SDN.Use",
    "Sys.Audit",
    "User.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileRead",
    "VM.GuestAgent.FileSystemMgmt",
    "VM.GuestAgent.FileWrite",
    "VM.GuestAgent.Unrestricted",
    "VM.Migrate",
    "VM.PowerMgmt",
    "VM.Replicate",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

/// The secret of bnpd's token on a cluster: made at the first start, kept beside the rest.
pub(super) async fn token(directory: &Path, cluster: &Simulated) -> Result<SecretString, DemoError> {
    let file = directory.join(format!("{}.token", cluster.host));
    if file.exists() && !cluster.fresh {
        let text = fs::read_to_string(&file).map_err(|source| DemoError::File { path: file, source })?;
        return Ok(SecretString::from(text.trim()));
    }
    let failed = |message: String| DemoError::Grant { host: cluster.host.to_owned(), message };
    let secret = make(cluster).await.map_err(failed)?;
    keep(&file, secret.expose_secret())?;
    Ok(secret)
}

/// Writes a secret to a file of its own, mode 0600, in the place of what was there.
pub(super) fn keep(file: &Path, secret: &str) -> Result<(), DemoError> {
    let failed = |source| DemoError::File { path: file.to_owned(), source };
    let mut options = OpenOptions::new();
    let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(file).map_err(failed)?;
    opened.write_all(format!("{secret}\n").as_bytes()).and_then(|()| opened.sync_all()).map_err(failed)
}

async fn make(cluster: &Simulated) -> Result<SecretString, String> {
    let root = cluster.root().ok_or("the simulator has no root token")?;
    let trust = Trust::pinned(cluster.fingerprints().iter().map(String::as_str)).map_err(|error| error.to_string())?;
    let mut builder = Pve::builder().token(&root.0, root.1).trust(trust);
    for address in cluster.addresses() {
        builder = builder.address(address);
    }
    let pve = builder.build().map_err(|error| error.to_string())?;
    let access = pve.access();
    let text = |error: proxmox_client::Error| error.to_string();
    access.create_role(ROLE, PRIVILEGES).await.map_err(text)?;
    let user: UserId = USER.parse().map_err(|error| format!("{error}"))?;
    let mut new = CreateUser::new(user.clone());
    new.comment = Some("bnpd".to_owned());
    access.create_user(&new).await.map_err(text)?;
    let entry = AclEntry {
        path: "/".parse().map_err(|error| format!("{error}"))?,
        subject: AclSubject::User(user),
        role: ROLE.to_owned(),
        propagate: true,
    };
    access.grant(&entry).await.map_err(text)?;
    let id: TokenId = TOKEN.parse().map_err(|error| format!("{error}"))?;
    let params = CreateToken { privsep: Some(false), ..CreateToken::default() };
    let made = access.create_token(&id, &params).await.map_err(text)?;
    Ok(made.value.into_inner())
}

#[cfg(test)]
mod tests {
    use super::PRIVILEGES;

    #[test]
    fn the_demo_grants_the_documented_role() {
        let document = include_str!("../../../../docs/operator-token.md");
        let line = document.lines().find(|line| line.contains("pveum role add BnnaOperator")).unwrap();
        let documented: Vec<&str> = line.split('"').nth(1).unwrap().split(' ').collect();
        assert_eq!(documented, PRIVILEGES);
    }
}
