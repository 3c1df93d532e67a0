//! What real servers do that clients get wrong, one test each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::time::Duration;

use proxmox_client::permissions::AclEntry;
use proxmox_client::pve::access::tokens::CreateToken;
use proxmox_client::pve::access::users::CreateUser;
use proxmox_client::pve::guests::{LxcOptions, MountPoint};
use proxmox_client::pve::lxc::CreateLxc;
use proxmox_client::pve::nodes::{TaskFilter, Vzdump, VzdumpMode, VzdumpSelection, VzdumpStarted};
use proxmox_client::{Error, Method, Params, Pve, TaskHandle, TokenId, Trust, UserId, Vmid, Wait};
use proxmox_sim::state::Clock;
use proxmox_sim::{Cluster, Sim, SimBuilder};

const SECRET: &str = "01234567-89ab-cdef-0123-456789abcdef";

async fn start() -> Sim {
    let builder = SimBuilder::from_state(Cluster::fresh(&["pve1", "pve2"])).clock(Clock::with_speed(100.0));
    builder.root_token("lab", Some(SECRET)).start().await.unwrap()
}

fn client(sim: &Sim, node: &str, token: &str, secret: &str) -> Pve {
    Pve::builder()
        .address(sim.address(node).unwrap().to_string())
        .token(token, secret.to_owned())
        .trust(Trust::pinned([sim.fingerprint(node).unwrap().as_str()]).unwrap())
        .build()
        .unwrap()
}

fn root(sim: &Sim) -> Pve {
    client(sim, "pve1", "root@pam!lab", SECRET)
}

fn guest(number: u64) -> Vmid {
    Vmid::new(number).unwrap()
}

fn quick() -> Wait {
    Wait::up_to(Duration::from_secs(60)).every(Duration::from_millis(10), Duration::from_millis(50))
}

async fn container(pve: &Pve, number: u64) {
    let mut options = LxcOptions::default();
    options.set_hostname(format!("ct{number}")).set_memory(64).set_rootfs(MountPoint::allocate("local", 1));
    let template = "local:vztmpl/alpine-lab_3.21_amd64.tar.gz".parse().unwrap();
    let create = CreateLxc::new(guest(number), template, options);
    pve.node("pve1").create_lxc(&create).await.unwrap().succeed(quick()).await.unwrap();
}

/// A user with a token that has what the user has, and roles on paths.
async fn tenant(sim: &Sim, name: &str, roles: &[(&str, &str)]) -> Pve {
    let pve = root(sim);
    let user: UserId = format!("{name}@pve").parse().unwrap();
    let token = TokenId::new(user.clone(), "job").unwrap();
    pve.access().create_user(&CreateUser::new(user.clone())).await.unwrap();
    let made = pve
        .access()
        .create_token(&token, &CreateToken { privsep: Some(false), ..CreateToken::default() })
        .await
        .unwrap();
    for (path, role) in roles {
        let entry = AclEntry {
            path: path.parse().unwrap(),
            subject: user.clone().into(),
            role: (*role).to_owned(),
            propagate: true,
        };
        pve.access().grant(&entry).await.unwrap();
    }
    client(sim, "pve1", &token.to_string(), made.value.expose())
}

fn backup(number: u64) -> Vzdump {
    Vzdump {
        storage: Some("local".to_owned()),
        mode: Some(VzdumpMode::Stop),
        ..Vzdump::of(VzdumpSelection::Guests(vec![guest(number)]))
    }
}

async fn backed_up(pve: &Pve, node: &str, number: u64) -> Option<TaskHandle> {
    match pve.node(node).vzdump(&backup(number)).await.unwrap() {
        VzdumpStarted::Task(task) => Some(task),
        VzdumpStarted::NothingHere => None,
    }
}

#[tokio::test]
async fn a_backup_of_a_foreign_guest_is_accepted_and_fails_in_its_task() {
    let sim = start().await;
    container(&root(&sim), 200).await;
    let ann = tenant(&sim, "ann", &[("/storage/local", "PVEDatastoreAdmin"), ("/vms/300", "PVEVMAdmin")]).await;
    let task = backed_up(&ann, "pve1", 200).await.expect("it is accepted");
    let Err(Error::Task(failed)) = task.succeed(quick()).await else { panic!("it may not succeed") };
    let log = root(&sim).task(task.upid().clone()).log(0, 500).await.unwrap();
    let text: Vec<&str> = log.lines.iter().map(|line| line.text.as_str()).collect();
    let words = "Permission check failed (/vms/200, VM.Backup)";
    assert!(failed.to_string().contains(words) || text.iter().any(|line| line.contains(words)), "{failed} {text:?}");
}

#[tokio::test]
async fn the_wrong_node_says_ok_to_a_backup_and_does_nothing() {
    let sim = start().await;
    container(&root(&sim), 200).await;
    assert!(backed_up(&root(&sim), "pve2", 200).await.is_none(), "bare OK, no task");
    assert!(backed_up(&root(&sim), "pve1", 200).await.is_some());
}

#[tokio::test]
async fn a_guest_on_another_node_is_a_500() {
    let sim = start().await;
    container(&root(&sim), 200).await;
    let error = root(&sim).lxc("pve2", guest(200)).config().await.unwrap_err();
    assert_eq!(error.status(), Some(500));
    assert_eq!(error.refusal().unwrap().text(), "Configuration file 'nodes/pve2/lxc/200.conf' does not exist");
}

#[tokio::test]
async fn the_next_id_is_promised_to_nobody() {
    let sim = start().await;
    let pve = root(&sim);
    let (first, second) = (pve.cluster().next_id().await.unwrap(), pve.cluster().next_id().await.unwrap());
    assert_eq!(first, second);
    let raw = pve.call(Method::Get, "/cluster/nextid", &[], &Params::new()).await.unwrap();
    assert_eq!(raw, serde_json::json!(first.to_string()), "and it is a text");
}

#[tokio::test]
async fn a_token_of_root_is_not_root() {
    let sim = start().await;
    let pve = root(&sim);
    let command = Params::new().with("features", "fuse=1");
    container(&pve, 200).await;
    let error = pve.call(Method::Put, "/nodes/{node}/lxc/{vmid}/config", &["pve1", "200"], &command).await.unwrap_err();
    assert_eq!(error.status(), Some(403), "{error}");
    assert!(error.to_string().contains("root@pam"), "{error}");
}

#[tokio::test]
async fn tasks_are_seen_by_who_started_them_and_by_auditors() {
    let sim = start().await;
    let pve = root(&sim);
    container(&pve, 200).await;
    let ann = tenant(&sim, "ann", &[("/vms", "PVEVMUser")]).await;
    let ben = tenant(&sim, "ben", &[("/vms", "PVEVMUser")]).await;
    let task = ann.lxc("pve1", guest(200)).start(Default::default()).await.unwrap();
    task.succeed(quick()).await.unwrap();
    let listed = async |pve: &Pve| {
        let rows = pve.node("pve1").tasks(&TaskFilter::default()).await.unwrap();
        rows.iter().any(|row| row.upid == *task.upid())
    };
    assert!(listed(&ann).await && listed(&pve).await);
    assert!(!listed(&ben).await, "somebody else's task is not listed");
    assert_eq!(ben.task(task.upid().clone()).status().await.unwrap_err().status(), Some(403));
}

#[tokio::test]
async fn volumes_of_others_are_hidden_in_listings() {
    let sim = start().await;
    container(&root(&sim), 200).await;
    container(&root(&sim), 201).await;
    let ann = tenant(&sim, "ann", &[("/vms/200", "PVEVMAdmin"), ("/storage/local", "PVEDatastoreUser")]).await;
    let seen = async |pve: &Pve| -> BTreeSet<u64> {
        let rows = pve.node("pve1").storage("local").content(&Default::default()).await.unwrap();
        rows.iter().filter_map(|row| row.vmid).collect()
    };
    assert_eq!(seen(&root(&sim)).await, BTreeSet::from([200, 201]));
    assert_eq!(seen(&ann).await, BTreeSet::from([200]));
}

#[tokio::test]
async fn one_backup_at_a_time_runs_on_a_node() {
    let sim = SimBuilder::from_state(Cluster::fresh(&["pve1", "pve2"]))
        .root_token("lab", Some(SECRET))
        .start()
        .await
        .unwrap();
    let pve = root(&sim);
    let pass = |seconds| sim.with_state(|cluster| cluster.clock.advance(Duration::from_secs(seconds)));
    sim.with_state(|cluster| cluster.clock.set_speed(100.0));
    container(&pve, 200).await;
    container(&pve, 201).await;
    sim.with_state(|cluster| cluster.clock.set_speed(0.0));
    let first = backed_up(&pve, "pve1", 200).await.unwrap();
    let second = backed_up(&pve, "pve1", 201).await.unwrap();
    let running = async |task: &TaskHandle| task.status().await.unwrap().outcome().is_none();
    assert!(running(&first).await && running(&second).await);
    let log = second.log(0, 500).await.unwrap();
    let waits = log.lines.iter().any(|line| line.text.contains("trying to get global lock - waiting"));
    assert!(waits, "{:?}", log.lines);
    let mut ends = Vec::new();
    for _ in 0..10_000 {
        pass(1);
        for (name, task) in [("first", &first), ("second", &second)] {
            if !ends.contains(&name) && !running(task).await {
                ends.push(name);
            }
        }
        if ends.len() == 2 {
            break;
        }
    }
    assert_eq!(ends, ["first", "second"]);
}

/// The keys of the first object in a text, in their order.
fn keys(text: &str) -> Vec<String> {
    let row = text.split_once('{').and_then(|(_, rest)| rest.split_once('{')).map_or("", |(_, rest)| rest);
    let row = row.split('}').next().unwrap_or_default();
    row.split("\",\"").filter_map(|pair| pair.split('"').find(|part| !part.is_empty())).map(str::to_owned).collect()
}

#[tokio::test]
async fn keys_and_lists_come_in_no_order() {
    let sim = start().await;
    for number in 300..312 {
        container(&root(&sim), number).await;
    }
    let http = raw_client(&sim);
    let url = format!("{}/api2/json/nodes/pve1/lxc", sim.url("pve1").unwrap());
    let (mut key_orders, mut row_orders) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..20 {
        let text = http_get(&http, &url).await;
        let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
        let vmids: Vec<u64> =
            rows["data"].as_array().unwrap().iter().map(|row| row["vmid"].as_u64().unwrap()).collect();
        row_orders.insert(vmids);
        key_orders.insert(keys(&text));
    }
    assert!(row_orders.len() > 1, "the rows were always in the same order");
    assert!(key_orders.len() > 1, "the keys were always in the same order");
}

#[tokio::test]
async fn numbers_are_texts_where_the_real_server_writes_texts() {
    let sim = start().await;
    let pve = root(&sim);
    container(&pve, 200).await;
    let create = Params::new().with("vmid", 201).with("memory", 64).with("cores", 1);
    let task = pve.call(Method::Post, "/nodes/{node}/qemu", &["pve1"], &create).await.unwrap();
    pve.task(task.as_str().unwrap().parse().unwrap()).succeed(quick()).await.unwrap();
    let vm = pve.call(Method::Get, "/nodes/{node}/qemu/{vmid}/config", &["pve1", "201"], &Params::new()).await.unwrap();
    assert!(vm["memory"].is_string() && vm["cores"].is_number(), "{vm}");
    let ct = pve.call(Method::Get, "/nodes/{node}/lxc/{vmid}/config", &["pve1", "200"], &Params::new()).await.unwrap();
    assert!(ct["memory"].is_number(), "{ct}");
    let status = pve.call(Method::Get, "/nodes/{node}/status", &["pve1"], &Params::new()).await.unwrap();
    assert!(status["loadavg"][0].is_string() && status["cpuinfo"]["mhz"].is_string(), "{status}");
}

struct RawClient {
    connector: tokio_rustls::TlsConnector,
}

fn raw_client(sim: &Sim) -> RawClient {
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(sim.authority().as_bytes()).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    RawClient { connector: std::sync::Arc::new(config).into() }
}

/// The body of a GET as it came.
async fn http_get(client: &RawClient, url: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (host, path) = url.trim_start_matches("https://").split_once('/').unwrap();
    let stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut stream = client.connector.connect(name, stream).await.unwrap();
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: x\r\nAuthorization: PVEAPIToken=root@pam!lab={SECRET}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn version_8_has_groups_where_9_has_rules() {
    let of_version = async |version: &str| {
        let builder = SimBuilder::from_state(Cluster::fresh(&["pve1"])).version(version);
        builder.root_token("lab", Some(SECRET)).start().await.unwrap()
    };
    let group = Params::new().with("group", "near").with("nodes", "pve1:2");
    let old = of_version("8.4.1").await;
    let pve = root(&old);
    pve.call(Method::Post, "/cluster/ha/groups", &[], &group).await.unwrap();
    let groups = pve.cluster().ha_groups().await.unwrap();
    assert_eq!((groups[0].group.as_str(), groups[0].nodes.first().map(String::as_str)), ("near", Some("pve1:2")));
    for (method, path) in [(Method::Get, "/cluster/ha/rules"), (Method::Post, "/cluster/sdn/lock")] {
        let error = pve.call(method, path, &[], &Params::new()).await.unwrap_err();
        assert_eq!(error.status(), Some(501), "{path}: {error}");
    }

    let new = of_version("9.1.6").await;
    let error = root(&new).call(Method::Post, "/cluster/ha/groups", &[], &group).await.unwrap_err();
    let words = "cannot create group: ha groups have been migrated to rules";
    assert_eq!(error.refusal().unwrap().text(), words);
    assert!(root(&new).cluster().ha_rules(&Default::default()).await.unwrap().is_empty());
}
