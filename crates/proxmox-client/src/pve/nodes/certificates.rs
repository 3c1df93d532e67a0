//! The certificates of a node.

use serde::Deserialize;

use super::Node;
use crate::call::calls;
use crate::error::Result;
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

calls! { Pve:
    INFO "node(n).certificates" = Get "/nodes/{node}/certificates/info" () -> Vec<Certificate>;
}

impl Node<'_> {
    /// The node's certificates.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn certificates(&self) -> Result<Vec<Certificate>> {
        self.connection.send(&INFO, &[self.name], &()).await
    }
}
