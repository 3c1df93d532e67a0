//! Tenant tokens: impersonation makes them, their owners list and revoke them. Only hashes are kept.

use bnna_auth::tenant_token::TenantToken;
use bnna_core::{AccountStatus, Invalid};
use bnna_store::{Digest, Page, Window, tenant_tokens};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use super::{Account, Operate, Read, Write};
use crate::Platform;
use crate::actor::Actor;
use crate::audit::{self, Deed};
use crate::error::{Conflict, Error};
use crate::views::{TokenIssued, TokenView};

/// How long an impersonation holds unless asked otherwise, seconds.
const DEFAULT_SECONDS: i64 = 3600;
/// The shortest and longest impersonation, seconds.
const SECONDS: std::ops::RangeInclusive<i64> = 60..=86_400;
/// Longest label, characters.
const LABEL: usize = 100;

/// What an impersonation asks for.
#[derive(Debug, Clone, Default)]
pub struct Impersonate {
    /// A role of the account; empty or none for all of the account.
    pub role_id: Option<String>,
    /// What the token is called; `impersonate:<operator>` unless given.
    pub label: Option<String>,
    /// How long it holds, seconds.
    pub expires_in: Option<i64>,
}

impl Platform {
    /// Makes a token for an account in the name of an operator.
    ///
    /// # Errors
    /// The account is disabled, there is no such role, or a value is out of bounds.
    pub async fn impersonate(
        &self,
        actor: &Actor,
        account: &Account<Operate>,
        asked: Impersonate,
    ) -> Result<TokenIssued, Error> {
        let label = asked.label.unwrap_or_else(|| format!("impersonate:{}", actor.name));
        let label: String = check_label(label)?;
        let seconds = asked.expires_in.unwrap_or(DEFAULT_SECONDS);
        if !SECONDS.contains(&seconds) {
            return Err(
                Invalid::new("expires_in", format!("seconds from {} to {}", SECONDS.start(), SECONDS.end())).into()
            );
        }
        if account.status() == AccountStatus::Disabled {
            return Err(Conflict::State.because("the account is disabled; enable it first"));
        }
        if asked.role_id.as_deref().is_some_and(|role| !role.is_empty()) {
            return Err(bnna_auth::Denied::NoRole.into());
        }
        let deed = Deed::on_account("accounts.impersonate", account.slug())
            .asking(json!({ "label": label, "expires_in": seconds }));
        let (account_id, slug) = (account.id(), account.slug().to_owned());
        audit::around(self.store(), actor, deed, async {
            let token = TenantToken::mint().map_err(|error| Error::Internal(error.to_string()))?;
            let now = bnna_store::now();
            let row = tenant_tokens::TenantToken {
                id: Uuid::now_v7(),
                hash: Digest::new(token.hash().as_bytes().to_vec()),
                account_id,
                role_id: None,
                label,
                subject: Some(actor.name.clone()),
                issuer: None,
                created_at: now,
                expires_at: now + Duration::seconds(seconds),
                last_used_at: None,
                revoked_at: None,
            };
            let stored = row.clone();
            self.store().write(move |sql| tenant_tokens::insert(sql, &stored)).await?;
            Ok(TokenIssued {
                token: token.expose().to_owned(),
                token_id: row.id,
                account_slug: slug,
                role_id: String::new(),
                label: row.label,
                expires_at: row.expires_at,
                sub: actor.name.clone(),
            })
        })
        .await
    }

    /// The live tokens of an account.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn tokens(&self, account: &Account<Read>, window: Window<Uuid>) -> Result<Page<TokenView, Uuid>, Error> {
        let (id, now) = (account.id(), bnna_store::now());
        let page = self.store().read(move |sql| tenant_tokens::list(sql, id, now, &window)).await?;
        Ok(Page { items: page.items.into_iter().map(view).collect(), next: page.next })
    }

    /// Revokes a token of the account.
    ///
    /// # Errors
    /// There is no such live token of this account.
    pub async fn revoke_token(&self, actor: &Actor, account: &Account<Write>, token: Uuid) -> Result<(), Error> {
        let deed = Deed::on("accounts.tokens.revoke", "token", token.to_string()).of_account(Some(account.slug()));
        let id = account.id();
        audit::around(self.store(), actor, deed, async {
            let at = bnna_store::now();
            let revoked = self.store().write(move |sql| tenant_tokens::revoke(sql, id, token, at)).await?;
            if revoked { Ok(()) } else { Err(Error::not_found(format!("token {token}"))) }
        })
        .await
    }
}

fn check_label(label: String) -> Result<String, Error> {
    let length = label.chars().count();
    if (1..=LABEL).contains(&length) && !label.chars().any(char::is_control) {
        Ok(label)
    } else {
        Err(Invalid::new("label", format!("1 to {LABEL} characters without control characters")).into())
    }
}

fn view(row: tenant_tokens::TenantToken) -> TokenView {
    TokenView {
        id: row.id,
        label: row.label,
        role_id: row.role_id.unwrap_or_default(),
        expires_at: Some(row.expires_at),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        sub: row.subject.unwrap_or_default(),
        issuer: row.issuer,
    }
}
