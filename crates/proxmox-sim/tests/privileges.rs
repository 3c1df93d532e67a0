//! Who may make a call: the simulator's table against the official schema, and a sample over the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::Path;

use proxmox_client::permissions::AclEntry;
use proxmox_client::pve::access::tokens::CreateToken;
use proxmox_client::pve::access::users::CreateUser;
use proxmox_client::{Method, Params, Pve, TokenId, Trust, UserId};
use proxmox_sim::api::Table;
use proxmox_sim::guests::GuestKind;
use proxmox_sim::{Cluster, Sim, SimBuilder};

/// Calls whose check is written otherwise than in the schema, and why.
const OTHERWISE: &[(&str, &str, &str)] = &[(
    "GET",
    "/cluster/options",
    "the schema also says `user: all`: who lacks Sys.Audit is shown less, as was recorded",
)];

/// Without white space, parameters named alike.
fn shape(template: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn every_call_asks_for_what_the_official_schema_says() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contract/pve-api-schema.json.gz");
    if !schema.exists() {
        eprintln!("SKIPPED: privileges against the official schema: there is no {}", schema.display());
        return;
    }
    let mut official = Table::default();
    official.extend_from_schema(&schema).unwrap();
    let ours = Table::pve();
    let (mut compared, mut different) = (0, Vec::new());
    for endpoint in ours.endpoints() {
        let same = |other: &&proxmox_sim::api::Endpoint| {
            other.method == endpoint.method && shape(&other.template) == shape(&endpoint.template)
        };
        let Some(theirs) = official.endpoints().find(same) else { continue };
        compared += 1;
        let explained =
            OTHERWISE.iter().any(|(method, template, _)| *method == endpoint.method && *template == endpoint.template);
        if endpoint.permission != theirs.permission && !explained {
            let (ours, theirs) = (&endpoint.permission, &theirs.permission);
            different.push(format!("{} {}: {ours:?}, not {theirs:?}", endpoint.method, endpoint.template));
        }
    }
    println!("{compared} calls compared");
    assert!(compared > 600, "only {compared} calls");
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

const SECRET: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn client(sim: &Sim, token: &str, secret: &str) -> Pve {
    Pve::builder()
        .address(sim.address("pve1").unwrap().to_string())
        .token(token, secret.to_owned())
        .trust(Trust::pinned([sim.fingerprint("pve1").unwrap().as_str()]).unwrap())
        .build()
        .unwrap()
}

/// A call of the sample: method, path, what is sent, a path of the ACL and privileges.
type Sampled = (Method, &'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

/// Method, path, what is sent, and a privilege on a path without which it is refused and with which it is not.
const SAMPLE: &[Sampled] = &[
    (Method::Get, "/nodes/pve1/status", &[], "/nodes/pve1", "Sys.Audit"),
    (Method::Get, "/nodes/pve1/syslog", &[], "/nodes/pve1", "Sys.Syslog"),
    (Method::Get, "/nodes/pve1/qemu/100/config", &[], "/vms/100", "VM.Audit"),
    (Method::Get, "/nodes/pve1/qemu/100/status/current", &[], "/vms/100", "VM.Audit"),
    (Method::Post, "/nodes/pve1/qemu/100/status/start", &[], "/vms/100", "VM.PowerMgmt"),
    (Method::Post, "/nodes/pve1/qemu/100/status/stop", &[], "/vms/100", "VM.PowerMgmt"),
    (Method::Put, "/nodes/pve1/qemu/100/config", &[("description", "x")], "/vms/100", "VM.Config.Options"),
    (Method::Post, "/nodes/pve1/qemu/100/snapshot", &[("snapname", "ab")], "/vms/100", "VM.Snapshot"),
    (Method::Post, "/nodes/pve1/qemu/100/clone", &[("newid", "101")], "/vms", "VM.Clone+VM.Allocate"),
    (Method::Delete, "/nodes/pve1/qemu/100", &[], "/vms/100", "VM.Allocate"),
    (Method::Post, "/pools", &[("poolid", "p")], "/pool/p", "Pool.Allocate"),
    (Method::Post, "/storage", &[("storage", "s"), ("type", "dir"), ("path", "/x")], "/storage", "Datastore.Allocate"),
    (Method::Get, "/nodes/pve1/storage/local/status", &[], "/storage/local", "Datastore.Audit"),
    (Method::Post, "/access/groups", &[("groupid", "g")], "/access/groups", "Group.Allocate"),
    (Method::Post, "/access/roles", &[("roleid", "R")], "/access", "Sys.Modify"),
    (Method::Post, "/access/users", &[("userid", "z@pve")], "/access/realm/pve", "Realm.AllocateUser+@User.Modify"),
    (
        Method::Put,
        "/access/acl",
        &[("path", "/vms"), ("roles", "PVEAuditor"), ("users", "u@pve")],
        "/",
        "Permissions.Modify",
    ),
    (Method::Post, "/cluster/sdn/zones", &[("zone", "z"), ("type", "simple")], "/sdn/zones", "SDN.Allocate"),
    (Method::Put, "/cluster/options", &[("keyboard", "de")], "/", "Sys.Modify"),
    (Method::Get, "/cluster/firewall/rules", &[], "/", "Sys.Audit"),
    (Method::Post, "/cluster/firewall/groups", &[("group", "gr")], "/", "Sys.Modify"),
    (Method::Post, "/nodes/pve1/startall", &[], "/", "VM.PowerMgmt"),
    (Method::Post, "/cluster/ha/resources", &[("sid", "vm:100")], "/", "Sys.Console"),
];

async fn made(sim: &Sim, privileges: &[String], path: &str) -> Pve {
    let root = client(sim, "root@pam!lab", SECRET);
    let user: UserId = "u@pve".parse().unwrap();
    let token = TokenId::new(user.clone(), "job").unwrap();
    root.access().create_user(&CreateUser::new(user.clone())).await.unwrap();
    let params = CreateToken { privsep: Some(false), ..CreateToken::default() };
    let made = root.access().create_token(&token, &params).await.unwrap();
    if !privileges.is_empty() {
        let names: Vec<&str> = privileges.iter().map(String::as_str).collect();
        root.access().create_role("Sample", &names).await.unwrap();
        // What a privilege is on besides the path of the sample: users belong to groups.
        for path in [path, "/access/groups"] {
            let entry = AclEntry {
                path: path.parse().unwrap(),
                subject: user.clone().into(),
                role: "Sample".to_owned(),
                propagate: true,
            };
            root.access().grant(&entry).await.unwrap();
        }
    }
    client(sim, &token.to_string(), made.value.expose())
}

#[tokio::test]
async fn a_sample_of_calls_is_refused_without_its_privilege_and_not_with_it() {
    for (method, path, params, place, privileges) in SAMPLE {
        let mut seen = Vec::new();
        for granted in [false, true] {
            let mut cluster = Cluster::fresh(&["pve1"]);
            cluster.add_guest(100, GuestKind::Qemu, "pve1", Default::default(), 0);
            let sim = SimBuilder::from_state(cluster).root_token("lab", Some(SECRET)).start().await.unwrap();
            let names: Vec<String> =
                privileges.split('+').map(|name| name.trim_start_matches('@').to_owned()).collect();
            let caller = made(&sim, if granted { &names } else { &[] }, place).await;
            let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            let template = format!("/{}", vec!["{x}"; segments.len()].join("/"));
            let params: Params = params.iter().copied().collect();
            let status =
                caller.call(*method, &template, &segments, &params).await.err().and_then(|error| error.status());
            seen.push(status);
        }
        assert_eq!(seen[0], Some(403), "{method} {path} without {privileges} on {place}");
        assert_ne!(seen[1], Some(403), "{method} {path} with {privileges} on {place}");
    }
}
