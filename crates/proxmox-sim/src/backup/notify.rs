//! Who is told that a backup run ended, and what its log says about that.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::Cluster;

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// Whom the cluster's matchers name.
    #[default]
    Matchers,
    /// These mail addresses.
    Mail(Vec<String>),
    /// Nobody.
    Nobody,
}

/// The target and the matcher that are there without being configured.
const BUILTIN: (&str, &str) = ("mail-to-root", "default-matcher");

impl Notify {
    /// What the log says. Every message comes twice: from the library, and from the run.
    pub(super) fn lines(&self, cluster: &Cluster) -> Vec<String> {
        let told =
            |target: &str| [format!("INFO: notified via target `{target}`"), format!("notified via target `{target}`")];
        match self {
            Self::Nobody => Vec::new(),
            Self::Mail(addresses) => told(&format!("<{}>", addresses.join(", "))).to_vec(),
            Self::Matchers if !is_on(cluster, "matcher", BUILTIN.1) || !is_on(cluster, "sendmail", BUILTIN.0) => {
                Vec::new()
            }
            Self::Matchers => {
                let root = cluster.access.users.get("root@pam");
                if root.is_some_and(|root| !root.email.is_empty()) {
                    return told(BUILTIN.0).to_vec();
                }
                let none = "'root@pam' does not have a configured email address in the user configuration - not sending an email \
                            to this user";
                let failed = format!(
                    "could not notify via target `{0}`: could not notify via endpoint(s): {0}: no recipients provided for the mail, \
                     cannot send it.",
                    BUILTIN.0
                );
                vec![format!("WARN: {none}"), none.to_owned(), format!("ERROR: {failed}"), failed]
            }
        }
    }
}

fn is_on(cluster: &Cluster, kind: &str, name: &str) -> bool {
    let disabled = cluster.sections.get(kind, name).and_then(|entry| entry.get("disable"));
    !disabled.is_some_and(|flag| matches!(flag, Value::Bool(true)) || flag == 1 || flag == "1")
}
