//! Credentials into principals: the users table, tenant tokens from the store, Proxmox root tokens by asking the clusters.

use std::time::Instant;

use bnna_auth::acceptance::Judgement;
use bnna_auth::authorization::{Credential, PveRootToken};
use bnna_auth::tenant_token::TenantToken;
use bnna_auth::users_table::Refused;
use bnna_auth::{Denied, Operator, Principal, Tenant};
use bnna_core::AccountStatus;
use bnna_store::{Digest, accounts, tenant_tokens};
use secrecy::SecretString;
use time::Duration;
use uuid::Uuid;

use crate::Platform;
use crate::error::{Error, Upstream};
use crate::views::TokenInspect;

/// What a Proxmox root token has to hold on `/` to be an operator here.
const ROOT_PRIVILEGE: &str = "Sys.Modify";

/// Why a credential is nobody's.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// Unknown, expired or revoked.
    #[error("the credential is unknown, expired or revoked")]
    Unknown,
    /// Known, and without any rights.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No cluster could be asked.
    #[error("{0}")]
    Upstream(String),
    /// It could not be checked now.
    #[error("{0}")]
    Unavailable(String),
}

impl Platform {
    /// Who presents a credential.
    ///
    /// # Errors
    /// See [`IdentifyError`].
    pub async fn identify(&self, credential: &Credential) -> Result<Principal, IdentifyError> {
        match credential {
            Credential::Tenant(token) => self.tenant(token).await,
            Credential::Csvauth(secret) => match self.users().operator(secret).await {
                Ok(operator) => Ok(Principal::Operator(operator)),
                Err(Refused::Unknown) => Err(IdentifyError::Unknown),
                Err(Refused::Busy) => Err(IdentifyError::Unavailable("too many verifications at once".to_owned())),
            },
            Credential::PveRoot(token) => self.pve_root(token).await,
        }
    }

    /// How an account stands; nothing when there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn standing(&self, slug: &str) -> Result<Option<AccountStatus>, Error> {
        let slug = slug.to_owned();
        let row = self.store().glance(move |sql| accounts::by_slug(sql, &slug)).await?;
        Ok(row.map(|row| AccountStatus::parse(&row.status).unwrap_or(AccountStatus::Disabled)))
    }

    async fn tenant(&self, token: &TenantToken) -> Result<Principal, IdentifyError> {
        let hash = Digest::new(token.hash().as_bytes().to_vec());
        let found = self
            .store()
            .glance(move |sql| {
                let Some(row) = tenant_tokens::by_hash(sql, &hash)? else { return Ok(None) };
                let account = accounts::by_id(sql, row.account_id)?;
                Ok(account.map(|account| (row, account)))
            })
            .await
            .map_err(|error| IdentifyError::Unavailable(error.to_string()))?;
        let (row, account) = found.ok_or(IdentifyError::Unknown)?;
        let now = bnna_store::now();
        if row.revoked_at.is_some() || row.expires_at <= now {
            return Err(IdentifyError::Unknown);
        }
        self.note_use(&row, now);
        // A role that cannot be read is a role that gives nothing.
        let role_id = row.role_id.as_deref().map(|id| Uuid::try_parse(id).map_err(|_| Denied::NoRole)).transpose()?;
        Ok(Principal::Tenant(Tenant {
            token_id: row.id,
            account_id: account.id,
            account_slug: account.slug,
            role_id,
            label: row.label,
            subject: row.subject,
            expires_at: Some(row.expires_at),
        }))
    }

    /// Notes that a token was used, to the minute, without making the request wait for it.
    fn note_use(&self, row: &tenant_tokens::TenantToken, now: time::OffsetDateTime) {
        if row.last_used_at.is_some_and(|last| now - last < Duration::minutes(1)) {
            return;
        }
        let (store, id) = (self.store().clone(), row.id);
        let minute = now.replace_second(0).and_then(|at| at.replace_nanosecond(0)).unwrap_or(now);
        tokio::spawn(async move {
            if let Err(error) = store.write(move |sql| tenant_tokens::used(sql, id, minute)).await {
                tracing::warn!(%error, token = %id, "the use of a token could not be noted");
            }
        });
    }

    async fn pve_root(&self, token: &PveRootToken) -> Result<Principal, IdentifyError> {
        let id = token.token_id();
        let remembered = zeroize::Zeroizing::new(format!("{id}={}", token.secret().expose()).into_bytes());
        match self.pve_tokens().get(&remembered, Instant::now()) {
            Some(Judgement::Accepted(cluster)) => return Ok(Principal::Operator(Operator::pve_root(&id, &cluster))),
            Some(Judgement::Refused) => return Err(IdentifyError::Unknown),
            None => {}
        }
        let (mut silent, mut known_without_rights) = (Vec::new(), false);
        for cluster in self.estate().clusters.all() {
            let asked = async {
                let asked = cluster.with_token(&id, SecretString::from(token.secret().expose()))?;
                asked.own_privileges("/").await
            };
            match tokio::time::timeout(self.estate().clusters.clients.deadline, asked).await {
                Ok(Ok(privileges)) if privileges.iter().any(|privilege| privilege == ROOT_PRIVILEGE) => {
                    self.pve_tokens().accept(&remembered, cluster.host.clone(), Instant::now());
                    return Ok(Principal::Operator(Operator::pve_root(&id, &cluster.host)));
                }
                Ok(Ok(_)) => known_without_rights = true,
                Ok(Err(Error::Upstream(Upstream { status: Some(401), .. }))) => {}
                Ok(Err(error)) => silent.push(error.to_string()),
                Err(_) => silent.push(format!("{}: no answer in time", cluster.host)),
            }
        }
        if known_without_rights {
            return Err(Denied::Forbidden.into());
        }
        if !silent.is_empty() {
            return Err(IdentifyError::Upstream(format!("the token could not be checked: {}", silent.join("; "))));
        }
        self.pve_tokens().refuse(&remembered, Instant::now());
        Err(IdentifyError::Unknown)
    }
}

/// What a caller may know of their own credential.
pub fn inspect(principal: &Principal) -> TokenInspect {
    let base = TokenInspect {
        kind: principal.kind().to_owned(),
        id: principal.credential_id(),
        name: principal.name().to_owned(),
        roles: Vec::new(),
        operator: false,
        read_only: false,
        account_slug: principal.account_slug().map(str::to_owned),
        role_id: None,
        label: None,
        expires_at: None,
        cluster: None,
    };
    match principal {
        Principal::Operator(operator) => TokenInspect {
            roles: operator.roles.clone(),
            operator: true,
            read_only: operator.read_only,
            cluster: match &operator.source {
                bnna_auth::OperatorSource::Csvauth => None,
                bnna_auth::OperatorSource::PveRoot { cluster, .. } => Some(cluster.clone()),
            },
            ..base
        },
        Principal::Tenant(tenant) => TokenInspect {
            role_id: tenant.role_id,
            label: Some(tenant.label.clone()),
            expires_at: tenant.expires_at,
            ..base
        },
    }
}
