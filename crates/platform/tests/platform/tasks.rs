//! Proxmox tasks and operations under one address.

use bnna_auth::Grant;
use bnna_platform::instances::PowerRequest;
use bnna_platform::tasks::TaskQuery;
use bnna_platform::views::PowerAction;
use bnna_store::Window;
use proxmox_sim::guests::GuestKind;
use proxmox_sim::tasks::{TaskFault, TaskFaultKind};

use crate::support::cluster;
use crate::support::{A, Site, actor, eventually, refused, vmid};

/// A task that starts a guest of an account.
async fn started(site: &Site) -> String {
    site.create("acme").await;
    site.a.with_state(|state| cluster::guest(state, 104, GuestKind::Qemu, "a2", Some("acme")));
    let order =
        PowerRequest { vmid: vmid(104), cluster: None, action: PowerAction::Start, timeout: None, force_stop: false };
    site.platform.power(&actor(), &Grant::internal(), order).await.unwrap().upid.unwrap()
}

#[tokio::test]
async fn a_task_that_was_started_here_is_listed_with_who_and_for_whom() {
    let site = Site::start().await;
    let upid = started(&site).await;
    for query in [
        TaskQuery::default(),
        TaskQuery { account: Some("acme".to_owned()), ..Default::default() },
        TaskQuery { vmid: Some(vmid(104)), cluster: Some(A.to_owned()), ..Default::default() },
    ] {
        let page = site.platform.tasks(query, Window::all()).await.unwrap();
        assert_eq!(page.items.iter().map(|task| task.upid.as_str()).collect::<Vec<_>>(), [upid.as_str()]);
    }
    let others = TaskQuery { vmid: Some(vmid(105)), ..Default::default() };
    assert!(site.platform.tasks(others, Window::all()).await.unwrap().items.is_empty());
    let unknown = TaskQuery { account: Some("nobody".to_owned()), ..Default::default() };
    assert_eq!(refused(site.platform.tasks(unknown, Window::all()).await).code(), "not_found");
}

#[tokio::test]
async fn the_end_of_a_task_is_kept_when_the_cluster_is_gone() {
    let site = Site::start().await;
    let upid = started(&site).await;
    eventually("the task ends", || async { site.platform.task(&upid, None).await.unwrap().ok }).await;
    let running = TaskQuery { running: Some(true), ..Default::default() };
    assert!(site.platform.tasks(running, Window::all()).await.unwrap().items.is_empty());
    let ended = site.platform.tasks(TaskQuery::default(), Window::all()).await.unwrap();
    assert_eq!(ended.items[0].exitstatus.as_deref(), Some("OK"));
    crate::support::down(&site.a);
    let task = site.platform.task(&upid, None).await.unwrap();
    assert_eq!((task.ok, task.cluster.as_deref()), (Some(true), Some(A)), "its end is known: nobody need be asked");
}

#[tokio::test]
async fn tasks_that_ended_unseen_do_not_stay_running_in_the_list() {
    let site = Site::start().await;
    let upid = started(&site).await;
    let ended = eventually("the list says that it ended", || async {
        let page = site.platform.tasks(TaskQuery::default(), Window::all()).await.unwrap();
        page.items.into_iter().find(|task| task.upid == upid && task.ok == Some(true))
    })
    .await;
    assert_eq!(ended.status, "stopped");
}

#[tokio::test]
async fn a_task_that_fails_says_why() {
    let site = Site::start().await;
    let fault = TaskFault {
        kind: Some("qmstart".to_owned()),
        id: None,
        times: 1,
        fault: TaskFaultKind::Fail("no space left".to_owned()),
    };
    site.a.with_state(|state| state.tasks.inject(fault));
    let upid = started(&site).await;
    let task = eventually("the task ends", || async {
        let task = site.platform.task(&upid, None).await.unwrap();
        task.ok.is_some().then_some(task)
    })
    .await;
    assert_eq!(
        (task.ok, task.exitstatus.as_deref(), task.status.as_str()),
        (Some(false), Some("no space left"), "stopped")
    );
}

#[tokio::test]
async fn a_task_that_somebody_else_started_is_found_on_its_cluster() {
    let site = Site::start().await;
    site.create("acme").await;
    site.b.with_state(|state| cluster::guest(state, 300, GuestKind::Qemu, "b1", Some("acme")));
    let alice = crate::support::tenant::Tenant::new(&site.b, "alice@pve", "acme");
    assert!(alice.can_start("b1", 300).await);
    let upid = site.b.with_state(|state| state.tasks.iter().last().unwrap().upid.to_string());
    let task = site.platform.task(&upid, None).await.unwrap();
    assert_eq!((task.kind.as_str(), task.cluster.as_deref()), ("qmstart", Some(crate::support::B)));
}

#[tokio::test]
async fn malformed_and_unknown_ids_are_told_apart() {
    let site = Site::start().await;
    assert_eq!(refused(site.platform.task("UPID:nonsense", None).await).code(), "invalid_upid");
    let unknown = "UPID:a1:00001000:00002000:60000000:qmstart:100:root@pam:";
    let error = refused(site.platform.task(unknown, None).await);
    assert_eq!(error.code(), "not_found", "{error}");
    assert_eq!(refused(site.platform.task(&uuid::Uuid::now_v7().to_string(), None).await).code(), "not_found");
}

#[tokio::test]
async fn an_operation_is_polled_where_tasks_are() {
    let site = Site::start().await;
    site.create("acme").await;
    let id = site.entry("accounts.create").await.operation_id.unwrap();
    let task = site.platform.task(&id.to_string(), None).await.unwrap();
    assert_eq!((task.kind.as_str(), task.ok, task.exitstatus.as_deref()), ("accounts.create", Some(true), Some("OK")));
}
