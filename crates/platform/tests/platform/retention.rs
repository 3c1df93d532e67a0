//! What is kept for how long.

use bnna_platform::accounts::Impersonate;
use bnna_platform::retention::KEPT_DAYS;
use time::Duration;

use crate::support::{Site, actor};

#[tokio::test]
async fn what_ended_long_ago_goes_and_the_audit_trail_stays() {
    let site = Site::start().await;
    site.create("acme").await;
    let account = site.operating("acme").await;
    site.platform.impersonate(&actor(), &account, Impersonate::default()).await.unwrap();
    let operation = site.entry("accounts.create").await.operation_id.unwrap();
    let now = bnna_store::now();

    let soon = site.platform.purge(now + Duration::days(KEPT_DAYS - 1)).await.unwrap();
    assert_eq!(soon, Default::default(), "nothing is old enough");
    let gone = site.platform.purge(now + Duration::days(KEPT_DAYS + 1)).await.unwrap();
    assert_eq!((gone.operations, gone.tokens), (1, 1));
    assert!(site.platform.operation(operation).await.is_err());
    let entry = site.entry("accounts.create").await;
    assert_eq!((entry.outcome.as_str(), entry.operation_id), ("ok", Some(operation)));
}
