//! The examples of proxmox-client's guide, each run as it is, and the guide's text, which has to be the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, unreachable_pub, reason = "examples are programs")]

#[path = "../../proxmox-client/examples/guide/back_up_and_restore.rs"]
mod back_up_and_restore;
#[path = "../../proxmox-client/examples/guide/change_configuration.rs"]
mod change_configuration;
#[path = "../../proxmox-client/examples/guide/create_container.rs"]
mod create_container;
#[path = "../../proxmox-client/examples/guide/least_privilege_token.rs"]
mod least_privilege_token;
#[path = "../../proxmox-client/examples/guide/list_guests.rs"]
mod list_guests;
#[path = "../../proxmox-client/examples/guide/pin_fingerprint.rs"]
mod pin_fingerprint;
#[path = "../../proxmox-client/examples/guide/rules_of_errors.rs"]
mod rules_of_errors;
#[path = "../../proxmox-client/examples/guide/why_permission.rs"]
mod why_permission;

use std::path::Path;
use std::time::Duration;

use proxmox_client::pve::access::users::CreateUser;
use proxmox_client::pve::guests::{QemuNet, QemuOptions};
use proxmox_client::pve::nodes::content::{UploadContent, UploadFile};
use proxmox_client::pve::qemu::CreateQemu;
use proxmox_client::{Pve, Wait};
use proxmox_sim::state::Clock;
use proxmox_sim::{Cluster, Sim, SimBuilder};

const SECRET: &str = "01234567-89ab-cdef-0123-456789abcdef";

async fn start() -> (Sim, Pve) {
    let state = Cluster::fresh(&["pve1"]);
    let builder = SimBuilder::from_state(state).root_token("lab", Some(SECRET));
    let sim = builder.state(|cluster| cluster.clock = Clock::with_speed(20.0)).start().await.unwrap();
    let address = sim.address("pve1").unwrap().to_string();
    let fingerprint = sim.fingerprint("pve1").unwrap();
    let pve = pin_fingerprint::connect(&address, "root@pam!lab", SECRET.to_owned(), &fingerprint).unwrap();
    (sim, pve)
}

fn quick() -> Wait {
    Wait::up_to(Duration::from_secs(60)).every(Duration::from_millis(20), Duration::from_millis(200))
}

/// The template that the example's container is made from.
async fn upload_template(pve: &Pve) {
    let content = b"not a template, but of that name";
    let file = UploadFile::new(UploadContent::Template);
    let size = u64::try_from(content.len()).unwrap();
    let storage = pve.node("pve1").storage("local");
    let task = storage.upload("debian-13.tar.zst", size, &content[..], &file, Duration::from_secs(30)).await.unwrap();
    task.succeed(quick()).await.unwrap();
}

#[tokio::test]
async fn a_container_is_made_listed_backed_up_and_restored() {
    let (_sim, pve) = start().await;
    upload_template(&pve).await;
    create_container::run(pve.clone()).await.unwrap();
    list_guests::run(pve.clone()).await.unwrap();
    let made = pve.lxc("pve1", "100".parse().unwrap());
    assert!(made.status().await.unwrap().is_running());
    back_up_and_restore::run(pve.clone()).await.unwrap();
    let restored = pve.lxc("pve1", "101".parse().unwrap()).config().await.unwrap();
    assert_eq!(restored.options.hostname().as_deref(), Some("web"));
}

#[tokio::test]
async fn a_configuration_is_changed_in_one_place() {
    let (_sim, pve) = start().await;
    let mut options = QemuOptions::default();
    options.set_net(0, &QemuNet::on(&"virtio".into(), "vmbr0"));
    let create = CreateQemu::new("100".parse().unwrap(), options);
    pve.node("pve1").create_qemu(&create).await.unwrap().succeed(quick()).await.unwrap();
    change_configuration::run(pve.clone()).await.unwrap();
    let config = pve.qemu("pve1", "100".parse().unwrap()).config().await.unwrap();
    assert_eq!(config.options.net(0).unwrap().tag(), Some(42));
}

#[tokio::test]
async fn a_token_with_the_least_rights_is_made_once() {
    let (_sim, pve) = start().await;
    least_privilege_token::run(pve.clone()).await.unwrap();
    let entries = pve.access().acl().await.unwrap();
    assert_eq!(entries.iter().filter(|row| row.roleid == "Watcher").count(), 2, "the user and its token");
    assert!(least_privilege_token::run(pve).await.is_err(), "the role is there already");
}

#[tokio::test]
async fn what_is_missing_and_what_may_be_done_after_a_failure() {
    let (_sim, pve) = start().await;
    pve.access().create_user(&CreateUser::new("ann@pve".parse().unwrap())).await.unwrap();
    why_permission::run(pve.clone()).await.unwrap();
    pve.pools().create(&"tenants".parse().unwrap(), None).await.unwrap();
    for _ in 0..2 {
        rules_of_errors::run(pve.clone()).await.unwrap();
    }
    assert!(pve.pools().get(&"tenants/ann".parse().unwrap()).await.unwrap().is_some());
}

/// What a text does, without the white space and the names it begins with.
fn working_text(text: &str) -> String {
    let lines = text.lines().filter(|line| *line != "#" && !line.starts_with("# ") && !line.starts_with("use "));
    lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}

/// The first program below a heading of the guide.
fn program(guide: &str, heading: &str) -> String {
    let (_, after) = guide.split_once(&format!("\n# {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let (_, after) = after.split_once("```no_run\n").unwrap();
    after.split_once("\n```").unwrap().0.to_owned()
}

#[test]
fn the_guide_shows_what_is_run() {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxmox-client");
    let guide = std::fs::read_to_string(client.join("README.md")).unwrap();
    for (heading, example) in [
        ("Listing guests", "list_guests"),
        ("Creating a container, and waiting", "create_container"),
        ("Changing a configuration", "change_configuration"),
        ("Backing up and restoring", "back_up_and_restore"),
        ("A token with the least rights", "least_privilege_token"),
        ("Errors", "rules_of_errors"),
    ] {
        let shown = working_text(&program(&guide, heading));
        let run = working_text(&std::fs::read_to_string(client.join(format!("examples/guide/{example}.rs"))).unwrap());
        // How lines are broken may end a list with a comma.
        let plain = |text: &str| text.replace(",)", ")").replace(",}", "}");
        assert!(shown.len() > 100 && plain(&run).contains(&plain(&shown)), "{heading}: {shown}");
    }
}
