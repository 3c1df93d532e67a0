//! Whose is what: accounts, their settings, tokens and guests, and the clusters.

use bnna_store::{
    Digest, Error, Sealed, Sql, Window, accounts, canaries, clusters, instances, now, rights, settings, tenant_tokens,
};
use serde_json::json;
use uuid::Uuid;

use super::*;

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
async fn the_last_canary_of_an_account_goes_with_it() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let (acme, beta) = (account("acme"), account("beta"));
        for one in [&beta, &acme] {
            accounts::insert(sql, one)?;
        }
        assert_eq!(accounts::slugs(sql)?, ["acme", "beta"]);
        let between = |from: &str, to: &str, sql: &mut dyn Sql| {
            accounts::between(sql, from, to).map(|found| found.into_iter().map(|one| one.slug).collect::<Vec<_>>())
        };
        assert_eq!(between("acme", "beta", sql)?, ["acme", "beta"]);
        assert_eq!(between("acme", "az", sql)?, ["acme"]);
        assert_eq!(canaries::get(sql, acme.id)?, None);
        assert!(canaries::put(sql, acme.id, now(), &json!({"tight": false}))?);
        assert!(canaries::put(sql, acme.id, now(), &json!({"tight": true}))?);
        assert_eq!(canaries::get(sql, acme.id)?, Some(json!({"tight": true})));
        assert!(accounts::delete(sql, acme.id)?);
        assert_eq!(canaries::get(sql, acme.id)?, None);
        assert!(!canaries::put(sql, acme.id, now(), &json!({}))?, "an account that is gone has none");
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

pub(crate) fn cluster(host: &str) -> clusters::Cluster {
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
