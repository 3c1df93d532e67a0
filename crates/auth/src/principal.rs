//! Who is asking: what a verified credential turns into. It holds no secret and knows nothing of how it came about.

use time::OffsetDateTime;
use uuid::Uuid;

/// Roles that make an operator read-only when it has no other.
const READ_ONLY_ROLES: [&str; 3] = ["viewer", "readonly", "audit"];

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Somebody who runs the platform.
    Operator(Operator),
    /// A token of one account.
    Tenant(Tenant),
}

/// Somebody who runs the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// What identifies the credential: `ops~QSY6rqTE`, or `root@pam!bnpd@pve1.example.com`.
    pub id: String,
    /// The name without the credential's part: `ops`.
    pub name: String,
    /// Roles as the table has them.
    pub roles: Vec<String>,
    /// Whether the operator may only look.
    pub read_only: bool,
    /// Where the credential was verified.
    pub source: OperatorSource,
}

/// Where an operator's credential was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorSource {
    /// In the csvauth table.
    Csvauth,
    /// By a Proxmox cluster, as a token of `root@pam`.
    PveRoot {
        /// `root@pam!<name>`.
        token_id: String,
        /// The cluster that accepted it.
        cluster: String,
    },
}

/// A token of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The token's id.
    pub token_id: Uuid,
    /// The account's id.
    pub account_id: Uuid,
    /// The account's slug.
    pub account_slug: String,
    /// The role the token was given, if any.
    pub role_id: Option<Uuid>,
    /// What the token was labelled.
    pub label: String,
    /// Who it was issued to, if known.
    pub subject: Option<String>,
    /// When it ends; nothing if it does not.
    pub expires_at: Option<OffsetDateTime>,
}

impl Operator {
    /// An operator with these roles: read-only if it has roles and all are among `viewer`, `readonly` and `audit`.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, roles: &[String], source: OperatorSource) -> Self {
        let read_only = !roles.is_empty() && roles.iter().all(|role| READ_ONLY_ROLES.contains(&role.as_str()));
        Self { id: id.into(), name: name.into(), roles: roles.to_vec(), read_only, source }
    }

    /// The full operator a Proxmox root token acts as, named `root@pam!<name>@<cluster>`.
    #[must_use]
    pub fn pve_root(token_id: &str, cluster: &str) -> Self {
        let id = format!("{token_id}@{cluster}");
        let source = OperatorSource::PveRoot { token_id: token_id.to_owned(), cluster: cluster.to_owned() };
        Self::new(id.clone(), id, &[], source)
    }
}

impl Principal {
    /// The word for the kind of credential: `csvauth`, `pve` or `tenant`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Operator(Operator { source: OperatorSource::Csvauth, .. }) => "csvauth",
            Self::Operator(Operator { source: OperatorSource::PveRoot { .. }, .. }) => "pve",
            Self::Tenant(_) => "tenant",
        }
    }

    /// What identifies the credential, for the audit trail: never a secret.
    #[must_use]
    pub fn credential_id(&self) -> String {
        match self {
            Self::Operator(operator) => operator.id.clone(),
            Self::Tenant(tenant) => tenant.token_id.to_string(),
        }
    }

    /// Who it is, for people: the operator's name, or the tenant's subject, or the token's label.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Operator(operator) => &operator.name,
            Self::Tenant(tenant) => tenant.subject.as_deref().unwrap_or(&tenant.label),
        }
    }

    /// The account a tenant's token is for.
    #[must_use]
    pub fn account_slug(&self) -> Option<&str> {
        match self {
            Self::Operator(_) => None,
            Self::Tenant(tenant) => Some(&tenant.account_slug),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Operator, OperatorSource, Principal};

    #[test]
    fn an_operator_is_read_only_when_all_its_roles_are() {
        for (roles, read_only) in [
            (vec![], false),
            (vec!["admin"], false),
            (vec!["viewer"], true),
            (vec!["audit", "readonly"], true),
            (vec!["audit", "deploy"], false),
            (vec!["Viewer"], false),
        ] {
            let roles: Vec<String> = roles.into_iter().map(str::to_owned).collect();
            assert_eq!(Operator::new("a~b", "a", &roles, OperatorSource::Csvauth).read_only, read_only, "{roles:?}");
        }
    }

    #[test]
    fn a_proxmox_root_token_is_a_full_operator_named_after_its_cluster() {
        let operator = Operator::pve_root("root@pam!bnpd", "pve1");
        assert!(!operator.read_only);
        assert_eq!(operator.name, "root@pam!bnpd@pve1");
        assert_eq!(Principal::Operator(operator).kind(), "pve");
    }
}
