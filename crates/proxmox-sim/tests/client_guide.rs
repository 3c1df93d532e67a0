//! The jobs of proxmox-client's guide, each done against the simulator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use proxmox_client::error::{CertificateProblem, NeverSent, TaskError};
use proxmox_client::permissions::{Access, AclEntry, AclSubject, Dialect, User};
use proxmox_client::pve::access::acl::PermissionQuery;
use proxmox_client::pve::access::tokens::CreateToken;
use proxmox_client::pve::access::users::{CreateUser, UserFilter};
use proxmox_client::pve::cluster::ResourceKind;
use proxmox_client::pve::guests::{LxcNet, LxcOptions, MountPoint, QemuOptions};
use proxmox_client::pve::lxc::{CreateLxc, DestroyLxc, RestoreLxc, StopLxc};
use proxmox_client::pve::nodes::content::ContentFilter;
use proxmox_client::pve::nodes::{Vzdump, VzdumpMode, VzdumpSelection, VzdumpStarted};
use proxmox_client::pve::pools::{FromOtherPool, Members};
use proxmox_client::pve::qemu::{CreateQemu, StartQemu};
use proxmox_client::{AclPath, Error, PoolId, Pve, Switch, TaskOutcome, TokenId, Trust, UserId, Vmid, Wait, tasks};
use proxmox_sim::{Cluster, Sim, SimBuilder};

const SECRET: &str = "01234567-89ab-cdef-0123-456789abcdef";

async fn start() -> Sim {
    SimBuilder::from_state(Cluster::fresh(&["pve1", "pve2"])).root_token("lab", Some(SECRET)).start().await.unwrap()
}

fn client_as(sim: &Sim, token: &str, secret: &str) -> Pve {
    let mut builder = Pve::builder().token(token, secret.to_owned());
    let mut pins = Vec::new();
    for node in ["pve1", "pve2"] {
        builder = builder.address(sim.address(node).unwrap().to_string());
        pins.push(sim.fingerprint(node).unwrap().parse().unwrap());
    }
    builder.trust(Trust::Pinned(pins)).build().unwrap()
}

fn root(sim: &Sim) -> Pve {
    client_as(sim, "root@pam!lab", SECRET)
}

fn quick() -> Wait {
    Wait::up_to(Duration::from_secs(120)).every(Duration::from_millis(20), Duration::from_millis(200))
}

fn guest(number: u64) -> Vmid {
    Vmid::new(number).unwrap()
}

async fn container(pve: &Pve, vmid: Vmid) {
    let mut options = LxcOptions::default();
    options.set_hostname(format!("ct{vmid}")).set_memory(64).set_rootfs(MountPoint::allocate("local", 1));
    assert!(options.set_net(0, &LxcNet::on("eth0", "vmbr0").with_ip("manual".to_owned())));
    let template = "local:vztmpl/alpine-lab_3.21_amd64.tar.gz".parse().unwrap();
    let task = pve.node("pve1").create_lxc(&CreateLxc::new(vmid, template, options)).await.unwrap();
    assert!(task.succeed(quick()).await.unwrap().is_success());
}

#[tokio::test]
async fn pin_a_fingerprint() {
    let sim = start().await;
    let pve = root(&sim);
    assert_eq!(pve.version().await.unwrap().major, 9);
    let shown = pve.nodes().list().await.unwrap();
    let of_pve1 = shown.iter().find(|node| node.node == "pve1").unwrap();
    assert_eq!(of_pve1.ssl_fingerprint.unwrap().to_string(), sim.fingerprint("pve1").unwrap());
    let other = Pve::builder()
        .address(sim.address("pve1").unwrap().to_string())
        .token("root@pam!lab", SECRET.to_owned())
        .trust(Trust::pinned([sim.fingerprint("pve2").unwrap().as_str()]).unwrap())
        .build()
        .unwrap();
    let error = other.version().await.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::NeverSent { cause: NeverSent::Certificate(CertificateProblem::Fingerprint { .. }), .. }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn create_a_container_and_wait_then_list_it() {
    let sim = start().await;
    let pve = root(&sim);
    let vmid = pve.cluster().next_id().await.unwrap();
    container(&pve, vmid).await;
    let listed = pve.cluster().resources(Some(ResourceKind::Guests)).await.unwrap();
    assert!(listed.iter().any(|row| row.vmid == Some(vmid)), "{listed:?}");
    let lxc = pve.lxc("pve1", vmid);
    let config = lxc.config().await.unwrap();
    assert_eq!(config.options.hostname(), Some(format!("ct{vmid}")));
    assert_eq!(config.options.net(0).unwrap().bridge().as_deref(), Some("vmbr0"));

    let mut wanted = config.options.clone();
    wanted.set_memory(128);
    let change = config.change_to(&wanted);
    lxc.change(&change).await.unwrap();
    let lost = lxc.change(&change).await.unwrap_err();
    assert!(lost.refusal().is_some_and(|refusal| refusal.is_lost_update()), "{lost}");

    let task = lxc.start(Default::default()).await.unwrap();
    task.succeed(quick()).await.unwrap();
    assert!(lxc.status().await.unwrap().is_running());
    lxc.stop(StopLxc::default()).await.unwrap().succeed(quick()).await.unwrap();
    lxc.destroy(DestroyLxc::default()).await.unwrap().succeed(quick()).await.unwrap();
    assert!(lxc.config().await.unwrap_err().is_missing());
}

#[tokio::test]
async fn back_up_and_restore() {
    let sim = start().await;
    let pve = root(&sim);
    container(&pve, guest(200)).await;
    let backup = Vzdump {
        storage: Some("local".to_owned()),
        mode: Some(VzdumpMode::Stop),
        ..Vzdump::of(VzdumpSelection::Guests(vec![guest(200)]))
    };
    let VzdumpStarted::Task(task) = pve.node("pve1").vzdump(&backup).await.unwrap() else { panic!("it is on pve1") };
    task.succeed(quick()).await.unwrap();
    assert!(matches!(pve.node("pve2").vzdump(&backup).await.unwrap(), VzdumpStarted::NothingHere));
    let filter = ContentFilter { content: Some("backup".to_owned()), vmid: Some(guest(200)) };
    let archives = pve.node("pve1").storage("local").content(&filter).await.unwrap();
    assert_eq!(archives.len(), 1);
    let restore = RestoreLxc::new(guest(201), archives[0].volid.clone());
    pve.node("pve1").restore_lxc(&restore).await.unwrap().succeed(quick()).await.unwrap();
    assert_eq!(pve.lxc("pve1", guest(201)).config().await.unwrap().options.hostname().as_deref(), Some("ct200"));
}

#[tokio::test]
async fn a_least_privilege_token_needs_both_halves() {
    let sim = start().await;
    let pve = root(&sim);
    container(&pve, guest(200)).await;
    let user: UserId = "watcher@pve".parse().unwrap();
    let token = TokenId::new(user.clone(), "metrics").unwrap();
    pve.access().create_role("Watcher", &["VM.Audit"]).await.unwrap();
    pve.access().create_user(&CreateUser::new(user.clone())).await.unwrap();
    let made = pve
        .access()
        .create_token(&token, &CreateToken { privsep: Some(true), ..CreateToken::default() })
        .await
        .unwrap();
    let path: AclPath = "/vms".parse().unwrap();
    let entry =
        |subject: AclSubject| AclEntry { path: path.clone(), subject, role: "Watcher".to_owned(), propagate: true };
    let watcher = client_as(&sim, &token.to_string(), made.value.expose());

    pve.access().grant(&entry(token.clone().into())).await.unwrap();
    let refused = watcher.lxc("pve1", guest(200)).status().await.unwrap_err();
    assert!(refused.refusal().is_some_and(|refusal| refusal.is_forbidden()), "{refused}");
    pve.access().grant(&entry(user.into())).await.unwrap();
    watcher.lxc("pve1", guest(200)).status().await.unwrap();
    let refused = watcher.lxc("pve1", guest(200)).start(Default::default()).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().text(), "Permission check failed (/vms/200, VM.PowerMgmt)");
}

#[tokio::test]
async fn why_a_permission_is_missing_as_the_server_sees_it() {
    let sim = start().await;
    let pve = root(&sim);
    let ann: UserId = "ann@pve".parse().unwrap();
    pve.access().create_user(&CreateUser::new(ann.clone())).await.unwrap();
    for (path, role) in [("/vms", "PVEVMAdmin"), ("/vms/100", "PVEVMUser")] {
        let entry = AclEntry {
            path: path.parse().unwrap(),
            subject: ann.clone().into(),
            role: role.to_owned(),
            propagate: true,
        };
        pve.access().grant(&entry).await.unwrap();
    }
    let mut access = Access::new(Dialect::Pve);
    for row in pve.access().roles().await.unwrap() {
        access.set_role(&row.roleid, row.privs.iter().map(String::as_str)).unwrap();
    }
    for row in pve.access().users(UserFilter::default()).await.unwrap() {
        access.users.insert(row.userid, User::default());
    }
    for row in pve.access().acl().await.unwrap() {
        access.grant(row.to_entry().unwrap());
    }
    let at: AclPath = "/vms/100".parse().unwrap();
    let explanation = access.explain(&ann.clone().into(), &at);
    assert!(explanation.why(&access, "VM.Allocate").contains("replaced by an entry further down"));
    let query = PermissionQuery { path: Some(at.clone()), userid: Some(ann.into()) };
    let told = pve.access().permissions(&query).await.unwrap();
    let computed: Vec<(String, bool)> =
        explanation.permissions.iter().map(|(name, flag)| (name.to_owned(), flag)).collect();
    let told: Vec<(String, bool)> = told[at.as_str()].clone().into_iter().collect();
    assert_eq!(computed, told, "the library and the server agree");
}

#[tokio::test]
async fn pools_hold_guests_and_batches_wait_together() {
    let sim = start().await;
    let pve = root(&sim);
    let pool: PoolId = "tenants".parse().unwrap();
    pve.pools().create(&pool, Some("all of them")).await.unwrap();
    assert!(pve.pools().create(&pool, None).await.unwrap_err().is_existing());
    let mut upids = Vec::new();
    for number in 300..304 {
        let mut options = QemuOptions::default();
        options.set_name(format!("vm{number}"));
        let task = pve.node("pve1").create_qemu(&CreateQemu::new(guest(number), options)).await.unwrap();
        upids.push(task.upid().clone());
    }
    let done = tasks::wait_all(&pve, &upids, quick()).await;
    assert!(done.values().all(|result| matches!(result, Ok(TaskOutcome::Ok))), "{done:?}");
    let members = Members { guests: (300..304).map(guest).collect(), storages: Vec::new() };
    pve.pools().add(&pool, &members, FromOtherPool::Refuse).await.unwrap();
    let row = pve.pools().get(&pool).await.unwrap().unwrap();
    assert_eq!(row.guests().count(), 4);
    assert!(pve.pools().delete(&pool).await.is_err(), "it is not empty");

    let machine = pve.qemu("pve1", guest(300));
    machine.start(&StartQemu::default()).await.unwrap().succeed(quick()).await.unwrap();
    let error = machine.start(&StartQemu::default()).await.unwrap().succeed(quick()).await.unwrap_err();
    let Error::Task(task) = &error else { panic!("{error}") };
    assert!(matches!(task.as_ref(), TaskError::Failed { text, .. } if text == "VM 300 already running"), "{error}");
    assert_eq!(Switch::from(true), Switch::On);
}
