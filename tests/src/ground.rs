//! What outlives bnpd when it is killed: two simulated clusters, the store's directory, the configuration; and bnpd processes over it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use proxmox_sim::guests::{GuestConfig, GuestKind, Runtime};
use proxmox_sim::state::access::{Secret, Token, User};
use proxmox_sim::state::pools::Pool;
use proxmox_sim::state::{Clock, Cluster};
use proxmox_sim::storage::Definition;
use proxmox_sim::{Sim, SimBuilder};
use tempfile::TempDir;

use crate::bnpd_process::{Bnpd, How};
use crate::install_provider;

/// The cluster of three nodes.
pub const A: &str = "pve-a";
/// The single node.
pub const B: &str = "pve-b";
/// The user that bnpd's tokens belong to.
pub const USER: &str = "bnna@pve";
/// The secret of bnpd's first token on both clusters.
pub const SECRET: &str = "5ec2e700-0000-4000-8000-c105e77ec000";
/// The storage that new accounts get space on.
const STORAGE: &str = "tank";
/// How many times as fast as real time tasks go.
const SPEED: f64 = 20.0;

/// The ground that bnpd stands on.
pub struct Ground {
    /// The simulated cluster [`A`].
    pub a: Sim,
    /// The simulated cluster [`B`].
    pub b: Sim,
    directory: TempDir,
    program: PathBuf,
    token: String,
    /// Requests to which no answer came, because bnpd was killed.
    pub unanswered: AtomicUsize,
}

impl Ground {
    /// Two fresh clusters and an empty store, for bnpd processes of this program.
    pub async fn new(program: &str) -> Self {
        install_provider();
        let (a, b) = (start(&["a1", "a2", "a3"]).await, start(&["b1"]).await);
        let directory = tempfile::tempdir().unwrap();
        let etc = directory.path().join("etc");
        let written = bnpd::init::run(&etc, &directory.path().join("store")).unwrap();
        let token = written.token.unwrap().expose().to_owned();
        let mut config = std::fs::read_to_string(&written.config).unwrap();
        config.push_str(&declared(A, &a));
        config.push_str(&declared(B, &b));
        std::fs::write(&written.config, config).unwrap();
        Self { a, b, directory, program: program.into(), token, unanswered: AtomicUsize::new(0) }
    }

    /// Starts bnpd.
    pub async fn start(&self) -> Bnpd {
        self.start_with(&How::default()).await
    }

    /// Starts bnpd in a certain way.
    pub async fn start_with(&self, how: &How) -> Bnpd {
        match self.try_start(how).await {
            Ok(bnpd) => bnpd,
            Err(log) => panic!("bnpd does not start:\n{log}"),
        }
    }

    /// Starts bnpd, which may refuse.
    ///
    /// # Errors
    /// What it said.
    pub async fn try_start(&self, how: &How) -> Result<Bnpd, String> {
        Bnpd::start(&self.program, &self.etc().join("bnpd.toml"), &self.token, how).await
    }

    /// The cluster of a host.
    pub fn sim(&self, host: &str) -> &Sim {
        if host == A { &self.a } else { &self.b }
    }

    /// Both clusters by host.
    pub fn sims(&self) -> [(&'static str, &Sim); 2] {
        [(A, &self.a), (B, &self.b)]
    }

    /// The operator's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The directory of configuration and keys.
    pub fn etc(&self) -> PathBuf {
        self.directory.path().join("etc")
    }

    /// The directory of the store.
    pub fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Everything.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Notes that no answer came to a request that may have left an entry without an outcome in the audit trail.
    pub fn went_unanswered(&self) {
        self.unanswered.fetch_add(1, Ordering::SeqCst);
    }
}

async fn start(nodes: &[&str]) -> Sim {
    let builder = SimBuilder::from_state(Cluster::fresh(nodes)).clock(Clock::with_speed(SPEED)).root_token("lab", None);
    let sim = builder.start().await.unwrap();
    sim.with_state(|cluster| {
        cluster.behaviour.telling_interval_ms = 0;
        let options = [("path", "/tank"), ("content", "images,rootdir"), ("shared", "1")];
        let options = options.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        cluster.storages.define(STORAGE, Definition::new("dir", options));
        cluster.access.roles.insert("BnnaOperator".to_owned(), documented_role());
        user(cluster, USER);
        let token = Token { secret: Secret(SECRET.to_owned()), ..Token::default() };
        cluster.access.users.get_mut(USER).unwrap().tokens.insert("bnpd".to_owned(), token);
        let root = cluster.access.acl.entry("/".to_owned()).or_default();
        root.users.entry(USER.to_owned()).or_default().insert("BnnaOperator".to_owned(), true);
    });
    sim
}

/// The privileges in docs/operator-token.md.
fn documented_role() -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operator-token.md");
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with("pveum role add BnnaOperator")).unwrap();
    line.split('"').nth(1).unwrap().split(' ').map(str::to_owned).collect()
}

fn declared(host: &str, sim: &Sim) -> String {
    let addresses: Vec<String> = sim.addresses().values().map(ToString::to_string).collect();
    let pins: Vec<String> = sim.addresses().keys().filter_map(|node| sim.fingerprint(node)).collect();
    let mut text = String::new();
    let _ = write!(
        text,
        "\n[[clusters]]\nhost = {host:?}\naddresses = {addresses:?}\nfingerprints = {pins:?}\n\
         token_id = \"{USER}!bnpd\"\ntoken_secret = {SECRET:?}\ndefault_storage = {STORAGE:?}\n"
    );
    text
}

/// A user, switched on, in no group.
pub fn user(cluster: &mut Cluster, userid: &str) {
    cluster.access.users.entry(userid.to_owned()).or_insert_with(|| User { enable: true, ..User::default() });
}

/// A user that is in one group.
pub fn member(cluster: &mut Cluster, group: &str, userid: &str) {
    user(cluster, userid);
    cluster.access.groups.entry(group.to_owned()).or_default().members.insert(userid.to_owned());
}

/// A pool of somebody's, whose group of that name may use what is in it.
pub fn found_pool(cluster: &mut Cluster, name: &str) {
    cluster.pools.insert(name.to_owned(), Pool::default());
    let node = cluster.access.acl.entry(format!("/pool/{name}")).or_default();
    node.groups.entry(name.to_owned()).or_default().insert("PVEVMUser".to_owned(), true);
}

/// A guest without disks; a virtual machine where its number is even.
pub fn guest(cluster: &mut Cluster, vmid: u32, node: &str, pool: Option<&str>, runs: bool) {
    let mut config = GuestConfig::default();
    config.set("memory", "512");
    let kind = if vmid.is_multiple_of(2) { GuestKind::Qemu } else { GuestKind::Lxc };
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
    cluster.join_pool(vmid, pool);
    if runs {
        let since_ms = now - 3_600_000;
        cluster.guests.get_mut(vmid).unwrap().runtime = Some(Runtime { pid: 4711, since_ms, paused: false });
    }
}
