//! The simulated backup server, asked by the typed client: what a datastore holds, who may do what with it, and what versions differ in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use proxmox_client::error::{NeverSent, TaskError};
use proxmox_client::pbs::access::{CreatePbsToken, CreatePbsUser, PbsRole, UpdatePbsToken};
use proxmox_client::pbs::definitions::{
    CreateDatastore, DatastoreConfig, DeleteDatastore, Maintenance, MaintenanceType, UpdateDatastore,
};
use proxmox_client::pbs::groups::{BackupType, GroupId};
use proxmox_client::pbs::namespaces::{Namespace, NamespaceFilter};
use proxmox_client::pbs::snapshots::{SnapshotFilter, SnapshotId, VerifyState};
use proxmox_client::pbs::upkeep::{PruneDatastore, PruneGroup, Verify, VerifyScope};
use proxmox_client::permissions::AclEntry;
use proxmox_client::{Error, Pbs, Retention, Switch, TaskOutcome, TokenId, Trust, UserId, Wait};
use proxmox_sim::pbs::{PbsBuilder, PbsSim, Snapshot};
use proxmox_sim::state::Clock;

const SECRET: &str = "01234567-89ab-cdef-0123-456789abcdef";
/// 2026-11-21, noon.
const NOON: i64 = 1_795_262_400;
const DAY: i64 = 24 * 3600;

fn builder() -> PbsBuilder {
    PbsBuilder::new("pbs1").version("4.2.1").clock(Clock::manual(NOON)).datastore("ds1").root_token("lab", Some(SECRET))
}

fn client_as(sim: &PbsSim, token: &str, secret: &str) -> Pbs {
    Pbs::builder()
        .address(sim.address().to_string())
        .token(token, secret.to_owned())
        .trust(Trust::pinned([sim.fingerprint().as_str()]).unwrap())
        .build()
        .unwrap()
}

fn root(sim: &PbsSim) -> Pbs {
    client_as(sim, "root@pam!lab", SECRET)
}

fn quick() -> Wait {
    Wait::up_to(Duration::from_secs(60)).every(Duration::from_millis(10), Duration::from_millis(50))
}

fn ns(text: &str) -> Namespace {
    text.parse().unwrap()
}

fn group(at: &str, id: &str) -> GroupId {
    GroupId::new(ns(at), BackupType::Ct, id)
}

fn container() -> Snapshot {
    Snapshot::container("arch: amd64\nhostname: CT200\n", 10 << 20)
}

/// A server with one backup a day of container 200, of the last `days` days.
fn with_daily_backups(days: i64) -> PbsBuilder {
    (0..days).fold(builder(), |builder, back| {
        builder.snapshot("ds1", "", "ct/200", "pve@pbs!pve1", NOON - back * DAY, container())
    })
}

async fn times(pbs: &Pbs, at: &str) -> Vec<i64> {
    let filter = SnapshotFilter { ns: ns(at), ..SnapshotFilter::default() };
    let mut times: Vec<i64> =
        pbs.datastore("ds1").snapshots(&filter).await.unwrap().into_iter().map(|row| row.backup_time).collect();
    times.sort_unstable();
    times
}

fn refused(error: &Error) -> (u16, String) {
    let refusal = error.refusal().unwrap_or_else(|| panic!("{error}"));
    (refusal.status, refusal.text().to_owned())
}

#[tokio::test]
async fn namespaces_nest_below_parents_that_exist() {
    let sim = builder().start().await.unwrap();
    let pbs = root(&sim);
    let store = pbs.datastore("ds1");
    let orphan = store.create_namespace(&ns("team/web")).await.unwrap_err();
    assert_eq!(refused(&orphan).0, 400);
    for made in ["team", "team/web", "team/web/a", "other"] {
        store.create_namespace(&ns(made)).await.unwrap();
    }
    let mut listed: Vec<String> = Vec::new();
    for row in store.namespaces(&NamespaceFilter::default()).await.unwrap() {
        listed.push(row.ns.to_string());
    }
    listed.sort();
    assert_eq!(listed, ["", "other", "team", "team/web", "team/web/a"]);
    let shallow = NamespaceFilter { parent: ns("team"), max_depth: Some(1) };
    assert_eq!(store.namespaces(&shallow).await.unwrap().len(), 2, "itself and one level");

    sim.with_state(|pbs| {
        let store = pbs.datastores.get_mut("ds1").unwrap();
        store.add_snapshot("team/web", "ct/200", "pve@pbs!pve1", NOON, container());
    });
    let kept = store.delete_namespace(&ns("team"), Switch::Off).await.unwrap_err();
    assert!(refused(&kept).1.contains("delete-groups"), "{kept}");
    store.delete_namespace(&ns("team"), Switch::On).await.unwrap();
    assert_eq!(store.namespaces(&NamespaceFilter::default()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_tenant_sees_only_its_namespace() {
    let sim = builder()
        .token("ann@pbs!pve", Some("ann-secret"), &[("/datastore/ds1/ann", "DatastoreBackup")])
        .snapshot("ds1", "ann", "ct/200", "ann@pbs!pve", NOON, container())
        .snapshot("ds1", "bob", "ct/201", "bob@pbs!pve", NOON, container())
        .start()
        .await
        .unwrap();
    let ann = client_as(&sim, "ann@pbs!pve", "ann-secret");
    let store = ann.datastore("ds1");
    let seen = store.namespaces(&NamespaceFilter::default()).await.unwrap();
    assert_eq!(seen.iter().map(|row| row.ns.to_string()).collect::<Vec<_>>(), ["ann"]);
    assert_eq!(store.groups(&ns("ann")).await.unwrap().len(), 1);
    for other in ["", "bob"] {
        let error = store.groups(&ns(other)).await.unwrap_err();
        assert_eq!(refused(&error).0, 403, "{other}");
    }
    assert_eq!(ann.datastores().list().await.unwrap().len(), 1, "a datastore with something to see in it is listed");
    let usage = ann.datastores().usage().await;
    assert!(
        usage.is_err() || usage.unwrap().iter().all(|row| row.used.is_none()),
        "how full it is is not the tenant's"
    );
}

#[tokio::test]
async fn protected_backups_stay_whatever_is_removed() {
    let sim = with_daily_backups(3).start().await.unwrap();
    let pbs = root(&sim);
    let store = pbs.datastore("ds1");
    let all = times(&pbs, "").await;
    let oldest = SnapshotId { group: group("", "200"), time: all[0] };
    assert!(!store.is_protected(&oldest).await.unwrap());
    store.set_protected(&oldest, true).await.unwrap();
    store.set_notes(&oldest, "before the move\nof everything").await.unwrap();
    assert_eq!(store.notes(&oldest).await.unwrap(), "before the move\nof everything");
    let error = store.delete_snapshot(&oldest).await.unwrap_err();
    assert_eq!(refused(&error), (400, "cannot remove protected snapshot".to_owned()));

    let prune = PruneGroup { group: group("", "200"), keep: Retention::last(1), dry_run: Switch::On };
    let told = store.prune_group(&prune).await.unwrap();
    let kept: Vec<i64> = told.iter().filter(|row| row.keep).map(|row| row.backup_time).collect();
    assert_eq!(kept.len(), 2, "the latest, and the protected one, which does not count: {told:?}");
    assert_eq!(times(&pbs, "").await, all, "a rehearsal removes nothing");

    let partly = store.delete_group(&group("", "200")).await.unwrap_err();
    assert!(refused(&partly).1.contains("protected"), "{partly}");
    assert_eq!(times(&pbs, "").await, [all[0]]);
    let row = &store.snapshots(&SnapshotFilter::default()).await.unwrap()[0];
    assert_eq!((row.comment.as_deref(), row.protected), (Some("before the move"), true), "the first line is listed");

    store.set_protected(&oldest, false).await.unwrap();
    let removed = store.delete_group(&group("", "200")).await.unwrap().expect("version 4 says what went");
    assert_eq!((removed.removed_groups, removed.removed_snapshots, removed.protected_snapshots), (1, 1, 0));
    assert!(store.groups(&ns("")).await.unwrap().is_empty());
}

#[tokio::test]
async fn pruning_keeps_one_a_period_as_told() {
    let sim = with_daily_backups(20).start().await.unwrap();
    let pbs = root(&sim);
    let store = pbs.datastore("ds1");
    let everything = PruneDatastore::default();
    store.prune(&everything).await.unwrap().succeed(quick()).await.unwrap();
    assert_eq!(times(&pbs, "").await.len(), 20, "without a number everything is kept");
    let keep = Retention { last: Some(3), weekly: Some(2), ..Retention::everything() };
    store.prune(&PruneDatastore { keep, ..PruneDatastore::default() }).await.unwrap().succeed(quick()).await.unwrap();
    let left = times(&pbs, "").await;
    assert_eq!(left.len(), 5, "{left:?}");
    assert_eq!(left[4] - left[2], 2 * DAY, "the three latest are there");
    assert!(left[1] < left[2] - DAY && left[0] < left[1], "then one of each of two weeks before: {left:?}");
}

#[tokio::test]
async fn verifying_finds_what_is_damaged_and_remembers() {
    let sim = with_daily_backups(3).start().await.unwrap();
    let pbs = root(&sim);
    let store = pbs.datastore("ds1");
    assert_eq!(store.verify(&Verify::default()).await.unwrap().wait(quick()).await.unwrap(), TaskOutcome::Ok);
    let states = |rows: Vec<proxmox_client::pbs::snapshots::SnapshotRow>| {
        rows.into_iter().map(|row| (row.backup_time, row.verification.map(|found| found.state))).collect::<Vec<_>>()
    };
    let rows = store.snapshots(&SnapshotFilter::default()).await.unwrap();
    assert!(states(rows).iter().all(|(_, state)| *state == Some(VerifyState::Ok)));

    sim.with_state(|pbs| {
        let group = pbs.datastores.get_mut("ds1").unwrap().group_mut("", "ct/200").unwrap();
        group.snapshots.get_mut(&NOON).unwrap().damaged = true;
    });
    let again = store.verify(&Verify::default()).await.unwrap();
    assert_eq!(again.wait(quick()).await.unwrap(), TaskOutcome::Ok, "what was verified is passed over");
    let one = SnapshotId { group: group("", "200"), time: NOON };
    let scope = VerifyScope::Snapshot(one);
    let only = Verify { scope, ignore_verified: Some(false), ..Verify::default() };
    let error = store.verify(&only).await.unwrap().succeed(quick()).await.unwrap_err();
    let Error::Task(task) = &error else { panic!("{error}") };
    assert!(
        matches!(task.as_ref(), TaskError::Failed { text, .. } if text.starts_with("verification failed")),
        "{error}"
    );
    let rows = states(store.snapshots(&SnapshotFilter::default()).await.unwrap());
    for (time, state) in rows {
        assert_eq!(state == Some(VerifyState::Failed), time == NOON, "{time}");
    }
    // After so many days it is verified again whether it was before or not.
    sim.with_state(|pbs| pbs.clock.advance(Duration::from_secs(31 * 24 * 3600)));
    let outdated = Verify { outdated_after: Some(30), ..Verify::default() };
    assert!(store.verify(&outdated).await.unwrap().succeed(quick()).await.is_err());
}

#[tokio::test]
async fn space_returns_a_day_and_five_minutes_after_its_last_use() {
    let sim = with_daily_backups(2)
        .snapshot("ds1", "", "ct/300", "pve@pbs!pve1", NOON, Snapshot::container("", 100 << 20))
        .start()
        .await
        .unwrap();
    let pbs = root(&sim);
    let store = pbs.datastore("ds1");
    let collect = async |seconds: u64| {
        sim.with_state(|pbs| pbs.clock.advance(Duration::from_secs(seconds)));
        let task = store.collect_garbage().await.unwrap();
        sim.with_state(|pbs| pbs.clock.advance(Duration::from_secs(2)));
        task.succeed(quick()).await.unwrap();
        store.garbage().await.unwrap()
    };
    let full = collect(0).await;
    assert!(full.disk_bytes > 0 && full.index_file_count == 6);
    store.delete_group(&group("", "300")).await.unwrap();
    let early = collect(3600).await;
    assert_eq!((early.removed_bytes, early.disk_bytes), (0, full.disk_bytes), "chunks stay for a day");
    assert!(early.pending_bytes > 0);
    let late = collect(24 * 3600).await;
    assert_eq!(late.removed_bytes, early.pending_bytes);
    assert_eq!((late.pending_bytes, late.disk_bytes), (0, full.disk_bytes - early.pending_bytes));
    assert_eq!(late.last_run_state.as_deref(), Some("OK"));
    let all = pbs.datastores().garbage().await.unwrap();
    assert_eq!((all[0].store.as_str(), &all[0].status.upid), ("ds1", &late.upid));
}

#[tokio::test]
async fn datastores_are_made_changed_and_removed_by_tasks() {
    let sim = builder().start().await.unwrap();
    let pbs = root(&sim);
    let keep = Retention::last(3);
    let new = CreateDatastore {
        comment: Some("ä second".to_owned()),
        keep,
        prune_schedule: Some("daily".to_owned()),
        ..CreateDatastore::new("ds2", "/backup/two")
    };
    let task = pbs.datastores().create(&new).await.unwrap().expect("a task");
    sim.with_state(|pbs| pbs.clock.advance(Duration::from_secs(5)));
    task.succeed(quick()).await.unwrap();
    assert!(pbs.datastores().create(&new).await.unwrap_err().is_existing());
    let two = pbs.datastore("ds2");
    let DatastoreConfig { path, comment, .. } = two.config().await.unwrap();
    assert_eq!((path.as_str(), comment.as_deref()), ("/backup/two", Some("ä second")));

    let message = Some("moving, back \"soon\"".to_owned());
    let mode = Maintenance { kind: MaintenanceType::ReadOnly, message };
    two.update(&UpdateDatastore { maintenance_mode: Some(mode.clone()), ..UpdateDatastore::default() }).await.unwrap();
    assert_eq!(two.config().await.unwrap().maintenance_mode, Some(mode));
    two.status().await.expect("reading goes on");
    let error = two.collect_garbage().await.unwrap_err();
    assert!(refused(&error).1.starts_with("datastore 'ds2' is in read-only maintenance mode"), "{error}");
    let late =
        UpdateDatastore { comment: Some("x".to_owned()), digest: Some("0".repeat(64)), ..UpdateDatastore::default() };
    assert!(two.update(&late).await.unwrap_err().refusal().unwrap().is_lost_update());

    two.delete(DeleteDatastore::default()).await.unwrap().expect("a task").succeed(quick()).await.unwrap();
    let gone = two.config().await.unwrap_err();
    assert_eq!(refused(&gone), (400, "no such datastore 'ds2'".to_owned()));
    assert!(gone.is_missing());
    assert_eq!(pbs.datastores().configs().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_never_has_more_than_its_owner_and_its_secret_is_told_once() {
    let sim = with_daily_backups(1).start().await.unwrap();
    let pbs = root(&sim);
    let user: UserId = "watch@pbs".parse().unwrap();
    let token = TokenId::new(user.clone(), "metrics").unwrap();
    let access = pbs.access();
    let new =
        CreatePbsUser { userid: user.clone(), password: None, enable: None, expire: None, comment: None, email: None };
    access.create_user(&new).await.unwrap();
    let made = access.create_token(&token, &CreatePbsToken::default()).await.unwrap();
    let watcher = client_as(&sim, &token.to_string(), made.value.expose());
    let give = async |subject| {
        let path = "/datastore".parse().unwrap();
        let entry = AclEntry { path, subject, role: PbsRole::DatastoreAudit.to_string(), propagate: true };
        access.grant(&entry).await.unwrap();
    };
    give(token.clone().into()).await;
    assert!(watcher.datastores().list().await.unwrap().is_empty(), "its owner has nothing yet");
    give(user.into()).await;
    assert_eq!(watcher.datastores().list().await.unwrap().len(), 1);
    assert_eq!(watcher.datastore("ds1").groups(&ns("")).await.unwrap().len(), 1);
    let error = watcher.datastore("ds1").collect_garbage().await.unwrap_err();
    assert_eq!(refused(&error), (403, "permission check failed".to_owned()));

    let fresh = access.regenerate_token(&token).await.unwrap();
    let old = watcher.datastores().list().await.unwrap_err();
    assert!(old.refusal().unwrap().is_unauthenticated(), "{old}");
    let watcher = client_as(&sim, &token.to_string(), fresh.secret.expose());
    assert_eq!(watcher.datastores().list().await.unwrap().len(), 1, "the rights stay with the id");
    let off = UpdatePbsToken { enable: Some(false), ..UpdatePbsToken::default() };
    access.update_token(&token, &off).await.unwrap();
    assert!(watcher.datastores().list().await.unwrap_err().refusal().unwrap().is_unauthenticated());
}

#[tokio::test]
async fn a_user_owns_the_groups_of_its_tokens_and_no_token_those_of_others() {
    let roles = [("/datastore/ds1", "DatastorePowerUser")];
    let sim = builder()
        .token("pve@pbs!one", Some("secret-one"), &roles)
        .token("pve@pbs!two", Some("secret-two"), &roles)
        .snapshot("ds1", "", "ct/200", "pve@pbs!one", NOON, container())
        .start()
        .await
        .unwrap();
    let one = client_as(&sim, "pve@pbs!one", "secret-one");
    let two = client_as(&sim, "pve@pbs!two", "secret-two");
    assert_eq!(one.datastore("ds1").groups(&ns("")).await.unwrap().len(), 1);
    assert!(two.datastore("ds1").groups(&ns("")).await.unwrap().is_empty(), "not its own, so not listed");
    let snapshot = SnapshotId { group: group("", "200"), time: NOON };
    let error = two.datastore("ds1").delete_snapshot(&snapshot).await.unwrap_err();
    assert_eq!(refused(&error), (400, "backup owner check failed (pve@pbs!two != pve@pbs!one)".to_owned()));
    let owner = "pve@pbs!two".parse().unwrap();
    root(&sim).datastore("ds1").change_owner(&group("", "200"), &owner).await.unwrap();
    two.datastore("ds1").delete_snapshot(&snapshot).await.unwrap();
}

#[tokio::test]
async fn files_of_a_backup_are_read_as_they_are_stored() {
    let sim = with_daily_backups(1).start().await.unwrap();
    let pbs = root(&sim);
    let store = pbs.datastore("ds1");
    let snapshot = SnapshotId { group: group("", "200"), time: NOON };
    let files = store.files(&snapshot).await.unwrap();
    let config = files.iter().find(|file| file.filename == "pct.conf.blob").expect("the configuration is in it");
    let mut download = store.download(&snapshot, &config.filename).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    assert_eq!(bytes[..8], [66, 171, 56, 7, 190, 131, 112, 161]);
    assert_eq!(&bytes[12..], b"arch: amd64\nhostname: CT200\n");
    assert_eq!(Some(bytes.len() - 12), config.size.map(|size| usize::try_from(size).unwrap()));
    let error = store.download(&snapshot, "nothing.blob").await.unwrap_err();
    assert_eq!(refused(&error).0, 400);
}

#[tokio::test]
async fn what_only_version_4_has_is_not_there_before() {
    let old = with_daily_backups(1).version("3.2.4").start().await.unwrap();
    let pbs = root(&old);
    assert_eq!(pbs.version().await.unwrap().major, 3);
    let listed = pbs.datastores().list().await.unwrap();
    assert_eq!((listed[0].mount_status.as_deref(), listed[0].backend_type.as_deref()), (None, None));
    let token: TokenId = "root@pam!lab".parse().unwrap();
    let error = pbs.access().regenerate_token(&token).await.unwrap_err();
    assert!(matches!(error, Error::NeverSent { cause: NeverSent::Unsupported { .. }, .. }), "{error}");
    let missing = pbs.datastores().garbage().await.unwrap_err();
    assert_eq!(refused(&missing).0, 404);
    let push = PbsRole::RemoteSyncPushOperator;
    assert!(pbs.access().roles().await.unwrap().iter().all(|row| row.roleid != push));
    assert_eq!(pbs.datastore("ds1").delete_group(&group("", "200")).await.unwrap(), None);

    let new = builder().start().await.unwrap();
    let pbs = root(&new);
    let listed = pbs.datastores().list().await.unwrap();
    assert_eq!(listed[0].mount_status.as_deref(), Some("nonremovable"));
    let roles = pbs.access().roles().await.unwrap();
    let row = roles.iter().find(|row| row.roleid == push).expect("version 4 pushes");
    assert!(row.privs.iter().any(|name| name == "Remote.DatastoreBackup"), "{row:?}");
    assert!(pbs.access().realms().await.unwrap().iter().any(|realm| realm.realm == "pbs"));
}

#[tokio::test]
async fn refusals_are_plain_text_and_read_as_such() {
    let sim = builder().start().await.unwrap();
    let pbs = root(&sim);
    let unknown = pbs.datastore("nosuch").status().await.unwrap_err();
    assert_eq!(refused(&unknown), (400, "no such datastore 'nosuch'".to_owned()));
    assert!(unknown.is_missing());
    let wrong = client_as(&sim, "root@pam!lab", "wrong").version().await.unwrap_err();
    assert_eq!(refused(&wrong), (401, "authentication failed - invalid credentials".to_owned()));
    let task = pbs.task("UPID:pbs1:00000001:00000001:00000001:00000001:x::root@pam:".parse().unwrap());
    let status = task.status().await.unwrap();
    assert!(status.outcome().is_some(), "a task that nobody knows has ended: {status:?}");
}
