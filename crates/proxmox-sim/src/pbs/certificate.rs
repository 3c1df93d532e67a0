//! The self-signed certificate of a backup server.

use rcgen::{CertificateParams, DnType, KeyPair};

use crate::state::access::Secret;
use crate::wire::tls::{Identity, TlsError};

/// Makes a certificate as a fresh installation does: signed by itself, for `localhost` and the host's name.
pub(super) fn make(name: &str) -> Result<Identity, TlsError> {
    let names = [name, "localhost", "127.0.0.1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::OrganizationName, "Proxmox Backup Server");
    params.distinguished_name.push(DnType::OrganizationalUnitName, uuid::Uuid::new_v4().to_string().to_uppercase());
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Identity { certificate: certificate.pem(), key: Secret(key.serialize_pem()) })
}
