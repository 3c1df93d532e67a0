//! The simulated clusters: how they begin, and how they look.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use proxmox_sim::guests::{GuestConfig, GuestKind, Runtime};
use proxmox_sim::state::access::{Secret, Token, User};
use proxmox_sim::state::pools::Pool;
use proxmox_sim::state::{Clock, Cluster};
use proxmox_sim::storage::Definition;
use proxmox_sim::{Sim, SimBuilder};

use super::{SECRET, STORAGE};

/// How many times as fast as real time tasks go.
const SPEED: f64 = 20.0;

/// Three nodes.
pub async fn alpha() -> Sim {
    start(&["a1", "a2", "a3"]).await
}

/// One node.
pub async fn beta() -> Sim {
    start(&["b1"]).await
}

async fn start(nodes: &[&str]) -> Sim {
    let sim = SimBuilder::from_state(Cluster::fresh(nodes))
        .clock(Clock::with_speed(SPEED))
        .root_token("lab", None)
        .start()
        .await
        .unwrap();
    sim.with_state(|cluster| {
        cluster.behaviour.telling_interval_ms = 0;
        let options = [("path", "/tank"), ("content", "images,rootdir"), ("shared", "1")];
        let options = options.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        cluster.storages.define(STORAGE, Definition::new("dir", options));
        cluster.access.roles.insert("BnnaOperator".to_owned(), documented_role());
        user(cluster, "bnna@pve", "bnpd", SECRET);
        grant(cluster, "/", Subject::User("bnna@pve"), "BnnaOperator");
    });
    sim
}

/// The privileges in docs/operator-token.md.
pub fn documented_role() -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operator-token.md");
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with("pveum role add BnnaOperator")).unwrap();
    let privileges = line.split('"').nth(1).unwrap();
    privileges.split(' ').map(str::to_owned).collect()
}

/// A user with a token of all its rights.
pub fn user(cluster: &mut Cluster, userid: &str, token: &str, secret: &str) {
    let token_row = Token { secret: Secret(secret.to_owned()), ..Token::default() };
    let user =
        cluster.access.users.entry(userid.to_owned()).or_insert_with(|| User { enable: true, ..User::default() });
    user.tokens.insert(token.to_owned(), token_row);
}

/// Puts a user into a group, which is made where it is missing.
pub fn join(cluster: &mut Cluster, group: &str, userid: &str) {
    cluster.access.groups.entry(group.to_owned()).or_default().members.insert(userid.to_owned());
}

/// Whom an entry is for.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    User(&'a str),
    Token(&'a str),
    Group(&'a str),
}

/// Writes a propagating ACL entry.
pub fn grant(cluster: &mut Cluster, path: &str, subject: Subject<'_>, role: &str) {
    let node = cluster.access.acl.entry(path.to_owned()).or_default();
    let roles = match subject {
        Subject::User(user) => node.users.entry(user.to_owned()),
        Subject::Token(token) => node.tokens.entry(token.to_owned()),
        Subject::Group(group) => node.groups.entry(group.to_owned()),
    };
    roles.or_default().insert(role.to_owned(), true);
}

/// Makes a pool.
pub fn pool(cluster: &mut Cluster, id: &str) {
    cluster.pools.insert(id.to_owned(), Pool::default());
}

/// Makes a guest without disks.
pub fn guest(cluster: &mut Cluster, vmid: u32, kind: GuestKind, node: &str, in_pool: Option<&str>) {
    let mut config = GuestConfig::default();
    config.set("memory", "512");
    match kind {
        GuestKind::Qemu => config.set("name", format!("g{vmid}")),
        GuestKind::Lxc => {
            config.set("hostname", format!("g{vmid}"));
            config.set("ostype", "debian");
            config.set("arch", "amd64");
        }
    }
    let now = cluster.clock.now_ms();
    cluster.add_guest(vmid, kind, node, config, now);
    cluster.join_pool(vmid, in_pool);
}

/// Switches a guest on as if it had been for an hour.
pub fn running(cluster: &mut Cluster, vmid: u32) {
    let since_ms = cluster.clock.now_ms() - 3_600_000;
    cluster.guests.get_mut(vmid).unwrap().runtime = Some(Runtime { pid: 4711, since_ms, paused: false });
}

/// Sets an option of a guest.
pub fn option(cluster: &mut Cluster, vmid: u32, key: &str, value: &str) {
    cluster.guests.get_mut(vmid).unwrap().config.set(key, value);
}

/// Whether a guest runs; `None` when there is no such guest.
pub fn runs(sim: &Sim, vmid: u32) -> Option<bool> {
    sim.with_state(|cluster| cluster.guests.get(vmid).map(|guest| guest.is_running()))
}

/// Every ACL entry, a line each.
pub fn acls(sim: &Sim) -> String {
    sim.with_state(|cluster| acls_of(cluster))
}

fn acls_of(cluster: &Cluster) -> String {
    let mut lines = BTreeSet::new();
    for (path, node) in &cluster.access.acl {
        for (kind, subjects) in [("user", &node.users), ("group", &node.groups), ("token", &node.tokens)] {
            for (name, roles) in subjects {
                for (role, propagate) in roles {
                    lines.insert(format!("{path} {kind} {name} {role} {propagate}"));
                }
            }
        }
    }
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// What bnpd may change on a cluster, as text: pools, groups, users, tokens, rights, guests.
pub fn look(sim: &Sim) -> String {
    sim.with_state(|cluster| {
        let mut text = String::new();
        for (id, pool) in &cluster.pools {
            let _ = writeln!(text, "pool {id} {:?} {:?} {:?}", pool.comment, pool.vms, pool.storages);
        }
        for (id, group) in &cluster.access.groups {
            let _ = writeln!(text, "group {id} {:?} {:?}", group.comment, group.members);
        }
        for (id, user) in &cluster.access.users {
            let tokens: Vec<&String> = user.tokens.keys().collect();
            let _ = writeln!(text, "user {id} {} {tokens:?}", user.enable);
        }
        for guest in cluster.guests.iter() {
            let _ = writeln!(text, "guest {} {} {}", guest.vmid, guest.node, guest.is_running());
        }
        text + &acls_of(cluster)
    })
}

/// Whether there is nothing of an account on a cluster.
pub fn knows_nothing_of(sim: &Sim, slug: &str) -> bool {
    let found = look(sim);
    !found.contains(slug)
}
