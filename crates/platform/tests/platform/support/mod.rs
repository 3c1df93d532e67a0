//! Two simulated clusters on which bnpd holds exactly the documented role, and a platform over them.

pub mod cluster;
pub mod stage;
pub mod tenant;

use std::sync::Arc;
use std::time::Duration;

use bnna_auth::Grant;
use bnna_auth::csvauth::Key;
use bnna_auth::seal::{MasterKey, MasterKeys};
use bnna_auth::users_table::UsersTable;
use bnna_core::{AccountStatus, ClusterHost, DisplayName, Email, Slug, Vmid};
use bnna_platform::accounts::{Account, CreateAccount, Operate};
use bnna_platform::clusters::{ClientSettings, ClusterSettings, Trust};
use bnna_platform::views::{AccountView, AuditView, OperationView, StatusChange};
use bnna_platform::{Actor, Error, Platform, Run, Settings, Wait};
use bnna_store::{Options, Store, Window};
use proxmox_sim::{FaultKind, FaultRule, Sim};
use secrecy::SecretString;
use tempfile::TempDir;

/// The cluster of three nodes: `a1`, `a2`, `a3`.
pub const A: &str = "alpha.example.net";
/// The single node `b1`.
pub const B: &str = "beta.example.net";
/// bnpd's token on both.
pub const TOKEN: &str = "bnna@pve!bnpd";
/// Its secret.
pub const SECRET: &str = "3f0c2f6e-5a3b-4c1d-9e8f-0a1b2c3d4e5f";
/// The storage that new accounts get space on.
pub const STORAGE: &str = "tank";

/// How long a caller waits for what should take a moment.
pub const PATIENCE: Wait = Wait(Duration::from_secs(60));
/// How long a caller waits that does not wait.
pub const AT_ONCE: Wait = Wait(Duration::ZERO);

/// Clusters, store and platform of one test.
pub struct Site {
    pub a: Sim,
    pub b: Sim,
    pub platform: Platform,
    pub directory: TempDir,
    masters: MasterKeys,
    users: Arc<UsersTable>,
    clients: ClientSettings,
}

impl Site {
    /// Both clusters known to bnpd.
    pub async fn start() -> Self {
        Self::with(clients()).await
    }

    /// The same with clusters asked in another way.
    pub async fn with(clients: ClientSettings) -> Self {
        let (a, b) = (cluster::alpha().await, cluster::beta().await);
        let directory = tempfile::tempdir().unwrap();
        let masters = MasterKeys { current: MasterKey::create(&directory.path().join("key")).unwrap(), previous: None };
        let table = directory.path().join("users.tsv");
        std::fs::write(&table, "purpose\tname\talgo\tsalt\tderived\troles\textra\n").unwrap();
        let users = Arc::new(UsersTable::open(&table, Key::zero()).unwrap());
        let platform = platform(&directory, &masters, &users, &clients).await;
        for (host, sim) in [(A, &a), (B, &b)] {
            platform.declare_cluster(settings(host, sim), SecretString::from(SECRET)).await.unwrap();
        }
        Self { a, b, platform, directory, masters, users, clients }
    }

    /// bnpd dies where it stands and is started again.
    pub async fn restart(&mut self) {
        self.platform.shutdown(Duration::ZERO).await;
        self.platform = platform(&self.directory, &self.masters, &self.users, &self.clients).await;
    }

    /// Another bnpd over the same store.
    pub async fn another(&self) -> Platform {
        platform(&self.directory, &self.masters, &self.users, &self.clients).await
    }

    pub fn store(&self) -> &Store {
        self.platform.store()
    }

    /// Makes an account on both clusters.
    pub async fn create(&self, slug: &str) -> AccountView {
        done(self.platform.create_account(&actor(), account(slug), PATIENCE).await)
    }

    pub async fn operating(&self, slug: &str) -> Account<Operate> {
        self.platform.account_for_operating(&Grant::internal(), &slug.parse_slug()).await.unwrap()
    }

    pub async fn try_status(&self, slug: &str, wanted: AccountStatus) -> Result<Run<StatusChange>, Error> {
        let account = self.operating(slug).await;
        self.platform.set_account_status(&actor(), &account, wanted, false, PATIENCE).await
    }

    pub async fn status(&self, slug: &str, wanted: AccountStatus) -> StatusChange {
        done(self.try_status(slug, wanted).await)
    }

    /// The audit trail, oldest first.
    pub async fn trail(&self) -> Vec<AuditView> {
        let page = bnna_platform::audit::list(self.store(), Default::default(), Window::all()).await.unwrap();
        page.items.into_iter().rev().collect()
    }

    /// The entry of an action, which has to be the only one.
    pub async fn entry(&self, action: &str) -> AuditView {
        let mut found: Vec<AuditView> = self.trail().await.into_iter().filter(|entry| entry.action == action).collect();
        assert_eq!(found.len(), 1, "{action}: {found:?}");
        found.pop().unwrap()
    }

    /// Waits until an operation is over.
    pub async fn ended(&self, id: uuid::Uuid) -> OperationView {
        eventually("the operation ends", || async {
            let view = self.platform.operation(id).await.unwrap();
            view.finished_at.is_some().then_some(view)
        })
        .await
    }
}

/// Shorter ways to the domain's types.
pub trait Names {
    fn parse_slug(&self) -> Slug;
    fn parse_host(&self) -> ClusterHost;
}

impl Names for str {
    fn parse_slug(&self) -> Slug {
        Slug::parse(self.to_owned()).unwrap()
    }

    fn parse_host(&self) -> ClusterHost {
        ClusterHost::parse(self.to_owned()).unwrap()
    }
}

pub fn vmid(number: u32) -> Vmid {
    Vmid::new(number).unwrap()
}

/// An operator.
pub fn actor() -> Actor {
    Actor {
        kind: "csvauth".to_owned(),
        name: "ops".to_owned(),
        credential_id: "ops~QSY6rqTE".to_owned(),
        remote_addr: Some("192.0.2.7".to_owned()),
        request_id: "test".to_owned(),
        claim: None,
    }
}

pub fn account(slug: &str) -> CreateAccount {
    CreateAccount {
        slug: slug.parse_slug(),
        display_name: Some(DisplayName::parse("Acme".to_owned()).unwrap()),
        email: Email::parse("it@acme.example".to_owned()).unwrap(),
        clusters: None,
    }
}

/// What a call that has to end well within its time gives.
#[track_caller]
pub fn done<T>(outcome: Result<Run<T>, Error>) -> T {
    match outcome {
        Ok(Run::Done(done)) => done,
        Ok(Run::Accepted(id)) => panic!("operation {id} took too long"),
        Err(error) => panic!("{}: {error}", error.code()),
    }
}

/// The error of a call that has to fail.
#[track_caller]
pub fn refused<T>(outcome: Result<T, Error>) -> Error {
    match outcome {
        Ok(_) => panic!("this has to be refused"),
        Err(error) => error,
    }
}

/// Asks again until there is an answer; fails after a minute.
pub async fn eventually<T, F, R>(what: &str, ask: F) -> T
where
    F: Fn() -> R,
    R: Future<Output = Option<T>>,
{
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(60), asked).await {
        Ok(answer) => answer,
        Err(_) => panic!("never: {what}"),
    }
}

/// A cluster goes down: it lets nobody in and drops the connections that are open.
pub fn down(sim: &Sim) {
    sim.inject(FaultRule::always(FaultKind::Refuse));
    sim.inject(FaultRule::always(FaultKind::ResetBeforeRead));
}

/// How clusters are asked: soon given up.
pub fn clients() -> ClientSettings {
    ClientSettings { deadline: Duration::from_secs(5), connect: Duration::from_secs(2), ..ClientSettings::default() }
}

/// A simulated cluster as bnpd knows it.
pub fn settings(host: &str, sim: &Sim) -> ClusterSettings {
    ClusterSettings {
        host: host.parse_host(),
        name: host.to_owned(),
        addresses: sim.addresses().values().map(ToString::to_string).collect(),
        trust: Trust::Fingerprints(sim.addresses().keys().map(|node| sim.fingerprint(node).unwrap()).collect()),
        token_id: TOKEN.to_owned(),
        token_rotated_at: None,
        base_domain: Some("a.bnna.example".to_owned()),
        supernets: vec!["10.11.0.0/16".to_owned()],
        default_node: None,
        default_storage: Some(STORAGE.to_owned()),
    }
}

async fn platform(
    directory: &TempDir,
    masters: &MasterKeys,
    users: &Arc<UsersTable>,
    clients: &ClientSettings,
) -> Platform {
    let store = Store::open(Options::new(directory.path().join("bnna.db"))).await.unwrap();
    let settings = Settings {
        clients: clients.clone(),
        task_deadline: Duration::from_secs(60),
        operations: bnna_operations::Settings {
            lease: Duration::from_secs(2),
            heartbeat: Duration::from_millis(500),
            resume_every: Some(Duration::from_millis(200)),
            backoff: Duration::from_millis(5),
            backoff_most: Duration::from_millis(20),
            ..Settings::default().operations
        },
        ..Settings::default()
    };
    Platform::start(store, masters, Arc::clone(users), settings).await.unwrap()
}
