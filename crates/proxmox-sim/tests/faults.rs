//! Every fault, from code and by the simulator's own port, seen by a client: one table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use proxmox_client::error::{CertificateProblem, MaybeSent, NeverSent, Unreadable};
use proxmox_client::pve::guests::{LxcOptions, MountPoint};
use proxmox_client::pve::lxc::CreateLxc;
use proxmox_client::{Error, Limits, Method, Params, Pve, TaskOutcome, Timeouts, Trust, Vmid, Wait};
use proxmox_sim::guests::GuestKind;
use proxmox_sim::tasks::{TaskFault, TaskFaultKind};
use proxmox_sim::{Cluster, Endless, FaultKind, FaultRule, Sim, SimBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECRET: &str = "01234567-89ab-cdef-0123-456789abcdef";

async fn start() -> Sim {
    let mut cluster = Cluster::fresh(&["pve1", "pve2"]);
    cluster.add_guest(100, GuestKind::Qemu, "pve1", Default::default(), 0);
    SimBuilder::from_state(cluster).root_token("lab", Some(SECRET)).admin_port(0).start().await.unwrap()
}

/// A client of the first node that does not ask twice.
fn client(sim: &Sim) -> Pve {
    patient(sim, Timeouts::default().total)
}

/// One that waits so long for an answer.
fn patient(sim: &Sim, total: Duration) -> Pve {
    Pve::builder()
        .address(sim.address("pve1").unwrap().to_string())
        .token("root@pam!lab", SECRET)
        .trust(Trust::pinned([sim.fingerprint("pve1").unwrap().as_str()]).unwrap())
        .timeouts(Timeouts { total, ..Timeouts::default() })
        .limits(Limits { answer_bytes: 256 * 1024, ..Limits::default() })
        .build()
        .unwrap()
}

/// How a fault is made.
#[derive(Clone, Copy, Debug)]
enum By {
    Code,
    Port,
}

async fn ask(sim: &Sim, path: &str, body: &Value) {
    let mut stream = tokio::net::TcpStream::connect(sim.admin_address().unwrap()).await.unwrap();
    let body = body.to_string();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{path} {body}: {answer}");
}

async fn inject(sim: &Sim, by: By, kind: FaultKind, json: Value) {
    match by {
        By::Code => sim.inject(FaultRule::always(kind).on("POST", "/pools")),
        By::Port => ask(sim, "/faults", &json!({ "method": "POST", "path_prefix": "/pools", "kind": json })).await,
    }
}

#[tokio::test]
async fn wire_faults_are_what_the_client_calls_them() {
    type Seen = fn(&Error) -> bool;
    let table: Vec<(FaultKind, Value, Seen)> = vec![
        (FaultKind::Latency(Duration::from_secs(30)), json!({ "latency": 30.0 }), |error| {
            matches!(error, Error::MaybeSent { cause: MaybeSent::Timeout(_), .. })
        }),
        (FaultKind::ResetBeforeRead, json!("reset-before-read"), |error| matches!(error, Error::MaybeSent { .. })),
        (FaultKind::ResetAfterRead, json!("reset-after-read"), |error| matches!(error, Error::MaybeSent { .. })),
        (FaultKind::ResetAfterDone, json!("reset-after-done"), |error| matches!(error, Error::MaybeSent { .. })),
        (FaultKind::TruncatedBody, json!("truncated-body"), |error| {
            matches!(error, Error::MaybeSent { cause: MaybeSent::Truncated(_) | MaybeSent::Broken(_), .. })
        }),
        (FaultKind::WrongContentType, json!("wrong-content-type"), |error| match error {
            // It is JSON, and says that it is not.
            Error::Unreadable { cause: Unreadable::NotJson { content_type, start }, .. } => {
                content_type == "text/html" && start.starts_with('{')
            }
            _ => false,
        }),
        (FaultKind::Endless(Endless::Rows), json!({ "endless": "rows" }), |error| {
            matches!(error, Error::Unreadable { cause: Unreadable::TooLarge { .. }, .. })
        }),
        (FaultKind::Endless(Endless::Junk), json!({ "endless": "junk" }), |error| {
            matches!(error, Error::Unreadable { cause: Unreadable::TooLarge { .. }, .. })
        }),
        (FaultKind::Html, json!("html"), |error| {
            matches!(error, Error::Unreadable { cause: Unreadable::NotJson { .. }, .. })
        }),
        (FaultKind::Status(595, "No route to host".into()), json!({ "status": [595, "No route to host"] }), |error| {
            matches!(error, Error::MaybeSent { cause: MaybeSent::Relay { .. }, .. })
        }),
        (FaultKind::Status(596, "Broken pipe".into()), json!({ "status": [596, "Broken pipe"] }), |error| {
            matches!(error, Error::MaybeSent { cause: MaybeSent::Relay { .. }, .. })
        }),
    ];
    for (kind, json, seen) in table {
        for by in [By::Code, By::Port] {
            let sim = start().await;
            inject(&sim, by, kind.clone(), json.clone()).await;
            let pool = Params::new().with("poolid", "lab");
            let pve = match kind {
                FaultKind::Latency(_) => patient(&sim, Duration::from_secs(2)),
                _ => client(&sim),
            };
            let error = pve.call(Method::Post, "/pools", &[], &pool).await.unwrap_err();
            assert!(seen(&error), "{kind:?} by {by:?}: {error:?}");
            let done = sim.with_state(|cluster| cluster.pools.contains_key("lab"));
            let carried_out = matches!(
                kind,
                FaultKind::ResetAfterDone
                    | FaultKind::TruncatedBody
                    | FaultKind::WrongContentType
                    | FaultKind::Latency(_)
            );
            assert!(!done || carried_out, "{kind:?}: nothing may be done");
            if matches!(kind, FaultKind::ResetAfterDone | FaultKind::TruncatedBody | FaultKind::WrongContentType) {
                assert!(done, "{kind:?}: it is done, only its answer is lost");
            }
        }
    }
}

#[tokio::test]
async fn a_node_that_refuses_connections_was_never_asked() {
    for by in [By::Code, By::Port] {
        let sim = start().await;
        match by {
            By::Code => sim.inject(FaultRule::always(FaultKind::Refuse).on_node("pve1")),
            By::Port => ask(&sim, "/faults", &json!({ "node": "pve1", "kind": "refuse" })).await,
        }
        let error = client(&sim).version().await.unwrap_err();
        assert!(matches!(error, Error::NeverSent { .. }), "{by:?}: {error:?}");
    }
}

#[tokio::test]
async fn tasks_fail_die_and_hang_on_demand() {
    let faults = [
        (TaskFaultKind::Fail("out of luck".into()), json!({ "fail": "out of luck" })),
        (TaskFaultKind::Die, json!("die")),
        (TaskFaultKind::Hang, json!("hang")),
    ];
    for (fault, json) in faults {
        for by in [By::Code, By::Port] {
            let sim = start().await;
            let (kind, id) = (Some("qmstart".to_owned()), Some("100".to_owned()));
            match by {
                By::Code => sim.with_state(|cluster| {
                    cluster.tasks.inject(TaskFault { kind, id, times: 1, fault: fault.clone() });
                }),
                By::Port => {
                    ask(&sim, "/task-faults", &json!({ "kind": kind, "id": id, "times": 1, "fault": json })).await;
                }
            }
            let pve = client(&sim);
            let machine = pve.qemu("pve1", Vmid::new(100).unwrap());
            let task = machine.start(&Default::default()).await.unwrap();
            ask(&sim, "/clock", &json!({ "advance": 600.0 })).await;
            let status = task.status().await.unwrap();
            match fault {
                TaskFaultKind::Fail(_) => {
                    assert!(
                        matches!(status.outcome(), Some(TaskOutcome::Failed(text)) if text == "out of luck"),
                        "{status:?}"
                    );
                }
                TaskFaultKind::Die => {
                    let outcome = format!("{:?}", status.outcome());
                    assert!(outcome.contains("unexpected status"), "{outcome}");
                }
                TaskFaultKind::Hang => {
                    assert!(status.outcome().is_none(), "it runs: {status:?}");
                    task.stop().await.unwrap();
                    assert!(task.status().await.unwrap().outcome().is_some());
                }
            }
            assert!(
                !sim.with_state(|cluster| cluster.guests.get(100).unwrap().is_running()),
                "{fault:?}: nothing was done"
            );
        }
    }
}

#[tokio::test]
async fn a_lock_that_is_held_keeps_changes_out_until_it_is_let_go() {
    for by in [By::Code, By::Port] {
        let sim = start().await;
        let set = async |lock: Option<&str>| match by {
            By::Code => assert!(sim.with_state(|cluster| cluster.hold_lock(100, lock))),
            By::Port => ask(&sim, "/guests/100", &json!({ "lock": lock })).await,
        };
        let pve = client(&sim);
        let machine = pve.qemu("pve1", Vmid::new(100).unwrap());
        set(Some("backup")).await;
        let task = machine.start(&Default::default()).await.unwrap();
        let failed = task.succeed(Wait::up_to(Duration::from_secs(30))).await.unwrap_err();
        assert!(failed.to_string().contains("VM is locked (backup)"), "{failed}");
        set(None).await;
        machine.start(&Default::default()).await.unwrap().succeed(Wait::up_to(Duration::from_secs(30))).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_offline_is_relayed_to_in_vain_and_comes_back() {
    for by in [By::Code, By::Port] {
        let sim = start().await;
        let set = async |online: bool| match by {
            By::Code => sim.with_state(|cluster| cluster.set_node_online("pve2", online)),
            By::Port => ask(&sim, "/nodes/pve2", &json!({ "online": online })).await,
        };
        set(false).await;
        let error = client(&sim).node("pve2").time().await.unwrap_err();
        assert!(matches!(&error, Error::MaybeSent { cause: MaybeSent::Relay { .. }, .. }), "{error:?}");
        set(true).await;
        client(&sim).node("pve2").time().await.unwrap();
    }
}

#[tokio::test]
async fn without_quorum_writes_are_refused_and_reads_go_on() {
    for by in [By::Code, By::Port] {
        let sim = start().await;
        match by {
            By::Code => sim.with_state(|cluster| cluster.nodes.quorum_lost = true),
            By::Port => ask(&sim, "/quorum", &json!({ "lost": true })).await,
        }
        let pve = client(&sim);
        let error = pve.pools().create(&"lab".parse().unwrap(), None).await.unwrap_err();
        assert!(error.refusal().unwrap().text().contains("no quorum"), "{error}");
        assert!(pve.pools().list().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_full_storage_fails_what_needs_space() {
    for by in [By::Code, By::Port] {
        let sim = start().await;
        match by {
            By::Code => assert!(sim.with_state(|cluster| cluster.leave_free("local", "pve1", 0))),
            By::Port => ask(&sim, "/storages/local", &json!({ "node": "pve1", "free": 0 })).await,
        }
        let pve = client(&sim);
        let mut options = LxcOptions::default();
        options.set_hostname("box".to_owned()).set_rootfs(MountPoint::allocate("local", 1));
        let template = "local:vztmpl/alpine-lab_3.21_amd64.tar.gz".parse().unwrap();
        let create = CreateLxc::new(Vmid::new(200).unwrap(), template, options);
        let task = pve.node("pve1").create_lxc(&create).await.unwrap();
        let failed = task.succeed(Wait::up_to(Duration::from_secs(30))).await.unwrap_err();
        assert!(failed.to_string().contains("No space left on device"), "{failed}");
        assert!(pve.node("pve1").lxc_list().await.unwrap().is_empty(), "nothing is left of it");
    }
}

#[tokio::test]
async fn a_changed_certificate_is_no_longer_the_pinned_one() {
    for by in [By::Code, By::Port] {
        let sim = start().await;
        let pve = client(&sim);
        match by {
            By::Code => sim.renew_certificate("pve1").unwrap(),
            By::Port => ask(&sim, "/nodes/pve1", &json!({ "renew_certificate": true })).await,
        }
        let error = pve.version().await.unwrap_err();
        let fingerprint = |error: &Error| {
            matches!(
                error,
                Error::NeverSent { cause: NeverSent::Certificate(CertificateProblem::Fingerprint { .. }), .. }
            )
        };
        assert!(fingerprint(&error), "{by:?}: {error:?}");
        client(&sim).version().await.unwrap();
    }
}
