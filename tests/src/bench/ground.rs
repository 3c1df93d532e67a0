//! What a measurement stands on: a directory with keys and a filled store, simulators, and bnpd over them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use bnna_store::{Options, Store, accounts};
use tempfile::TempDir;
use uuid::Uuid;

use super::http::{Client, request};
use super::{Programs, simulators};

/// How long bnpd may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The simulators' process.
pub(super) struct Simulators {
    child: Child,
    input: Option<ChildStdin>,
    /// What bnpd's configuration says of them.
    pub(super) declared: String,
}

impl Simulators {
    pub(super) fn start(programs: &Programs, clusters: usize, guests: u32) -> Outcome<Self> {
        let mut command = Command::new(&programs.bench);
        command.args(["simulators", &clusters.to_string(), &guests.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let out = child.stdout.take().ok_or("no output")?;
        let mut declared = String::new();
        for line in BufReader::new(out).lines() {
            let line = line?;
            if line == "ready" {
                return Ok(Self { child, input, declared });
            }
            declared.push_str(&line);
            declared.push('\n');
        }
        Err("the simulators do not start".into())
    }

    pub(super) fn tell(&mut self, line: &str) -> Outcome<()> {
        let input = self.input.as_mut().ok_or("no input")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }
}

impl Drop for Simulators {
    fn drop(&mut self) {
        self.input.take();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keys, configuration and store.
pub(super) struct Ground {
    directory: TempDir,
    config: PathBuf,
    /// The operator's token.
    pub(super) token: String,
    address: SocketAddr,
}

impl Ground {
    /// An empty store over these clusters.
    pub(super) fn new(declared: &str) -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let written = bnpd::init::run(&directory.path().join("etc"), &directory.path().join("store"))?;
        let token = written.token.ok_or("no token")?.expose().to_owned();
        let mut config = File::options().append(true).open(&written.config)?;
        config.write_all(declared.as_bytes())?;
        // A port that is free now; nobody else is told of it.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Self { config: written.config, directory, token, address })
    }

    /// Puts accounts into the store, each with a place on a cluster.
    pub(super) fn fill(&self, count: u32, clusters: u32) -> Outcome<()> {
        let file = bnpd::compose::store_file(&self.directory.path().join("store"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let store = Store::open(Options::new(file)).await?;
            store
                .write(move |sql| {
                    for number in 0..count {
                        let slug = simulators::account(number);
                        let row = account(&slug);
                        accounts::insert(sql, &row)?;
                        let place = accounts::AccountCluster {
                            account_id: row.id,
                            cluster: format!("sim-{:02}", number % clusters.max(1)),
                            pool: slug,
                            adopted: false,
                            state: "ready".to_owned(),
                        };
                        accounts::put_cluster(sql, &place)?;
                    }
                    Ok(())
                })
                .await?;
            store.close().await;
            Ok(())
        })
    }

    /// Starts bnpd as it is by default.
    pub(super) fn start(&self, programs: &Programs) -> Outcome<Served> {
        self.start_with(programs, &[])
    }

    /// Starts bnpd with these settings in its environment, logging to a file as it would to a journal.
    pub(super) fn start_with(&self, programs: &Programs, settings: &[(&str, &str)]) -> Outcome<Served> {
        let log = self.directory.path().join("log");
        let began = Instant::now();
        let mut command = Command::new(&programs.bnpd);
        command.args(["serve", "--listen", &self.address.to_string(), "--config"]).arg(&self.config);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&log)?).envs(settings.iter().copied());
        let mut served = Served { child: command.spawn()?, address: self.address, took: Duration::ZERO, log };
        let health = request("GET", "/health", "", "");
        loop {
            if Client::connect(self.address).and_then(|mut client| client.ask(&health)).is_ok() {
                served.took = began.elapsed();
                return Ok(served);
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("bnpd does not start:\n{}", served.log()).into());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// A GET of the operator's.
    pub(super) fn get(&self, path: &str) -> Vec<u8> {
        request("GET", path, &self.token, "")
    }
}

/// A row of an account.
pub(super) fn account(slug: &str) -> accounts::Account {
    let now = bnna_store::now();
    accounts::Account {
        id: Uuid::now_v7(),
        slug: slug.to_owned(),
        display_name: slug.to_owned(),
        email: format!("{slug}@bench.test"),
        status: "active".to_owned(),
        pool: slug.to_owned(),
        adopted: false,
        created_at: now,
        updated_at: now,
        suspended_at: None,
        disabled_at: None,
    }
}

/// bnpd as it serves.
pub(super) struct Served {
    child: Child,
    /// Where.
    pub(super) address: SocketAddr,
    /// From its start to its first answer.
    pub(super) took: Duration,
    log: PathBuf,
}

impl Served {
    pub(super) fn connect(&self) -> Outcome<Client> {
        Ok(Client::connect(self.address)?)
    }

    /// A figure of its memory from the kernel, bytes: `VmRSS`, `VmHWM`.
    pub(super) fn memory(&self, figure: &str) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(figure)).ok_or("no such figure")?;
        let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
        Ok(kib * 1024)
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL.
    pub(super) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
