//! A storage of type `pbs`: what a cluster sees of a backup server, and the server of the cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use proxmox_client::pbs::groups::{BackupType, GroupId};
use proxmox_client::pbs::namespaces::Namespace;
use proxmox_client::pbs::snapshots::{SnapshotFilter, SnapshotId};
use proxmox_client::pve::guests::{LxcOptions, MountPoint};
use proxmox_client::pve::lxc::CreateLxc;
use proxmox_client::pve::nodes::content::{ContentFilter, ListBackup, RestoreFile, UpdateVolume};
use proxmox_client::pve::nodes::{Vzdump, VzdumpSelection, VzdumpStarted};
use proxmox_client::pve::storage::CreateStorage;
use proxmox_client::{Pbs, Pve, Switch, Trust, Vmid, Wait};
use proxmox_sim::pbs::{PbsBuilder, PbsSim};
use proxmox_sim::state::Clock;
use proxmox_sim::{Cluster, Sim, SimBuilder};

const SECRET: &str = "01234567-89ab-cdef-0123-456789abcdef";
const SPEED: f64 = 20.0;

/// A cluster and a server in one network, at the same time.
async fn start() -> (Sim, Pve, PbsSim, Pbs) {
    let server = PbsBuilder::new("pbs1")
        .version("4.2.1")
        .clock(Clock::with_speed(SPEED))
        .datastore("ds1")
        .root_token("lab", Some(SECRET))
        .token("pve@pbs!pve1", Some("backup-secret"), &[("/datastore/ds1/team", "DatastoreBackup")])
        .start()
        .await
        .unwrap();
    let link = server.link();
    let sim = SimBuilder::from_state(Cluster::fresh(&["pve1"]))
        .root_token("lab", Some(SECRET))
        .state(|cluster| {
            cluster.clock = Clock::with_speed(SPEED);
            cluster.backup_servers.attach("10.99.0.3", link);
        })
        .start()
        .await
        .unwrap();
    let pve = Pve::builder()
        .address(sim.address("pve1").unwrap().to_string())
        .token("root@pam!lab", SECRET.to_owned())
        .trust(Trust::pinned([sim.fingerprint("pve1").unwrap().as_str()]).unwrap())
        .build()
        .unwrap();
    let pbs = Pbs::builder()
        .address(server.address().to_string())
        .token("root@pam!lab", SECRET.to_owned())
        .trust(Trust::pinned([server.fingerprint().as_str()]).unwrap())
        .build()
        .unwrap();
    (sim, pve, server, pbs)
}

fn quick() -> Wait {
    Wait::up_to(Duration::from_secs(60)).every(Duration::from_millis(20), Duration::from_millis(200))
}

fn definition(server: &PbsSim) -> CreateStorage {
    CreateStorage {
        content: vec!["backup".to_owned()],
        server: Some("10.99.0.3".to_owned()),
        datastore: Some("ds1".to_owned()),
        namespace: Some("team".to_owned()),
        username: Some("pve@pbs!pve1".to_owned()),
        password: Some("backup-secret".to_owned().into()),
        fingerprint: Some(server.fingerprint().parse().unwrap()),
        ..CreateStorage::new("safe", "pbs")
    }
}

#[tokio::test]
async fn a_backup_is_the_same_on_both_sides() {
    let (_sim, pve, server, pbs) = start().await;
    let team: Namespace = "team".parse().unwrap();
    pbs.datastore("ds1").create_namespace(&team).await.unwrap();
    pve.storage().create(&definition(&server)).await.unwrap();

    let guest = Vmid::new(200).unwrap();
    let mut options = LxcOptions::default();
    options.set_hostname("web".to_owned()).set_memory(64).set_rootfs(MountPoint::allocate("local", 1));
    let template = "local:vztmpl/alpine-lab_3.21_amd64.tar.gz".parse().unwrap();
    let node = pve.node("pve1");
    node.create_lxc(&CreateLxc::new(guest, template, options)).await.unwrap().succeed(quick()).await.unwrap();
    let backup = Vzdump {
        storage: Some("safe".to_owned()),
        notes_template: Some("{{guestname}} nightly".to_owned()),
        ..Vzdump::of(VzdumpSelection::Guests(vec![guest]))
    };
    let VzdumpStarted::Task(task) = node.vzdump(&backup).await.unwrap() else { panic!("it is on pve1") };
    task.succeed(quick()).await.unwrap();

    let listed = node.storage("safe").content(&ContentFilter::default()).await.unwrap();
    let rows =
        pbs.datastore("ds1").snapshots(&SnapshotFilter { ns: team.clone(), ..Default::default() }).await.unwrap();
    assert_eq!((listed.len(), rows.len()), (1, 1));
    assert_eq!(listed[0].notes.as_deref(), Some("web nightly"));
    assert_eq!(rows[0].comment.as_deref(), Some("web nightly"));
    assert_eq!(rows[0].owner.as_deref(), Some("pve@pbs!pve1"), "who made it owns it");
    assert_eq!(u64::try_from(rows[0].backup_time).ok(), listed[0].ctime);

    // Protection set on one side holds on the other.
    let volume = &listed[0].volid;
    let change = UpdateVolume { protected: Some(true), ..UpdateVolume::default() };
    node.storage("safe").update_volume(volume, &change).await.unwrap();
    let id: SnapshotId = rows[0].id(&team);
    assert!(pbs.datastore("ds1").is_protected(&id).await.unwrap());
    pbs.datastore("ds1").set_protected(&id, false).await.unwrap();

    // A file of it, by the way that the interface goes.
    let at = |path: &str| ListBackup { volume: volume.clone(), filepath: path.to_owned() };
    let archives = node.storage("safe").list_backup(&at("/")).await.unwrap();
    let inside = node.storage("safe").list_backup(&at(&archives[0].filepath)).await.unwrap();
    let etc = inside.iter().find(|file| file.text == "etc").expect("a directory");
    let files = node.storage("safe").list_backup(&at(&etc.filepath)).await.unwrap();
    let hostname = files.iter().find(|file| file.text == "hostname").expect("a file");
    let wanted = RestoreFile { volume: volume.clone(), filepath: hostname.filepath.clone(), tar: Switch::Off };
    let mut download = node.storage("safe").restore_file(&wanted).await.unwrap();
    assert_eq!(download.chunk().await.unwrap().as_deref(), Some(&b"web\n"[..]));

    // What is removed on the server is gone here.
    let group = GroupId::new(team, BackupType::Ct, "200");
    pbs.datastore("ds1").delete_group(&group).await.unwrap();
    assert!(node.storage("safe").content(&ContentFilter::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_storage_that_does_not_work_is_not_defined() {
    let (_sim, pve, server, _pbs) = start().await;
    let wrong = |change: fn(&mut CreateStorage)| {
        let mut definition = definition(&server);
        change(&mut definition);
        definition
    };
    let text = async |definition: CreateStorage| {
        let error = pve.storage().create(&definition).await.unwrap_err();
        error.refusal().expect("the server refuses").text().to_owned()
    };
    let password = text(wrong(|it| it.password = Some("wrong".to_owned().into()))).await;
    assert_eq!(password, "create storage failed: safe: error fetching datastores - 401 Unauthorized");
    let pin = text(wrong(|it| it.fingerprint = Some("ab".repeat(32).parse().unwrap()))).await;
    assert!(pin.contains("not verified, abort!"), "{pin}");
    let store = text(wrong(|it| it.datastore = Some("nosuch".to_owned()))).await;
    assert!(store.contains("Cannot find datastore 'nosuch'"), "{store}");
    let host = text(wrong(|it| it.server = Some("10.99.0.77".to_owned()))).await;
    assert!(host.contains("No route to host"), "{host}");
    assert!(pve.storage().get("safe").await.unwrap_err().is_missing());
}
