//! Realms: where users come from.

use serde::Deserialize;

use super::Access;
use crate::call::calls;
use crate::error::Result;

/// A row of the list of realms.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RealmRow {
    /// Its id.
    pub realm: String,
    /// `pam`, `pve`, `ldap`, `ad` or `openid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Remark.
    pub comment: Option<String>,
    /// Whether it is offered first.
    #[serde(default)]
    pub default: bool,
    /// The second factor it asks for.
    pub tfa: Option<String>,
}

calls! { Pve:
    LIST "access().realms" = Get "/access/domains" () -> Vec<RealmRow>;
    GET "access().realm" = Get "/access/domains/{realm}" () -> std::collections::BTreeMap<String, serde_json::Value>;
}

impl Access<'_> {
    /// All realms. Anybody may ask.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn realms(&self) -> Result<Vec<RealmRow>> {
        self.connection.send(&LIST, &[], &()).await
    }

    /// The settings of one realm, by name; which there are depends on its kind.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn realm(&self, realm: &str) -> Result<std::collections::BTreeMap<String, serde_json::Value>> {
        self.connection.send(&GET, &[realm], &()).await
    }
}
