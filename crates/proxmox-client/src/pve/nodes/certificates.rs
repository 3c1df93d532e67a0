//! The certificates of a node.

use secrecy::SecretString;
use serde::Deserialize;

use super::Node;
use crate::call::calls;
use crate::error::Result;
use crate::params::{Switch, params};
use crate::transport::Fingerprint;

/// A certificate file of a node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Certificate {
    /// `pve-root-ca.pem`, `pve-ssl.pem` (made by the cluster), `pveproxy-ssl.pem` (own or ACME; served if there is one).
    pub filename: Option<String>,
    /// Its SHA-256.
    pub fingerprint: Option<Fingerprint>,
    /// Whom it names.
    pub subject: Option<String>,
    /// Who made it.
    pub issuer: Option<String>,
    /// Other names it holds for.
    #[serde(default)]
    pub san: Vec<String>,
    /// Valid from, Unix seconds.
    pub notbefore: Option<u64>,
    /// Valid to, Unix seconds.
    pub notafter: Option<u64>,
    /// The certificate itself.
    pub pem: Option<String>,
    /// Kind of key.
    pub public_key_type: Option<String>,
    /// Size of the key.
    pub public_key_bits: Option<u32>,
}

params! {
    /// An own certificate for the node's API.
    #[derive(Debug, Clone)]
    pub struct UploadCertificate {
        /// The certificate and those of its authorities, PEM.
        certificates: String = "certificates",
        /// Its private key, PEM; the one that is there unless set.
        key: Option<SecretString> = "key",
        /// Whether an own one that is there is replaced.
        force: Switch = "force",
        /// Whether it is served at once. Clients that pin the old one lose the node.
        restart: Switch = "restart",
    }

    /// How to remove an own certificate.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DeleteCertificate {
        /// Whether the cluster's is served again at once.
        restart: Switch = "restart",
    }
}

calls! { Pve:
    INFO "node(n).certificates" = Get "/nodes/{node}/certificates/info" () -> Vec<Certificate>;
    UPLOAD "node(n).upload_certificate" = Post "/nodes/{node}/certificates/custom" (UploadCertificate) -> Certificate;
    DELETE "node(n).delete_certificate" = Delete "/nodes/{node}/certificates/custom" (DeleteCertificate) -> ();
}

impl Node<'_> {
    /// The node's certificates.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn certificates(&self) -> Result<Vec<Certificate>> {
        self.connection.send(&INFO, &[self.name], &()).await
    }

    /// Gives the node's API an own certificate. Its fingerprint is in the answer: pin it before it is served.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn upload_certificate(&self, params: &UploadCertificate) -> Result<Certificate> {
        self.connection.send(&UPLOAD, &[self.name], params).await
    }

    /// Removes the own certificate; the cluster's is served again.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete_certificate(&self, restart: Switch) -> Result<()> {
        self.connection.send(&DELETE, &[self.name], &DeleteCertificate { restart }).await
    }
}
