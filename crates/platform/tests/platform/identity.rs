//! Credentials: tenants' tokens and Proxmox tokens of root.

use std::sync::Arc;

use bnna_auth::access::{Access, Question, Verb, authorize};
use bnna_auth::authorization::{Credential, parse};
use bnna_auth::{Denied, Grant, Principal};
use bnna_core::AccountStatus::{self, Disabled, Suspended};
use bnna_platform::accounts::Impersonate;
use bnna_platform::identity::{IdentifyError, inspect};
use bnna_platform::views::TokenIssued;
use proxmox_sim::Sim;
use proxmox_sim::state::access::{Secret, Token};

use crate::support::{A, B, Names, Site, actor, eventually, refused};

async fn issue(site: &Site, slug: &str) -> TokenIssued {
    let account = site.operating(slug).await;
    site.platform.impersonate(&actor(), &account, Impersonate::default()).await.unwrap()
}

fn bearer(token: &TokenIssued) -> Credential {
    parse(&format!("Bearer {}", token.token)).unwrap()
}

/// What a tenant's token may do on an account's route.
async fn granted(site: &Site, token: &TokenIssued, access: Access, slug: &str) -> Result<Grant, Denied> {
    let principal = site.platform.identify(&bearer(token)).await.unwrap();
    let verb = if access == Access::AccountWrite { Verb::Write } else { Verb::Read };
    let standing = site.platform.standing(slug).await.unwrap();
    let question = Question { access, verb, credentials: false, account: Some(slug), standing };
    authorize(&question, Some(Arc::new(principal)))
}

#[tokio::test]
async fn a_tenants_token_is_for_its_own_account_only() {
    let site = Site::start().await;
    site.create("acme").await;
    site.create("other").await;
    let token = issue(&site, "acme").await;
    let own = granted(&site, &token, Access::AccountWrite, "acme").await.unwrap();
    site.platform.account_for_writing(&own, &"acme".parse_slug()).await.unwrap();
    assert_eq!(granted(&site, &token, Access::AccountRead, "other").await.err(), Some(Denied::WrongAccount));
    let error = refused(site.platform.account_for_reading(&own, &"other".parse_slug()).await);
    assert_eq!(error.code(), "wrong_account", "the look-up refuses what the route let through");
    let error = refused(site.platform.account_for_operating(&own, &"acme".parse_slug()).await);
    assert_eq!(error.code(), "forbidden");
    let told = inspect(&site.platform.identify(&bearer(&token)).await.unwrap());
    assert_eq!((told.kind.as_str(), told.account_slug.as_deref(), told.operator), ("tenant", Some("acme"), false));
}

#[tokio::test]
async fn tokens_follow_the_status_of_their_account() {
    let site = Site::start().await;
    site.create("acme").await;
    let token = issue(&site, "acme").await;
    let slug = "acme".parse_slug();
    let active = granted(&site, &token, Access::AccountWrite, "acme").await.unwrap();
    site.status("acme", Suspended).await;
    assert!(granted(&site, &token, Access::AccountRead, "acme").await.is_ok());
    assert_eq!(granted(&site, &token, Access::AccountWrite, "acme").await.err(), Some(Denied::AccountSuspended));
    let error = refused(site.platform.account_for_writing(&active, &slug).await);
    assert_eq!(error.code(), "account_suspended", "a request that was let in before it was suspended");
    site.status("acme", Disabled).await;
    assert_eq!(granted(&site, &token, Access::AccountRead, "acme").await.err(), Some(Denied::AccountDisabled));
    let account = site.operating("acme").await;
    let error = refused(site.platform.impersonate(&actor(), &account, Impersonate::default()).await);
    assert_eq!(error.code(), "state");
    site.status("acme", AccountStatus::Active).await;
    assert!(granted(&site, &token, Access::AccountWrite, "acme").await.is_ok(), "tokens outlive a disabling");
}

#[tokio::test]
async fn revoked_expired_and_unknown_tokens_are_nobodys() {
    let site = Site::start().await;
    let made = site.create("acme").await;
    let (revoked, expired) = (issue(&site, "acme").await, issue(&site, "acme").await);
    let own = granted(&site, &revoked, Access::AccountWrite, "acme").await.unwrap();
    let account = site.platform.account_for_writing(&own, &"acme".parse_slug()).await.unwrap();
    site.platform.revoke_token(&actor(), &account, revoked.token_id).await.unwrap();
    let again = refused(site.platform.revoke_token(&actor(), &account, revoked.token_id).await);
    assert_eq!(again.code(), "not_found");
    // A row whose time is over, of a token that is known.
    let other = bnna_auth::tenant_token::TenantToken::parse(&expired.token).unwrap();
    let account_id = made.id;
    site.store()
        .write(move |sql| {
            let hash = bnna_store::Digest::new(other.hash().as_bytes().to_vec());
            let mut row = bnna_store::tenant_tokens::by_hash(sql, &hash)?.unwrap();
            assert_eq!(row.account_id, account_id);
            sql.execute("DELETE FROM tenant_tokens WHERE id = ?1", &[bnna_store::Value::from(row.id)])?;
            row.expires_at = bnna_store::now() - std::time::Duration::from_secs(1);
            bnna_store::tenant_tokens::insert(sql, &row)
        })
        .await
        .unwrap();
    let unknown = parse(&format!("Bearer bn_{}", "a".repeat(44))).unwrap();
    for credential in [bearer(&revoked), bearer(&expired), unknown] {
        let outcome = site.platform.identify(&credential).await;
        assert!(matches!(outcome, Err(IdentifyError::Unknown)), "{outcome:?}");
    }
    let live = site.platform.tokens(&account.read(), bnna_store::Window::all()).await.unwrap();
    assert!(live.items.is_empty(), "{live:?}");
}

#[tokio::test]
async fn another_accounts_token_cannot_be_revoked() {
    let site = Site::start().await;
    site.create("acme").await;
    site.create("other").await;
    let (mine, theirs) = (issue(&site, "acme").await, issue(&site, "other").await);
    let own = granted(&site, &mine, Access::AccountWrite, "acme").await.unwrap();
    let account = site.platform.account_for_writing(&own, &"acme".parse_slug()).await.unwrap();
    let error = refused(site.platform.revoke_token(&actor(), &account, theirs.token_id).await);
    assert_eq!(error.code(), "not_found");
    assert!(site.platform.identify(&bearer(&theirs)).await.is_ok());
}

#[tokio::test]
async fn the_use_of_a_token_is_noted() {
    let site = Site::start().await;
    site.create("acme").await;
    let token = issue(&site, "acme").await;
    let own = granted(&site, &token, Access::AccountRead, "acme").await.unwrap();
    let account = site.platform.account_for_reading(&own, &"acme".parse_slug()).await.unwrap();
    let at = eventually("the use is noted", || async {
        let page = site.platform.tokens(&account, bnna_store::Window::all()).await.unwrap();
        page.items[0].last_used_at
    })
    .await;
    assert_eq!((at.second(), at.nanosecond()), (0, 0), "to the minute");
}

/// A token of root on a cluster.
fn root_token(sim: &Sim, name: &str, privsep: bool) -> Credential {
    let secret = uuid::Uuid::new_v4().to_string();
    sim.with_state(|state| {
        let token = Token { privsep, secret: Secret(secret.clone()), ..Token::default() };
        state.access.users.get_mut("root@pam").unwrap().tokens.insert(name.to_owned(), token);
    });
    parse(&format!("PVEAPIToken=root@pam!{name}={secret}")).unwrap()
}

#[tokio::test]
async fn a_root_token_of_a_known_cluster_is_an_operator() {
    let site = Site::start().await;
    let credential = root_token(&site.b, "admin", false);
    let principal = site.platform.identify(&credential).await.unwrap();
    assert_eq!(principal.name(), format!("root@pam!admin@{B}"));
    assert!(matches!(&principal, Principal::Operator(operator) if !operator.read_only));
    let told = inspect(&principal);
    assert_eq!((told.kind.as_str(), told.cluster.as_deref(), told.operator), ("pve", Some(B), true));
    // An acceptance is remembered for a while, so that not every request costs one to the clusters.
    for sim in [&site.a, &site.b] {
        crate::support::down(sim);
    }
    assert!(site.platform.identify(&credential).await.is_ok());
}

#[tokio::test]
async fn a_separated_root_token_without_rights_is_known_and_may_nothing() {
    let site = Site::start().await;
    let credential = root_token(&site.a, "weak", true);
    let outcome = site.platform.identify(&credential).await;
    assert!(matches!(outcome, Err(IdentifyError::Denied(Denied::Forbidden))), "{outcome:?}");
}

#[tokio::test]
async fn an_unknown_root_token_is_nobodys_and_without_clusters_it_cannot_be_known() {
    let site = Site::start().await;
    let header = format!("PVEAPIToken=root@pam!lab={}", uuid::Uuid::new_v4());
    let outcome = site.platform.identify(&parse(&header).unwrap()).await;
    assert!(matches!(outcome, Err(IdentifyError::Unknown)), "{outcome:?}");
    for sim in [&site.a, &site.b] {
        crate::support::down(sim);
    }
    let secret = uuid::Uuid::new_v4().to_string();
    let header = format!("PVEAPIToken=root@pam!lab={secret}");
    match site.platform.identify(&parse(&header).unwrap()).await {
        Err(IdentifyError::Upstream(text)) => {
            assert!(text.contains(A) && text.contains(B) && !text.contains(&secret), "{text}");
        }
        other => panic!("{other:?}"),
    }
}
