//! Waiting for tasks, on servers whose answers get lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use proxmox_client::error::TaskError;
use proxmox_client::{Error, TaskOutcome, Upid, Wait, tasks};
use serde_json::{Value, json};
use server::{Reply, Server, answer, data};

fn upid(id: u32) -> Upid {
    format!("UPID:pve1:0000B1E5:000002C3:69286A6F:qmstart:{id}:root@pam:").parse().unwrap()
}

fn status(exit: Option<&str>) -> Value {
    let mut status = json!({
        "upid": upid(100), "node": "pve1", "pid": 1, "pstart": 2, "starttime": 3, "type": "qmstart", "id": "100",
        "user": "root@pam", "status": if exit.is_some() { "stopped" } else { "running" }
    });
    if let Some(exit) = exit.filter(|exit| !exit.is_empty()) {
        status["exitstatus"] = json!(exit);
    }
    status
}

fn quick() -> Wait {
    Wait::up_to(Duration::from_secs(60)).every(Duration::from_millis(1), Duration::from_millis(2))
}

/// Answers with each reply in turn, the last for good.
async fn in_turn(replies: Vec<fn() -> Reply>) -> Server {
    let turn = Arc::new(AtomicUsize::new(0));
    Server::start(move |_| {
        let at = turn.fetch_add(1, Ordering::SeqCst);
        replies[at.min(replies.len() - 1)]()
    })
    .await
}

#[tokio::test]
async fn a_lost_connection_is_not_a_failed_task() {
    let server = in_turn(vec![
        || data(status(None)),
        || Reply::Close,
        || Reply::Close,
        || answer(596, "Connection timed out", ""),
        || answer(500, "proxy is restarting", r#"{"data":null}"#),
        || Reply::RawThenClose(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{".to_vec()),
        || data(status(Some(""))),
        || data(status(Some("WARNINGS: 2"))),
    ])
    .await;
    let outcome = server.pve().task(upid(100)).succeed(quick()).await.unwrap();
    assert_eq!(outcome, TaskOutcome::Warnings(2));
}

#[tokio::test]
async fn an_unknown_task_ends_the_waiting() {
    let server =
        in_turn(vec![|| answer(400, "Parameter verification failed.", r#"{"errors":{"upid":"no such task"}}"#)]).await;
    let error = server.pve().task(upid(100)).wait(quick()).await.unwrap_err();
    assert!(error.is_missing(), "{error}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_failed_task_shows_the_end_of_its_log() {
    let server = Server::start(|request| match request.target.contains("/log") {
        true => {
            let start: usize =
                request.target.split("start=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
            let limit: usize = request.target.split("limit=").nth(1).unwrap().parse().unwrap();
            let lines: Vec<Value> = (start..(start + limit).min(1200))
                .map(|n| json!({"n": n + 1, "t": format!("line {}", n + 1)}))
                .collect();
            answer(200, "OK", &json!({"data": lines, "total": 1200}).to_string())
        }
        false => data(status(Some("start failed: exit code 1"))),
    })
    .await;
    let task = server.pve().task(upid(100));
    let error = task.succeed(quick()).await.unwrap_err();
    let Error::Task(task_error) = &error else { panic!("{error}") };
    let TaskError::Failed { text, log_tail, .. } = task_error.as_ref() else { panic!("{error}") };
    assert_eq!(text, "start failed: exit code 1");
    assert_eq!(log_tail, &["line 1196", "line 1197", "line 1198", "line 1199", "line 1200"]);
    let lines: Vec<_> = task.log_lines(0).try_collect().await.unwrap();
    assert_eq!((lines.len(), lines[1199].number), (1200, 1200));
}

#[tokio::test]
async fn an_empty_log_has_no_lines() {
    let server = Server::start(|_| answer(200, "OK", r#"{"data":[{"n":1,"t":"no content"}],"total":1}"#)).await;
    assert!(server.pve().task(upid(100)).log(0, 50).await.unwrap().lines.is_empty());
}

#[tokio::test]
async fn the_deadline_names_the_task() {
    let server = Server::start(|_| data(status(None))).await;
    let wait = Wait::up_to(Duration::from_millis(30)).every(Duration::from_millis(1), Duration::from_millis(5));
    let error = server.pve().task(upid(100)).wait(wait).await.unwrap_err();
    assert!(error.to_string().contains(upid(100).as_str()), "{error}");
    assert!(matches!(error, Error::Task(task) if matches!(*task, TaskError::Deadline { .. })));
}

#[tokio::test]
async fn a_task_that_never_says_how_it_ended_is_an_error() {
    let server = Server::start(|_| data(status(Some("")))).await;
    let error = server.pve().task(upid(100)).wait(quick()).await.unwrap_err();
    assert!(matches!(error, Error::Task(task) if matches!(*task, TaskError::NoExitStatus { .. })));
}

#[tokio::test]
async fn many_tasks_cost_one_call_a_round() {
    let rounds = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&rounds);
    let server = Server::start(move |request| {
        if !request.target.ends_with("/cluster/tasks") {
            // Only the one that is not listed is asked for by itself.
            assert!(request.target.contains("%3A149%3A"), "{}", request.target);
            return data(status(Some("OK")));
        }
        let round = counter.fetch_add(1, Ordering::SeqCst);
        let rows: Vec<Value> = (100..149u32)
            .map(|id| {
                let mut row = json!({"upid": upid(id), "node": "pve1", "type": "qmstart", "id": id.to_string(), "user": "root@pam", "starttime": 3});
                if (id as usize - 100) / 20 <= round {
                    row["endtime"] = json!(9);
                    row["status"] = json!(if id == 120 { "it broke" } else { "OK" });
                }
                row
            })
            .collect();
        data(json!(rows))
    })
    .await;
    let all: Vec<Upid> = (100..150).map(upid).collect();
    let done = tasks::wait_all(&server.pve(), &all, quick()).await;
    assert_eq!(done.len(), 50);
    assert!(done.values().filter(|result| matches!(result, Ok(TaskOutcome::Ok))).count() == 49);
    assert_eq!(done[&upid(120)].as_ref().unwrap(), &TaskOutcome::Failed("it broke".to_owned()));
    assert_eq!((rounds.load(Ordering::SeqCst), server.count()), (3, 4));
}

#[tokio::test]
async fn pbs_tasks_are_asked_of_localhost() {
    let id = r"UPID:pbs1:0000020C:000005B9:00000004:69286A6F:verify:ds1\x3av\x2d1:root@pam!lab:";
    let server = Server::start(move |_| {
        data(json!({"upid": id, "node": "pbs1", "pid": 1, "pstart": 1, "starttime": 1, "type": "verify", "id": null,
            "user": "root@pam", "status": "stopped", "exitstatus": "OK"}))
    })
    .await;
    assert_eq!(server.pbs().task(id.parse().unwrap()).wait(quick()).await.unwrap(), TaskOutcome::Ok);
    assert!(server.requests()[0].target.starts_with("/api2/json/nodes/localhost/tasks/UPID%3Apbs1"));
    assert!(server.requests()[0].target.contains("%5Cx3av"));
}
