//! Certificates: one authority per cluster, one certificate per node, kept with the state so that a fingerprint survives a restart.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use ring::digest::{SHA256, digest};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use crate::state::access::Secret;

/// A certificate with its key, both PEM.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: Secret,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It could not be made.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    /// It cannot be used.
    #[error("cannot use the certificate")]
    Use(#[from] rustls::Error),
    /// What was stored is not PEM.
    #[error("stored certificate or key is not PEM")]
    Pem,
}

/// From when the certificates hold, Unix seconds: long ago, so that no wrong clock refuses them.
pub const NOT_BEFORE: i64 = 157_766_400;
/// Until when they hold.
pub const NOT_AFTER: i64 = 67_090_118_400;

fn authority_params(cluster: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Proxmox Virtual Environment");
    params.distinguished_name.push(DnType::OrganizationName, "PVE Cluster Manager CA");
    params.distinguished_name.push(DnType::OrganizationalUnitName, cluster);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Makes the authority of a cluster.
///
/// # Errors
/// When a key or certificate cannot be made.
pub fn authority(cluster: &str) -> Result<Identity, TlsError> {
    let key = KeyPair::generate()?;
    let certificate = authority_params(cluster).self_signed(&key)?;
    Ok(Identity { certificate: certificate.pem(), key: Secret(key.serialize_pem()) })
}

/// Makes the certificate of a node.
///
/// # Errors
/// When a key or certificate cannot be made.
pub fn node(authority: &Identity, cluster: &str, node: &str) -> Result<Identity, TlsError> {
    let issuer = Issuer::new(authority_params(cluster), KeyPair::from_pem(&authority.key.0)?);
    let names = [node, "localhost", "127.0.0.1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, node);
    params.distinguished_name.push(DnType::OrganizationName, "Proxmox Virtual Environment");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "PVE Cluster Node");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Identity { certificate: certificate.pem(), key: Secret(key.serialize_pem()) })
}

/// SHA-256 of a certificate, colon-separated upper-case hex, as Proxmox shows it.
///
/// # Errors
/// When it is not PEM.
pub fn fingerprint(certificate: &str) -> Result<String, TlsError> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| TlsError::Pem)?;
    let bytes = digest(&SHA256, &der);
    let parts: Vec<String> = bytes.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(parts.join(":"))
}

/// A TLS configuration that shows this certificate. HTTP/1.1 only, as the real server.
///
/// # Errors
/// When the certificate or key cannot be used.
pub fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>, TlsError> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).map_err(|_| TlsError::Pem)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.0.as_bytes()).map_err(|_| TlsError::Pem)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(Arc::new(config))
}
