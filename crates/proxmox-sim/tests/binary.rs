//! The program `proxmox-sim` as people start it: each of its flags, read and driven from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use proxmox_client::pve::guests::{LxcOptions, MountPoint};
use proxmox_client::pve::lxc::CreateLxc;
use proxmox_client::pve::nodes::{Vzdump, VzdumpMode, VzdumpSelection, VzdumpStarted};
use proxmox_client::{Limits, Method, Params, Pbs, PoolId, Pve, Timeouts, Trust, Vmid, VolumeId, Wait};

const SECRET: &str = "5c1b1d0e-2f5e-4b55-9f0c-4e1d2a3b4c5d";

/// The program, with what it said until it was ready.
struct Running {
    child: Child,
    lines: Vec<String>,
    rest: std::sync::mpsc::Receiver<String>,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_proxmox-sim"))
            .args(["--port", "0", "--auth-delay", "0"])
            .args(args)
            .env("PROXMOX_SIM_SECRET", SECRET)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let (send, rest) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let mut running = Self { child, lines: Vec::new(), rest };
        loop {
            let line = running.rest.recv_timeout(Duration::from_secs(120)).expect("it says that it is ready");
            if line == "ready" {
                return running;
            }
            running.lines.push(line);
        }
    }

    /// The words after the first of a line that begins so.
    fn said(&self, first: &str) -> Vec<String> {
        let line = self.lines.iter().find(|line| line.split(' ').next() == Some(first)).expect(first);
        line.split(' ').skip(1).map(str::to_owned).collect()
    }

    fn pve(&self, node: &str) -> Pve {
        let said = self.said(node);
        Pve::builder()
            .address(said[0].trim_start_matches("https://"))
            .token("root@pam!lab", SECRET)
            .trust(Trust::pinned([said[1].as_str()]).unwrap())
            .limits(Limits { answer_bytes: 256 << 20, ..Limits::default() })
            .timeouts(Timeouts { total: Duration::from_secs(120), ..Timeouts::default() })
            .build()
            .unwrap()
    }

    /// Asks it to end, as a service manager does; the rest of what it said.
    fn end(mut self) -> (ExitStatus, Vec<String>) {
        let kill = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.child.id())).status().unwrap();
        assert!(kill.success());
        let status = self.child.wait().unwrap();
        (status, self.rest.iter().collect())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn guest(number: u64) -> Vmid {
    Vmid::new(number).unwrap()
}

fn quick() -> Wait {
    Wait::up_to(Duration::from_secs(60))
}

async fn container(pve: &Pve, node: &str, number: u64) {
    let template: VolumeId = "local:vztmpl/alpine-lab_3.21_amd64.tar.gz".parse().unwrap();
    let mut options = LxcOptions::default();
    options.set_hostname("box".to_owned()).set_memory(64).set_rootfs(MountPoint::allocate("local", 1));
    let create = CreateLxc::new(guest(number), template, options);
    pve.node(node).create_lxc(&create).await.unwrap().succeed(quick()).await.unwrap();
}

#[tokio::test]
async fn nodes_are_entry_points_of_one_cluster() {
    let running = Running::start(&["--nodes", "3", "--pve-version", "9.2.3"]);
    for node in ["pve1", "pve2", "pve3"] {
        let pve = running.pve(node);
        assert_eq!(pve.nodes().list().await.unwrap().len(), 3);
        assert_eq!(pve.version().await.unwrap().version, "9.2.3");
    }
    assert!(running.end().0.success());
}

#[tokio::test]
async fn a_hundred_thousand_guests_are_listed() {
    let running = Running::start(&["--nodes", "16", "--guests", "100000"]);
    let rows = running.pve("pve1").cluster().resources(None).await.unwrap();
    let guests = rows.iter().filter(|row| row.vmid.is_some()).count();
    assert_eq!(guests, 100_000);
    let of_node = running.pve("pve2").node("pve2").qemu_list().await.unwrap();
    assert!(of_node.len() > 4000, "{}", of_node.len());
    assert!(running.end().0.success());
}

#[tokio::test]
async fn speed_makes_hours_pass() {
    let running = Running::start(&["--speed", "100000"]);
    let pve = running.pve("pve1");
    let first = pve.node("pve1").time().await.unwrap().time;
    let later = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let now = pve.node("pve1").time().await.unwrap().time;
            if now >= first + 3600 {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    later.await.expect("an hour passes in far less than a minute");
    let stopped = Running::start(&["--speed", "0"]);
    let pve = stopped.pve("pve1");
    let first = pve.node("pve1").time().await.unwrap().time;
    for _ in 0..20 {
        assert_eq!(pve.node("pve1").time().await.unwrap().time, first, "a stopped clock stands");
    }
}

/// A dump as JSON, without what is of the time and place of one run.
fn comparable(path: &Path) -> serde_json::Value {
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    state.as_object_mut().unwrap().remove("clock");
    state
}

#[tokio::test]
async fn a_dump_is_a_seed_that_gives_the_same_state() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("first.json"), directory.path().join("second.json"));
    let running =
        Running::start(&["--nodes", "2", "--guests", "20", "--speed", "1000", "--dump", first.to_str().unwrap()]);
    let pve = running.pve("pve1");
    container(&pve, "pve1", 900).await;
    let pool: PoolId = "kept".parse().unwrap();
    pve.pools().create(&pool, Some("over a dump")).await.unwrap();
    let (status, rest) = running.end();
    assert!(status.success());
    assert_eq!(rest, [format!("saved {}", first.display())]);

    let again = ["--seed", first.to_str().unwrap(), "--speed", "0", "--dump", second.to_str().unwrap()];
    let running = Running::start(&again);
    let pve = running.pve("pve2");
    assert_eq!(pve.pools().get(&pool).await.unwrap().unwrap().comment.as_deref(), Some("over a dump"));
    let config = pve.lxc("pve1", guest(900)).config().await.unwrap();
    assert_eq!(config.options.hostname().as_deref(), Some("box"));
    assert!(running.end().0.success());
    assert_eq!(comparable(&first), comparable(&second));
}

#[tokio::test]
async fn a_state_file_is_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state.json");
    let args = ["--state", state.to_str().unwrap(), "--pbs-port", "0", "--speed", "1000"];
    let running = Running::start(&args);
    let fingerprint = running.said("pve1")[1].clone();
    let pve = running.pve("pve1");
    container(&pve, "pve1", 900).await;
    let backup = Vzdump {
        storage: Some("pbs".to_owned()),
        mode: Some(VzdumpMode::Stop),
        ..Vzdump::of(VzdumpSelection::Guests(vec![guest(900)]))
    };
    let VzdumpStarted::Task(task) = pve.node("pve1").vzdump(&backup).await.unwrap() else { panic!("it is on pve1") };
    task.succeed(quick()).await.unwrap();
    assert!(running.end().0.success());

    let running = Running::start(&args);
    assert_eq!(running.said("pve1")[1], fingerprint, "the certificate is kept");
    let pve = running.pve("pve1");
    assert_eq!(pve.lxc("pve1", guest(900)).config().await.unwrap().options.hostname().as_deref(), Some("box"));
    let content = pve.node("pve1").storage("pbs").content(&Default::default()).await.unwrap();
    assert_eq!(content.len(), 1, "the backup is still on the server: {content:?}");
    let said = running.said("backup-server");
    let server = Pbs::builder()
        .address(said[0].trim_start_matches("https://"))
        .token("root@pam!lab", SECRET)
        .trust(Trust::pinned([said[1].as_str()]).unwrap())
        .build()
        .unwrap();
    assert_eq!(server.datastores().list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_authority_that_it_writes_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let running = Running::start(&["--write-ca", file.to_str().unwrap()]);
    let pve = Pve::builder()
        .address(running.said("pve1")[0].trim_start_matches("https://"))
        .token("root@pam!lab", SECRET)
        .trust(Trust::CaFile(file))
        .build()
        .unwrap();
    pve.version().await.unwrap();
}

#[tokio::test]
async fn a_schema_file_verifies_what_is_not_simulated_and_answers_501_only_after_that() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("apidoc.json");
    let schema = serde_json::json!([{
        "path": "/nodes", "text": "nodes", "leaf": 0, "children": [{
            "path": "/nodes/{node}", "text": "{node}", "leaf": 0, "children": [{
                "path": "/nodes/{node}/novelty", "text": "novelty", "leaf": 1, "info": { "POST": {
                    "name": "novelty", "method": "POST", "allowtoken": 1, "proxyto": "node",
                    "permissions": { "check": ["perm", "/nodes/{node}", ["Sys.Modify"]] },
                    "parameters": { "additionalProperties": 0, "properties": {
                        "node": { "type": "string", "format": "pve-node" },
                        "count": { "type": "integer", "minimum": 1, "maximum": 5 },
                    } },
                    "returns": { "type": "null" },
                } },
            }],
        }],
    }]);
    std::fs::write(&file, schema.to_string()).unwrap();
    let running = Running::start(&["--schema", file.to_str().unwrap()]);
    let pve = running.pve("pve1");
    let ask = async |params: Params| {
        let answer = pve.call(Method::Post, "/nodes/{node}/novelty", &["pve1"], &params).await.unwrap_err();
        (answer.status(), answer.to_string())
    };
    let (status, text) = ask(Params::new()).await;
    assert!(status == Some(400) && text.contains("count: property is missing and it is not optional"), "{text}");
    let (status, text) = ask(Params::new().with("count", 9)).await;
    assert!(status == Some(400) && text.contains("value must have a maximum value of 5"), "{text}");
    let (status, text) = ask(Params::new().with("count", 2).with("x", 1)).await;
    assert!(status == Some(400) && text.contains("property is not defined in schema"), "{text}");
    let (status, text) = ask(Params::new().with("count", 2)).await;
    assert!(status == Some(501) && text.contains("not implemented"), "{text}");
    let plain =
        Running::start(&[]).pve("pve1").call(Method::Post, "/nodes/{node}/novelty", &["pve1"], &Params::new()).await;
    assert!(plain.is_err());
}

#[test]
fn what_it_cannot_do_it_says_and_fails() {
    for (args, words) in [
        (["--seed", "/nonexistent"].as_slice(), "error:"),
        (["--guests", "100001"].as_slice(), "100001 is not in 0..=100000"),
        (["--nodes", "0"].as_slice(), "0 is not in 1..=64"),
        (["--schema", "/nonexistent"].as_slice(), "cannot read schema /nonexistent"),
        (["--speed", "fast"].as_slice(), "a number from 0 to 1000000"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_proxmox-sim")).args(["--port", "0"]).args(args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(words), "{args:?}: {text}");
    }
}
