//! Every table gives back what was put in, and its lists are filtered, ordered and cut as they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use bnna_store::{
    Digest, Error, Options, Sealed, Sql, Store, Value, Window, accounts, audit, clusters, from_millis, idempotency,
    instances, keys, now, operation_steps, operations, rights, settings, tasks, tenant_tokens, to_millis,
};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

async fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Options::new(directory.path().join("store.db"))).await.unwrap();
    (directory, store)
}

/// Runs `work` in one write and fails the test on an error.
async fn with<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut dyn Sql) -> Result<T, Error> + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

fn later(seconds: u64) -> OffsetDateTime {
    now() + Duration::from_secs(seconds)
}

fn account(slug: &str) -> accounts::Account {
    accounts::Account {
        id: Uuid::now_v7(),
        slug: slug.to_owned(),
        display_name: format!("The {slug}"),
        email: format!("{slug}@example.net"),
        status: "active".to_owned(),
        pool: slug.to_owned(),
        adopted: false,
        created_at: now(),
        updated_at: now(),
        suspended_at: None,
        disabled_at: None,
    }
}

#[tokio::test]
async fn accounts_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let mut acme = account("acme");
        accounts::insert(sql, &acme)?;
        assert_eq!(accounts::by_slug(sql, "acme")?.as_ref(), Some(&acme));
        assert_eq!(accounts::by_id(sql, acme.id)?.as_ref(), Some(&acme));
        assert_eq!(accounts::by_slug(sql, "ACME")?, None);
        acme.status = "suspended".to_owned();
        acme.suspended_at = Some(later(1));
        acme.adopted = true;
        assert!(accounts::update(sql, &acme)?);
        assert_eq!(accounts::by_slug(sql, "acme")?.as_ref(), Some(&acme));
        let twice = accounts::insert(sql, &accounts::Account { id: Uuid::now_v7(), ..acme.clone() }).unwrap_err();
        assert!(twice.is_duplicate_of("accounts.slug"), "{twice:?}");
        let odd = accounts::Account { status: "asleep".to_owned(), ..account("odd") };
        assert!(matches!(accounts::insert(sql, &odd), Err(Error::Constraint { .. })));

        let place = |account_id, cluster: &str, pool: &str| accounts::AccountCluster {
            account_id,
            cluster: cluster.to_owned(),
            pool: pool.to_owned(),
            adopted: false,
            state: "ready".to_owned(),
        };
        let beta = account("beta");
        accounts::insert(sql, &beta)?;
        accounts::put_cluster(sql, &place(acme.id, "pve-b", "acme"))?;
        accounts::put_cluster(sql, &place(acme.id, "pve-a", "acme"))?;
        accounts::put_cluster(sql, &place(acme.id, "pve-a", "acme-2"))?;
        assert_eq!(
            accounts::clusters_of(sql, acme.id)?,
            [place(acme.id, "pve-a", "acme-2"), place(acme.id, "pve-b", "acme")]
        );
        assert_eq!(accounts::all_clusters(sql)?.len(), 2);
        assert_eq!(accounts::by_pool(sql, "pve-a", "acme-2")?.map(|one| one.slug), Some("acme".to_owned()));
        let taken = accounts::put_cluster(sql, &place(beta.id, "pve-b", "acme")).unwrap_err();
        assert!(taken.is_duplicate_of("account_clusters.pool"), "{taken:?}");

        let slugs = |filter: accounts::Filter, window: Window<String>, sql: &mut dyn Sql| {
            let page = accounts::list(sql, &filter, &window).unwrap();
            (page.items.into_iter().map(|one| one.slug).collect::<Vec<_>>(), page.next)
        };
        let all = accounts::Filter::default;
        assert_eq!(slugs(all(), Window::all(), sql), (vec!["acme".into(), "beta".into()], None));
        assert_eq!(slugs(all(), Window::first(1), sql), (vec!["acme".into()], Some("acme".into())));
        assert_eq!(slugs(all(), Window::next("acme".into(), 1), sql), (vec!["beta".into()], None));
        let active = accounts::Filter { status: Some("active".into()), ..all() };
        assert_eq!(slugs(active, Window::all(), sql).0, ["beta"]);
        let on_b = accounts::Filter { cluster: Some("pve-b".into()), adopted: Some(true), ..all() };
        assert_eq!(slugs(on_b, Window::all(), sql).0, ["acme"]);

        assert!(accounts::remove_cluster(sql, acme.id, "pve-b")?);
        assert!(!accounts::remove_cluster(sql, acme.id, "pve-b")?);
        assert!(accounts::delete(sql, acme.id)?);
        assert!(!accounts::delete(sql, acme.id)?);
        assert!(accounts::all_clusters(sql)?.is_empty(), "its clusters go with it");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_there_before_an_account_round_trips() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let acme = account("acme");
        accounts::insert(sql, &acme)?;
        let right = |path: &str| rights::Right {
            path: path.to_owned(),
            role: "PVEVMAdmin".to_owned(),
            ugid: "acme".to_owned(),
            propagate: true,
        };
        rights::replace(sql, acme.id, "pve-a", &[right("/vms/2"), right("/pool/acme")])?;
        assert_eq!(rights::list(sql, acme.id, "pve-a")?, [right("/pool/acme"), right("/vms/2")]);
        rights::replace(sql, acme.id, "pve-a", &[right("/vms/3")])?;
        assert_eq!(rights::list(sql, acme.id, "pve-a")?, [right("/vms/3")]);
        assert!(rights::list(sql, acme.id, "pve-b")?.is_empty());
        rights::adopt_group(sql, acme.id, "pve-b", "acme")?;
        rights::adopt_group(sql, acme.id, "pve-b", "acme")?;
        assert_eq!(rights::adopted_groups(sql, acme.id)?, ["pve-b"]);
        for user in ["u2@pve", "u1@pve", "u1@pve"] {
            rights::hold_user(sql, acme.id, "pve-a", user)?;
        }
        assert_eq!(rights::held_users(sql, acme.id, "pve-a")?, ["u1@pve", "u2@pve"]);
        rights::release_user(sql, acme.id, "pve-a", "u1@pve")?;
        assert_eq!(rights::held_users(sql, acme.id, "pve-a")?, ["u2@pve"]);
        accounts::delete(sql, acme.id)?;
        assert!(rights::held_users(sql, acme.id, "pve-a")?.is_empty());
        assert!(rights::list(sql, acme.id, "pve-a")?.is_empty());
        assert!(rights::adopted_groups(sql, acme.id)?.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn settings_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let acme = account("acme");
        accounts::insert(sql, &acme)?;
        let mut setting = settings::Setting {
            account_id: acme.id,
            key: "sso.max_expires_in".to_owned(),
            value: json!({"seconds": [1, 2.5, null, "drei"]}),
            updated_at: now(),
            updated_by: "ops".to_owned(),
        };
        assert_eq!(settings::put(sql, &setting)?, settings::Put::Created);
        setting.value = json!(null);
        assert_eq!(settings::put(sql, &setting)?, settings::Put::Replaced);
        assert_eq!(settings::get(sql, acme.id, "sso.max_expires_in")?.as_ref(), Some(&setting));
        let first = settings::Setting { key: "a".to_owned(), ..setting.clone() };
        settings::put(sql, &first)?;
        assert_eq!(settings::list(sql, acme.id)?, [first, setting.clone()]);
        assert!(settings::delete(sql, acme.id, "a")?);
        assert!(!settings::delete(sql, acme.id, "a")?);
        let nobodys = settings::Setting { account_id: Uuid::now_v7(), ..setting };
        assert!(matches!(settings::put(sql, &nobodys), Err(Error::Constraint { .. })));
        Ok(())
    })
    .await;
}

fn cluster(host: &str) -> clusters::Cluster {
    clusters::Cluster {
        host: host.to_owned(),
        name: "east".to_owned(),
        addresses: json!(["192.0.2.1:8006", "192.0.2.2:8006"]),
        trust: json!({"fingerprints": ["AA:BB"]}),
        token_id: "bnna@pve!bnpd".to_owned(),
        token_secret_sealed: Sealed::new(b"sealed-secret".to_vec()),
        token_rotated_at: Some(now()),
        token_expires_at: None,
        base_domain: Some("a.example.net".to_owned()),
        supernets: json!(["10.11.0.0/16"]),
        default_node: None,
        default_storage: Some("local-lvm".to_owned()),
        created_at: now(),
        updated_at: now(),
    }
}

#[tokio::test]
async fn clusters_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let mut east = cluster("pve-b");
        assert!(clusters::put(sql, &east)?);
        assert_eq!(clusters::get(sql, "pve-b")?.as_ref(), Some(&east));
        east.name = "far east".to_owned();
        east.base_domain = None;
        let moved = clusters::Cluster { created_at: later(99), ..east.clone() };
        assert!(!clusters::put(sql, &moved)?);
        assert_eq!(clusters::get(sql, "pve-b")?.as_ref(), Some(&east), "created_at stays");
        let at = later(5);
        assert!(clusters::set_token(sql, "pve-b", "bnna@pve!next", &Sealed::new(vec![9]), at)?);
        let rotated = clusters::get(sql, "pve-b")?.unwrap();
        assert_eq!((rotated.token_id.as_str(), rotated.token_rotated_at), ("bnna@pve!next", Some(at)));
        assert_eq!(rotated.token_secret_sealed.as_bytes(), [9]);
        assert!(!clusters::set_token(sql, "pve-z", "x", &Sealed::new(vec![9]), at)?);
        clusters::put(sql, &cluster("pve-a"))?;
        let hosts: Vec<_> = clusters::list(sql)?.into_iter().map(|one| one.host).collect();
        assert_eq!(hosts, ["pve-a", "pve-b"]);
        assert!(clusters::delete(sql, "pve-a")? && !clusters::delete(sql, "pve-a")?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn instances_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let acme = account("acme");
        accounts::insert(sql, &acme)?;
        let guest = |cluster: &str, vmid, account_id| instances::Instance {
            id: Uuid::now_v7(),
            cluster: cluster.to_owned(),
            vmid,
            kind: "qemu".to_owned(),
            account_id,
            bunch: Some("web".to_owned()),
            name: format!("vm{vmid}"),
            adopted: true,
            created_at: now(),
            gone_since: None,
        };
        let first = guest("pve-a", 1_104_209, Some(acme.id));
        instances::put(sql, &first)?;
        assert_eq!(instances::get(sql, "pve-a", 1_104_209)?.as_ref(), Some(&first));
        let renamed =
            instances::Instance { id: Uuid::now_v7(), name: "new".to_owned(), created_at: later(9), ..first.clone() };
        instances::put(sql, &renamed)?;
        let known = instances::get(sql, "pve-a", 1_104_209)?.unwrap();
        assert_eq!((known.id, known.created_at, known.name.as_str()), (first.id, first.created_at, "new"));
        instances::put(sql, &guest("pve-a", 2_000_000, None))?;
        instances::put(sql, &guest("pve-b", 100, Some(acme.id)))?;
        let all = instances::list(sql, &Default::default(), &Window::first(2))?;
        assert_eq!(all.items.iter().map(|one| one.vmid).collect::<Vec<_>>(), [1_104_209, 2_000_000]);
        let rest = instances::list(sql, &Default::default(), &Window::next(all.next.unwrap(), 2))?;
        assert_eq!((rest.items.len(), rest.items[0].vmid, rest.next), (1, 100, None));
        let filter = instances::Filter { account_id: Some(acme.id), vmid: Some(100), ..Default::default() };
        assert_eq!(instances::list(sql, &filter, &Window::all())?.items.len(), 1);
        let gone = later(1);
        assert!(instances::set_gone(sql, "pve-b", 100, Some(gone))?);
        assert_eq!(instances::get(sql, "pve-b", 100)?.unwrap().gone_since, Some(gone));
        accounts::delete(sql, acme.id)?;
        assert_eq!(instances::get(sql, "pve-b", 100)?.unwrap().account_id, None, "the guest outlives the account");
        assert!(instances::delete(sql, "pve-b", 100)? && !instances::delete(sql, "pve-b", 100)?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn tenant_tokens_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let (acme, beta) = (account("acme"), account("beta"));
        accounts::insert(sql, &acme)?;
        accounts::insert(sql, &beta)?;
        let token = |hash: u8, expires| tenant_tokens::TenantToken {
            id: Uuid::now_v7(),
            hash: Digest::new(vec![hash; 32]),
            account_id: acme.id,
            role_id: None,
            label: "sso".to_owned(),
            subject: Some("u1".to_owned()),
            issuer: Some("https://id.example.net".to_owned()),
            created_at: now(),
            expires_at: expires,
            last_used_at: None,
            revoked_at: None,
        };
        let (good, other, expired) = (token(1, later(60)), token(2, later(60)), token(3, now()));
        for one in [&good, &other, &expired] {
            tenant_tokens::insert(sql, one)?;
        }
        assert!(
            tenant_tokens::insert(sql, &tenant_tokens::TenantToken { id: Uuid::now_v7(), ..good.clone() }).is_err()
        );
        assert_eq!(tenant_tokens::by_hash(sql, &good.hash)?.as_ref(), Some(&good));
        assert_eq!(tenant_tokens::by_hash(sql, &Digest::new(vec![9; 32]))?, None);
        let page = tenant_tokens::list(sql, acme.id, later(1), &Window::first(1))?;
        assert_eq!((page.items, page.next), (vec![good.clone()], Some(good.id)));
        assert!(!tenant_tokens::revoke(sql, beta.id, good.id, now())?, "another account's token");
        assert!(tenant_tokens::revoke(sql, acme.id, good.id, now())?);
        assert!(!tenant_tokens::revoke(sql, acme.id, good.id, now())?, "a second time");
        assert!(tenant_tokens::by_hash(sql, &good.hash)?.unwrap().revoked_at.is_some());
        assert_eq!(tenant_tokens::list(sql, acme.id, later(1), &Window::all())?.items, vec![other.clone()]);
        let used = later(3);
        tenant_tokens::used(sql, other.id, used)?;
        tenant_tokens::used(sql, other.id, now())?;
        assert_eq!(tenant_tokens::by_hash(sql, &other.hash)?.unwrap().last_used_at, Some(used));
        assert_eq!(tenant_tokens::purge(sql, later(2))?, 2);
        assert_eq!(tenant_tokens::revoke_all(sql, acme.id, now())?, 1);
        accounts::delete(sql, acme.id)?;
        assert_eq!(tenant_tokens::by_hash(sql, &other.hash)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn audit_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let entry = |action: &str, account: Option<&str>| audit::NewEntry {
            id: Uuid::now_v7(),
            at: now(),
            actor_kind: "operator".to_owned(),
            actor: "ops".to_owned(),
            credential_id: "ops~QSY6rqTE".to_owned(),
            remote_addr: Some("192.0.2.7".to_owned()),
            action: action.to_owned(),
            target_kind: "account".to_owned(),
            target: "acme".to_owned(),
            account: account.map(str::to_owned),
            request_id: "r-1".to_owned(),
            operation_id: None,
            detail: json!({"slug": "acme"}),
        };
        let entries: Vec<_> =
            (0..5).map(|number| entry("accounts.create", (number % 2 == 0).then_some("acme"))).collect();
        let mut seqs = vec![];
        for one in &entries {
            seqs.push(audit::insert(sql, one)?);
        }
        assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(audit::finish(sql, entries[4].id, "failed", Some("no such pool"), later(1))?);
        assert!(!audit::finish(sql, entries[4].id, "ok", None, later(2))?, "the first outcome counts");
        let operation = Uuid::now_v7();
        assert!(audit::set_operation(sql, entries[3].id, operation)?);
        let page = audit::list(sql, &Default::default(), &Window::first(2))?;
        assert_eq!(page.items[0].new, entries[4]);
        assert_eq!(page.items[0].error.as_deref(), Some("no such pool"));
        assert_eq!(page.items[1].new.operation_id, Some(operation));
        assert_eq!(page.next, Some(seqs[3]));
        let rest = audit::list(sql, &Default::default(), &Window { after: page.next, limit: None })?;
        assert_eq!((rest.items.len(), rest.next), (3, None));
        let count = |filter: audit::Filter, sql: &mut dyn Sql| {
            audit::list(sql, &filter, &Window::all()).map(|page| page.items.len())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(count(audit::Filter { account: some("acme"), ..Default::default() }, sql)?, 3);
        assert_eq!(count(audit::Filter { outcome: some("failed"), ..Default::default() }, sql)?, 1);
        assert_eq!(count(audit::Filter { operation_id: Some(operation), ..Default::default() }, sql)?, 1);
        assert_eq!(count(audit::Filter { from: Some(later(60)), ..Default::default() }, sql)?, 0);
        let exact = audit::Filter {
            to: Some(later(60)),
            actor: some("ops"),
            action: some("accounts.create"),
            target_kind: some("account"),
            target: some("acme"),
            request_id: some("r-1"),
            ..Default::default()
        };
        assert_eq!(count(exact, sql)?, 5);
        assert_eq!(count(audit::Filter { actor: some("' OR 1=1 --"), ..Default::default() }, sql)?, 0);
        Ok(())
    })
    .await;
}

fn operation(kind: &str, account: Option<&str>) -> operations::Operation {
    operations::Operation {
        id: Uuid::now_v7(),
        kind: kind.to_owned(),
        params: json!({"slug": "acme"}),
        state: "pending".to_owned(),
        account: account.map(str::to_owned),
        subject: "account acme".to_owned(),
        actor: "ops".to_owned(),
        request_id: "r-1".to_owned(),
        cancel: false,
        steps_done: 0,
        steps_total: 3,
        current_step: None,
        error: None,
        result: None,
        remains: json!([]),
        created_at: now(),
        updated_at: now(),
        finished_at: None,
        lease_owner: Some("one".to_owned()),
        lease_until: Some(later(30)),
        fence: 1,
    }
}

#[tokio::test]
async fn operations_and_their_leases_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let first = operation("accounts.create", Some("acme"));
        let second = operation("accounts.delete", None);
        operations::insert(sql, &first)?;
        operations::insert(sql, &second)?;
        assert_eq!(operations::get(sql, first.id)?.as_ref(), Some(&first));
        assert_eq!(operations::take_key(sql, "account:acme", first.id)?, None);
        assert_eq!(operations::take_key(sql, "account:acme", first.id)?, None, "its own key");
        assert_eq!(operations::take_key(sql, "account:acme", second.id)?, Some(first.id));

        // A lease that runs belongs to its owner; one that ended, or whose owner is dead, changes hands and raises the fence.
        assert_eq!(operations::acquire(sql, first.id, "two", None, now(), later(60))?, None);
        let taken = operations::acquire(sql, first.id, "two", Some("one"), now(), later(60))?.unwrap();
        assert_eq!((taken.lease_owner.as_deref(), taken.fence), (Some("two"), 2));
        let taken = operations::acquire(sql, first.id, "three", None, later(61), later(90))?.unwrap();
        assert_eq!(taken.fence, 3);

        let progress = |state: &str, finished| operations::Progress {
            state: state.to_owned(),
            steps_done: 1,
            current_step: Some("create pool".to_owned()),
            error: None,
            result: Some(json!("x")),
            remains: json!([]),
            at: later(1),
            finished,
        };
        assert_eq!(operations::save(sql, first.id, 2, &progress("running", false))?, None, "an old fence");
        assert_eq!(operations::renew(sql, first.id, 2, later(99))?, None);
        assert_eq!(operations::save(sql, first.id, 3, &progress("running", false))?, Some(false));
        assert_eq!(operations::renew(sql, first.id, 3, later(99))?, Some(false));
        assert!(operations::request_cancel(sql, first.id, now())?);
        assert_eq!(operations::get(sql, first.id)?.unwrap().state, "cancelling");
        assert_eq!(operations::save(sql, first.id, 3, &progress("running", false))?, Some(true));
        assert_eq!(operations::get(sql, first.id)?.unwrap().state, "cancelling", "not overwritten");
        assert_eq!(operations::save(sql, first.id, 3, &progress("undone", true))?, Some(true));
        let ended = operations::get(sql, first.id)?.unwrap();
        assert_eq!((ended.state.as_str(), ended.lease_owner, ended.finished_at.is_some()), ("undone", None, true));
        assert_eq!(operations::holder(sql, "account:acme")?, None, "the end gives the keys up");
        assert!(!operations::request_cancel(sql, first.id, now())?);
        assert_eq!(operations::save(sql, first.id, 3, &progress("running", false))?, None, "an end is an end");
        assert_eq!(operations::acquire(sql, first.id, "four", None, later(999), later(1000))?, None);

        let open = operations::open_leases(sql)?;
        assert_eq!((open.len(), open[0].id, open[0].owner.as_deref()), (1, second.id, Some("one")));
        assert!(operations::release(sql, second.id, 1)?);
        assert_eq!(operations::open_leases(sql)?[0].owner, None);
        assert_eq!(operations::count_by_state(sql)?, [("pending".to_owned(), 1), ("undone".to_owned(), 1)]);

        let ids = |filter: operations::Filter, sql: &mut dyn Sql| {
            let page = operations::list(sql, &filter, &Window::all()).unwrap();
            page.items.into_iter().map(|one| one.id).collect::<Vec<_>>()
        };
        let all = operations::Filter::default;
        assert_eq!(ids(all(), sql), [second.id, first.id], "newest first");
        assert_eq!(ids(operations::Filter { account: Some("acme".into()), ..all() }, sql), [first.id]);
        assert_eq!(ids(operations::Filter { finished: Some(false), ..all() }, sql), [second.id]);
        assert_eq!(ids(operations::Filter { kind: Some("accounts.create".into()), ..all() }, sql), [first.id]);
        let page = operations::list(sql, &all(), &Window::first(1))?;
        assert_eq!(page.next, Some(second.id));
        let page = operations::list(sql, &all(), &Window::next(second.id, 1))?;
        assert_eq!((page.items[0].id, page.next), (first.id, None));
        assert_eq!(operations::purge(sql, later(60))?, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn operation_steps_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let owner = operation("accounts.create", None);
        operations::insert(sql, &owner)?;
        let started = operation_steps::NewEntry {
            operation_id: owner.id,
            step: 0,
            name: "create pool on pve-a".to_owned(),
            phase: "do".to_owned(),
            state: "started".to_owned(),
            output: None,
            error: None,
            fence: 1,
            at: now(),
        };
        let done = operation_steps::NewEntry {
            state: "done".to_owned(),
            output: Some(json!({"pool": "acme"})),
            ..started.clone()
        };
        let failed = operation_steps::NewEntry {
            phase: "undo".to_owned(),
            state: "failed".to_owned(),
            error: Some(json!({"code": "upstream"})),
            ..started.clone()
        };
        for entry in [&started, &done, &failed] {
            operation_steps::append(sql, entry)?;
        }
        let log: Vec<_> = operation_steps::list(sql, owner.id)?.into_iter().map(|entry| entry.new).collect();
        assert_eq!(log, [started.clone(), done, failed]);
        let nobodys = operation_steps::NewEntry { operation_id: Uuid::now_v7(), ..started };
        assert!(operation_steps::append(sql, &nobodys).is_err());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn tasks_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let task = |upid: &str, started_at| tasks::Task {
            upid: upid.to_owned(),
            cluster: "pve-a".to_owned(),
            node: "a1".to_owned(),
            kind: "qmstart".to_owned(),
            vmid: Some(100),
            account_id: Some(Uuid::nil()),
            started_by: "ops".to_owned(),
            started_at,
            ended_at: None,
            exitstatus: None,
            operation_id: None,
        };
        let at = now();
        let (old, one, two) = (task("UPID:old", at - Duration::from_secs(9)), task("UPID:1", at), task("UPID:2", at));
        for entry in [&one, &old, &two, &one] {
            tasks::insert(sql, entry)?;
        }
        assert_eq!(tasks::get(sql, "UPID:1")?.as_ref(), Some(&one));
        let page = tasks::list(sql, &Default::default(), &Window::first(1))?;
        assert_eq!(page.items, [two]);
        let rest = tasks::list(sql, &Default::default(), &Window { after: page.next, limit: None })?;
        assert_eq!(rest.items, [one, old]);
        assert!(tasks::finish(sql, "UPID:old", "OK", at)?);
        assert!(!tasks::finish(sql, "UPID:none", "OK", at)?);
        let count = |running, sql: &mut dyn Sql| {
            let filter = tasks::Filter { running: Some(running), vmid: Some(100), ..Default::default() };
            tasks::list(sql, &filter, &Window::all()).map(|page| page.items.len())
        };
        assert_eq!((count(true, sql)?, count(false, sql)?), (2, 1));
        assert_eq!(tasks::purge(sql, later(1))?, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn sealing_keys_round_trip() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let key = |byte| keys::SealingKey {
            id: Uuid::now_v7(),
            purpose: "secrets".to_owned(),
            sealed: Sealed::new(vec![byte; 60]),
            created_at: now(),
            retired_at: None,
        };
        let (old, new) = (key(1), key(2));
        keys::insert(sql, &new)?;
        keys::insert(sql, &old)?;
        assert_eq!(keys::list(sql, "secrets")?, [old.clone(), new]);
        assert!(keys::list(sql, "other")?.is_empty());
        assert!(keys::reseal(sql, old.id, &Sealed::new(vec![3; 60]))?);
        assert!(keys::retire(sql, old.id, now())? && !keys::retire(sql, old.id, now())?);
        let known = keys::list(sql, "secrets")?;
        assert_eq!(known[0].sealed.as_bytes(), [3; 60]);
        assert!(known[0].retired_at.is_some());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_key_gives_the_first_answer() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let request = idempotency::Request {
            key: "k1".to_owned(),
            principal: "ops".to_owned(),
            route: "POST /api/platform/accounts".to_owned(),
            body_hash: Digest::new(vec![1; 32]),
        };
        let at = now();
        assert_eq!(idempotency::claim(sql, &request, at)?, idempotency::Claim::New);
        assert_eq!(idempotency::claim(sql, &request, later(1))?, idempotency::Claim::Running(at));
        let other_body = idempotency::Request { body_hash: Digest::new(vec![2; 32]), ..request.clone() };
        assert_eq!(idempotency::claim(sql, &other_body, at)?, idempotency::Claim::OtherBody);
        let other_caller = idempotency::Request { principal: "dev".to_owned(), ..other_body };
        assert_eq!(idempotency::claim(sql, &other_caller, at)?, idempotency::Claim::New);
        assert!(idempotency::release(sql, &other_caller)?);
        assert_eq!(idempotency::claim(sql, &other_caller, at)?, idempotency::Claim::New);
        assert!(idempotency::finish(sql, &request, 201, &json!({"result": 1}))?);
        assert!(!idempotency::finish(sql, &request, 500, &json!({}))?);
        assert!(!idempotency::release(sql, &request)?, "an answer is kept");
        let answered = idempotency::Claim::Answered { status: 201, response: json!({"result": 1}) };
        assert_eq!(idempotency::claim(sql, &request, at)?, answered);
        assert_eq!(idempotency::purge(sql, later(60))?, 2);
        assert_eq!(idempotency::claim(sql, &request, at)?, idempotency::Claim::New);
        Ok(())
    })
    .await;
}

#[test]
fn secrets_are_never_in_debug() {
    let shown = format!("{:?} {:?}", cluster("pve-a"), Digest::new(b"sealed-secret".to_vec()));
    assert!(shown.contains("[redacted]") && !shown.contains("sealed-secret"), "{shown}");
    let bytes = format!("{:?}", b"sealed-secret");
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    let values = format!("{:?}", [Value::from("sealed-secret"), Value::from(b"sealed-secret".to_vec())]);
    assert_eq!(values, "[text of 13 bytes, blob of 13 bytes]");
}

#[test]
fn times_are_whole_milliseconds() {
    for millis in [0, 1, -1, 1_700_000_000_123, -62_135_596_800_000] {
        assert_eq!(to_millis(from_millis(millis).unwrap()), millis);
    }
    assert_eq!(from_millis(i64::MAX), None);
    assert_eq!(to_millis(OffsetDateTime::UNIX_EPOCH - Duration::from_micros(1)), -1, "rounded down");
}
