//! What is done: audit, operations and their steps, tasks, keys, repeated requests.

use std::time::Duration;

use bnna_store::{Digest, Sealed, Sql, Window, audit, idempotency, keys, now, operation_steps, operations, tasks};
use serde_json::json;
use uuid::Uuid;

use super::*;

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
            owner: Some(Uuid::now_v7()),
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

#[tokio::test]
async fn what_a_process_left_unfinished_is_interrupted_unless_it_became_an_operation() {
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let (dead, living) = (Uuid::now_v7(), Uuid::now_v7());
        let entry = |owner: Uuid| audit::NewEntry {
            id: Uuid::now_v7(),
            at: now(),
            actor_kind: "operator".to_owned(),
            actor: "ops".to_owned(),
            credential_id: "ops~QSY6rqTE".to_owned(),
            remote_addr: None,
            action: "instances.reboot".to_owned(),
            target_kind: "instance".to_owned(),
            target: "100".to_owned(),
            account: None,
            request_id: "r-1".to_owned(),
            operation_id: None,
            owner: Some(owner),
            detail: json!(null),
        };
        let [cut, ended, became, runs] = [entry(dead), entry(dead), entry(dead), entry(living)];
        for one in [&cut, &ended, &became, &runs] {
            audit::insert(sql, one)?;
        }
        audit::finish(sql, ended.id, "ok", None, later(1))?;
        audit::set_operation(sql, became.id, Uuid::now_v7())?;
        let mut open = audit::unfinished_by(sql)?;
        open.sort();
        assert_eq!(open, [dead, living]);
        assert_eq!(audit::interrupt(sql, dead, "it ended", later(2))?, 1);
        let outcomes: Vec<Option<String>> =
            audit::list(sql, &Default::default(), &Window::all())?.items.into_iter().map(|one| one.outcome).collect();
        let interrupted = Some(audit::INTERRUPTED.to_owned());
        assert_eq!(outcomes, [None, None, Some("ok".to_owned()), interrupted]);
        assert_eq!(audit::unfinished_by(sql)?, [living]);
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
        assert!(!operations::drop_key(sql, "account:acme", second.id)?, "not its own");
        assert!(operations::drop_key(sql, "account:acme", first.id)?);
        assert_eq!(operations::holder(sql, "account:acme")?, None);
        assert_eq!(operations::take_key(sql, "account:acme", first.id)?, None);

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
        // Two of them never ended as far as anybody saw: they go by their beginning.
        assert_eq!(tasks::purge(sql, later(1))?, 3);
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
    use idempotency::Claim;
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let request = idempotency::Request {
            key: "k1".to_owned(),
            principal: "ops".to_owned(),
            route: "POST /api/platform/accounts".to_owned(),
            body_hash: Digest::new(vec![1; 32]),
        };
        let claimant =
            || idempotency::Claimant { claim: Uuid::now_v7(), owner: Uuid::now_v7(), request_id: "r-1".to_owned() };
        let (at, since) = (now(), now() - Duration::from_secs(60));
        let (first, second, other) = (claimant(), claimant(), claimant());
        assert_eq!(idempotency::claim(sql, &request, &first, at, since)?, Claim::New);
        let open = Claim::Open { claimant: first.clone(), operation_id: None };
        assert_eq!(idempotency::claim(sql, &request, &second, later(1), since)?, open);
        let other_body = idempotency::Request { body_hash: Digest::new(vec![2; 32]), ..request.clone() };
        assert_eq!(idempotency::claim(sql, &other_body, &second, at, since)?, Claim::OtherBody);
        let other_caller = idempotency::Request { principal: "dev".to_owned(), ..other_body };
        assert_eq!(idempotency::claim(sql, &other_caller, &other, at, since)?, Claim::New);
        assert!(idempotency::release(sql, other.claim)?);
        assert_eq!(idempotency::claim(sql, &other_caller, &other, at, since)?, Claim::New);

        assert!(idempotency::take_over(sql, first.claim, &second)?);
        assert!(!idempotency::take_over(sql, first.claim, &claimant())?, "one takes over");
        let running = operation("accounts.create", None);
        assert!(!idempotency::became(sql, first.claim, running.id)?, "who lost the claim starts nothing");
        operations::insert(sql, &running)?;
        assert!(idempotency::became(sql, second.claim, running.id)?);
        assert!(!idempotency::became(sql, second.claim, Uuid::now_v7())?, "a claim becomes one operation");
        assert!(!idempotency::release(sql, second.claim)?, "what goes on is not forgotten");
        assert!(!idempotency::take_over(sql, second.claim, &first)?);

        let answer = Sealed::new(vec![7; 40]);
        assert!(idempotency::finish(sql, second.claim, &answer)?);
        assert!(!idempotency::finish(sql, second.claim, &Sealed::new(vec![8]))?);
        assert!(!idempotency::release(sql, second.claim)?, "an answer is kept");
        let answered = Claim::Answered { claim: second.claim, answer };
        assert_eq!(idempotency::claim(sql, &request, &claimant(), at, since)?, answered);
        assert_eq!(idempotency::claim(sql, &request, &first, later(90), later(60))?, Claim::New, "until it is too old");
        assert_eq!(idempotency::purge(sql, later(60))?, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_number_of_keys_of_one_caller_is_bounded() {
    use idempotency::Claim;
    let (_directory, store) = store().await;
    with(&store, |sql| {
        let claim = |sql: &mut dyn Sql, principal: &str, key: i64| {
            let request = idempotency::Request {
                key: key.to_string(),
                principal: principal.to_owned(),
                route: "POST /x".to_owned(),
                body_hash: Digest::new(vec![1; 32]),
            };
            let claimant =
                idempotency::Claimant { claim: Uuid::now_v7(), owner: Uuid::nil(), request_id: String::new() };
            idempotency::claim(sql, &request, &claimant, now(), now() - Duration::from_secs(60))
        };
        for key in 0..idempotency::MOST {
            assert_eq!(claim(sql, "ops", key)?, Claim::New);
        }
        assert_eq!(claim(sql, "ops", -1)?, Claim::TooMany);
        assert!(matches!(claim(sql, "ops", 0)?, Claim::Open { .. }), "known keys go on working");
        assert_eq!(claim(sql, "dev", -1)?, Claim::New);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_rehearsal_begins_with_what_is_there_and_leaves_it_alone() {
    use bnna_store::rehearsal::{Change, Changed};
    let (_directory, store) = store().await;
    let account = |slug: &str| bnna_store::accounts::Account {
        id: Uuid::now_v7(),
        slug: slug.to_owned(),
        display_name: slug.to_owned(),
        email: String::new(),
        status: "active".to_owned(),
        pool: slug.to_owned(),
        adopted: false,
        created_at: now(),
        updated_at: now(),
        suspended_at: None,
        disabled_at: None,
    };
    let (acme, globex) = (account("acme"), account("globex"));
    let known = acme.clone();
    store.write(move |sql| bnna_store::accounts::insert(sql, &known)).await.unwrap();
    let tried = store.rehearsal().await.unwrap();
    let id = acme.id;
    tried
        .write(move |sql| {
            assert_eq!(bnna_store::accounts::by_slug(sql, "acme")?.map(|row| row.id), Some(id));
            bnna_store::accounts::insert(sql, &globex)?;
            bnna_store::accounts::delete(sql, id)?;
            let gone = bnna_store::accounts::Account { id: Uuid::now_v7(), slug: "gone".to_owned(), ..globex };
            bnna_store::accounts::insert(sql, &gone)?;
            bnna_store::accounts::delete(sql, gone.id)
        })
        .await
        .unwrap();
    let changed = |name: &str, change| Changed { kind: "account".to_owned(), name: name.to_owned(), change };
    let changes = tried.read(bnna_store::rehearsal::changes).await.unwrap();
    assert_eq!(changes, [changed("globex", Change::Create), changed("acme", Change::Delete)]);
    assert!(tried.is_session_alive(store.session()));
    tried.close().await;
    let slugs = store.read(|sql| bnna_store::accounts::list(sql, &Default::default(), &Window::all())).await.unwrap();
    assert_eq!(slugs.items.into_iter().map(|row| row.slug).collect::<Vec<_>>(), ["acme"]);
}
