//! Which server certificates are trusted. There is no way to trust all of them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::error::BuildError;

/// What a server has to prove.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Its certificate is one of these, by SHA-256. As among Proxmox nodes themselves, the fingerprint alone decides:
    /// neither name nor expiry is looked at. Give several while certificates are being renewed.
    Pinned(Vec<Fingerprint>),
    /// Its certificate comes from an authority in this PEM file (`/etc/pve/pve-root-ca.pem`), names the address, and
    /// has not expired.
    CaFile(PathBuf),
    /// The same, with the PEM text given.
    CaPem(String),
    /// The same, with the system's authorities.
    SystemRoots,
}

impl Trust {
    /// Trusts the certificates with these fingerprints.
    ///
    /// # Errors
    /// When one is not a fingerprint.
    pub fn pinned<'f>(fingerprints: impl IntoIterator<Item = &'f str>) -> Result<Self, BuildError> {
        fingerprints.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self::Pinned)
    }
}

/// The SHA-256 of a certificate, as `pvenode cert info` and `GET /nodes` show it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        let digits: String = text.trim().chars().filter(|&c| c != ':').collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(&digits, &mut bytes)
            .map_err(|_| BuildError::Fingerprint(text.chars().take(120).collect()))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::ids::serde_as_text!(Fingerprint);

/// The certificate is not a pinned one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("fingerprint {found} is not pinned")]
pub(super) struct WrongFingerprint {
    pub(super) found: Fingerprint,
    pub(super) pinned: Vec<Fingerprint>,
}

pub(super) fn client_config(trust: &Trust) -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::Settings(error.to_string()))?;
    let mut config = match trust {
        Trust::Pinned(pinned) if pinned.is_empty() => {
            return Err(BuildError::Trust("no fingerprint is pinned".to_owned()));
        }
        Trust::Pinned(pinned) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(PinVerifier { pinned: pinned.clone(), provider }))
            .with_no_client_auth(),
        Trust::CaFile(file) => {
            let pem = std::fs::read(file).map_err(|error| BuildError::Trust(format!("{}: {error}", file.display())))?;
            builder.with_root_certificates(authorities(&pem)?).with_no_client_auth()
        }
        Trust::CaPem(pem) => builder.with_root_certificates(authorities(pem.as_bytes())?).with_no_client_auth(),
        Trust::SystemRoots => {
            let found = rustls_native_certs::load_native_certs();
            let mut roots = RootCertStore::empty();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                return Err(BuildError::Trust("the system has no certificate authorities".to_owned()));
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| BuildError::Trust(format!("not PEM: {error}")))?;
        roots.add(certificate).map_err(|error| BuildError::Trust(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(BuildError::Trust("no certificate in the PEM text".to_owned()));
    }
    Ok(roots)
}

#[derive(Debug)]
struct PinVerifier {
    pinned: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = Fingerprint::of(leaf);
        if self.pinned.contains(&found) {
            return Ok(ServerCertVerified::assertion());
        }
        let wrong = WrongFingerprint { found, pinned: self.pinned.clone() };
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(wrong)))))
    }

    // The server still has to prove that it holds the certificate's key.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_normalised() {
        let colons = "67:07:3B:6D:E4:77:A0:56:4B:2C:B3:13:BF:28:59:AC:FA:5C:EB:D2:09:44:86:BC:45:C3:35:53:4D:3A:E2:67";
        let plain = colons.replace(':', "").to_lowercase();
        let parsed: Fingerprint = plain.parse().unwrap();
        assert_eq!(parsed.to_string(), colons);
        assert_eq!(colons.parse::<Fingerprint>().unwrap(), parsed);
        for bad in ["", "67", "zz", &plain[1..], &format!("{plain}00")] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_to_trust_is_an_error() {
        assert!(client_config(&Trust::Pinned(Vec::new())).is_err());
        assert!(client_config(&Trust::CaPem("no certificate".to_owned())).is_err());
        assert!(client_config(&Trust::CaFile("/nonexistent/ca.pem".into())).is_err());
    }
}
