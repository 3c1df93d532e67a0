//! Playing a scenario: sending its requests, waiting for tasks, collecting differences.

mod lab;
mod request;
mod timing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::state::{Clock, Cluster};
use crate::{Sim, SimBuilder, SimError};

use lab::{Backup, backup_server};
use timing::{latest_past, manual_clock, recorded_time, started};

use crate::replay::captured::{Captured, counterpart};
use crate::replay::client::{Answer, Client, ClientError, Raw};
use crate::replay::compare;
use crate::replay::transcript::{Exception, Exchange, Line, Scenario, Task};

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// A task is waited for so many rounds.
const TASK_ROUNDS: u32 = 600;
/// A simulated task may take so many seconds more than the recorded one before time moves in larger steps.
const LENIENCE: f64 = 10.0;
/// Between two looks at a simulated task that should still run.
const SHORT_WAIT: Duration = Duration::from_millis(50);

/// What became of one exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As recorded.
    Agrees,
    /// Not compared, with the reason.
    Explained(String),
    /// Not as recorded.
    Differs(Vec<String>),
}

/// One exchange that differs.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Its number.
    pub n: u64,
    /// Verb, path and label.
    pub call: String,
    /// What differs.
    pub details: Vec<String>,
}

/// The result of one scenario.
#[derive(Debug, Clone)]
pub struct Report {
    /// Name.
    pub scenario: String,
    /// Exchanges that were compared.
    pub compared: usize,
    /// Those that agree.
    pub agree: usize,
    /// Those with an explained difference, or not representative.
    pub explained: usize,
    /// The others.
    pub differences: Vec<Difference>,
    /// Why the scenario was not played at all.
    pub skipped: Option<String>,
}

impl Report {
    /// Agreement in percent, to two digits, rounded down; 100 when nothing was compared.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn percent(&self) -> f64 {
        if self.compared == 0 {
            return 100.0;
        }
        (self.agree * 10_000 / self.compared) as f64 / 100.0
    }
}

/// A server that is not ours.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its address, for every entry that the transcript names.
    pub address: SocketAddr,
    /// SHA-256 fingerprint of its certificate.
    pub fingerprint: String,
    /// Secret of its token `root@pam!lab`.
    pub secret: String,
}

struct Player {
    clients: BTreeMap<String, Client>,
    secret: String,
    sim: Option<Sim>,
    backup: Option<Backup>,
    captured: Captured,
    /// When the scenario began, Unix seconds.
    began: i64,
    /// Literal bodies by the label of their exchange.
    bodies: BTreeMap<String, String>,
}

/// Plays a scenario against a fresh simulator.
///
/// # Errors
/// When the simulator does not start or the client cannot be set up; differences are no error.
pub async fn run(
    scenario: &Scenario,
    exceptions: &[Exception],
    prepare: impl FnOnce(SimBuilder) -> SimBuilder,
) -> Result<Report, SimError> {
    let header = &scenario.header;
    let backup = if header.setup.contains("PBS") { Some(backup_server(&header.version).await?) } else { None };
    let nodes: Vec<&str> = if header.setup.starts_with("fresh two-node cluster") {
        vec!["pve1", "pve2"]
    } else {
        vec![header.node.as_deref().filter(|node| *node != "localhost").unwrap_or("pve1")]
    };
    let clock = started(scenario).map_or_else(Clock::default, manual_clock);
    let mut builder = SimBuilder::from_state(Cluster::fresh_at(&nodes, clock));
    if header.product == "pve" {
        builder = builder.version(&header.version);
    }
    if let Some(backup) = &backup {
        builder = builder.state(|cluster| backup.attach(cluster));
    }
    let sim = prepare(builder).root_token("lab", None).start().await?;
    let mut clients = BTreeMap::new();
    for (name, address) in sim.addresses() {
        let fingerprint = sim.fingerprint(name).unwrap_or_default();
        if let Ok(client) = Client::new(*address, &fingerprint) {
            clients.insert(name.clone(), client);
        }
    }
    if let Some(backup) = &backup
        && let Ok(client) = Client::new(backup.sim.address(), &backup.sim.fingerprint())
    {
        clients.insert("pbs1".to_owned(), client);
    }
    let secret = sim.root_token().map(|token| token.secret.clone()).unwrap_or_default();
    let player = Player {
        clients,
        secret,
        sim: Some(sim),
        backup,
        captured: Captured::default(),
        began: 0,
        bodies: BTreeMap::new(),
    };
    Ok(play(player, scenario, exceptions).await)
}

/// Plays a scenario against a server that is already there. It has to be in the scenario's initial state.
///
/// # Errors
/// When the client cannot be set up.
pub async fn run_against(
    scenario: &Scenario,
    exceptions: &[Exception],
    target: &Target,
) -> Result<Report, ClientError> {
    let mut clients = BTreeMap::new();
    for line in &scenario.lines {
        if let Line::Exchange(exchange) = line
            && !clients.contains_key(&exchange.entry)
        {
            clients.insert(exchange.entry.clone(), Client::new(target.address, &target.fingerprint)?);
        }
    }
    let (captured, bodies) = (Captured::default(), BTreeMap::new());
    let secret = target.secret.clone();
    let player = Player { clients, secret, sim: None, backup: None, captured, began: 0, bodies };
    Ok(play(player, scenario, exceptions).await)
}

fn skipped(scenario: &Scenario, reason: &str) -> Report {
    Report {
        scenario: scenario.header.scenario.clone(),
        compared: 0,
        agree: 0,
        explained: 0,
        differences: Vec::new(),
        skipped: Some(reason.to_owned()),
    }
}

async fn play(mut player: Player, scenario: &Scenario, exceptions: &[Exception]) -> Report {
    let mut report = Report { skipped: None, ..skipped(scenario, "") };
    player.set_clock(scenario);
    for line in &scenario.lines {
        let exchange = match line {
            Line::Event(event) => {
                player.event(event);
                continue;
            }
            Line::Exchange(exchange) => exchange,
        };
        let found = player.exchange(exchange).await;
        let exception = exceptions.iter().find(|exception| exception.covers(&scenario.header.scenario, exchange));
        if exchange.not_representative || exception.is_some() {
            report.explained += 1;
            continue;
        }
        report.compared += 1;
        if found.is_empty() {
            report.agree += 1;
        } else {
            let call = format!(
                "{} {} [{}] as {}",
                exchange.request.method, exchange.request.path, exchange.label, exchange.caller
            );
            report.differences.push(Difference { n: exchange.n, call, details: found });
        }
    }
    if let Some(sim) = player.sim.take() {
        sim.shutdown().await;
    }
    if let Some(backup) = player.backup.take() {
        backup.sim.shutdown().await;
    }
    report
}

fn is_backup(entry: &str) -> bool {
    entry.starts_with("pbs")
}

impl Player {
    /// Starts the simulator's clock where the recording did, as far as that is known; it then only moves when it is told to.
    #[allow(clippy::cast_possible_truncation)]
    fn set_clock(&mut self, scenario: &Scenario) {
        let start = started(scenario);
        if let Some(sim) = &self.sim {
            self.began = sim.with_state(|cluster| {
                cluster.clock = match start {
                    Some(start) => manual_clock(start),
                    None => Clock::manual(cluster.now()),
                };
                let now = cluster.clock.now_ms();
                // Clusters were recorded long after their nodes had started.
                let up = if cluster.nodes.iter().count() > 1 { 9000 } else { 0 };
                for node in cluster.nodes.iter_mut() {
                    node.booted = (now + 999).div_euclid(1000) - up;
                    node.served_ms = Some(now);
                }
                cluster.now()
            });
        }
        if let Some(backup) = &self.backup {
            backup.sim.with_state(|pbs| {
                pbs.clock = match start {
                    Some(start) => manual_clock(start),
                    None => Clock::manual(pbs.now()),
                };
                pbs.booted = pbs.now() - 60;
                pbs.pretend_installed();
            });
        }
    }

    fn advance(&self, by: Duration) {
        if let Some(sim) = &self.sim {
            sim.with_state(|cluster| cluster.clock.advance(by));
        }
        if let Some(backup) = &self.backup {
            backup.sim.with_state(|pbs| pbs.clock.advance(by));
        }
    }

    fn event(&self, label: &str) {
        let Some(sim) = &self.sim else { return };
        if let Some(node) = label.split_whitespace().next().filter(|_| label.contains("lost power")) {
            sim.with_state(|cluster| cluster.set_node_online(node, false));
        }
    }

    /// Sends one request and compares its answer.
    async fn exchange(&mut self, exchange: &Exchange) -> Vec<String> {
        if let Some(sim) = &self.sim {
            let now = sim.with_state(|cluster| cluster.clock.now_ms());
            let time = recorded_time(exchange).max(latest_past(&exchange.response.body, self.began));
            if let Some(behind) = time.map(|until| until * 1000 - now).filter(|behind| *behind > 0) {
                self.advance(Duration::from_millis(behind.unsigned_abs()));
            }
        }
        let raw = self.raw(exchange);
        if let Some(body) = &exchange.request.raw_body {
            self.bodies.insert(exchange.label.clone(), body.clone());
        }
        let Some(client) = self.clients.get_mut(&exchange.entry) else {
            return vec![format!("there is no server {}", exchange.entry)];
        };
        let answer = match client.send(&raw).await {
            Ok(answer) => Some(answer),
            Err(ClientError::Closed | ClientError::Connect(..)) => None,
            Err(error) => return vec![error.to_string()],
        };
        let seconds = exchange.response.seconds.unwrap_or(0.05).clamp(0.01, 120.0);
        self.advance(Duration::from_secs_f64(seconds));
        let Some(answer) = answer else {
            return if exchange.response.status == 0 { Vec::new() } else { vec!["no answer".to_owned()] };
        };
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        for (name, pointer) in &exchange.captures {
            let text = |value: &Value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let recorded = exchange.response.body.pointer(pointer).map(text).unwrap_or_default();
            let ours = counterpart(pointer, &exchange.response.body, &body, &self.captured);
            let ours = ours.or_else(|| body.pointer(pointer)).map(text).unwrap_or_default();
            self.captured.add(name, recorded, ours);
        }
        let mut found = self.compare(exchange, &answer, &body);
        if let (Some(task), Some(upid)) = (&exchange.task, body.get("data").and_then(Value::as_str)) {
            found.extend(self.task(&exchange.entry, task, upid).await);
        }
        found
    }

    fn compare(&self, exchange: &Exchange, answer: &Answer, body: &Value) -> Vec<String> {
        let expected = &exchange.response;
        let mut found = Vec::new();
        if expected.status != answer.status {
            found.push(format!("status: expected {} got {}", expected.status, answer.status));
        }
        if !compare::same_text(&expected.reason, &answer.reason, &self.captured) {
            found.push(format!("reason: expected {:?} got {:?}", expected.reason, answer.reason));
        }
        if let Some(text) = &expected.text {
            let ours = String::from_utf8_lossy(&answer.body);
            if !text.starts_with("<!DOCTYPE") && !compare::same_text(text, &ours, &self.captured) {
                found.push(format!("text: expected {text:?} got {ours:?}"));
            }
        } else {
            let shortened = !expected.shortened.is_null() && expected.shortened != Value::Bool(false);
            found.extend(compare::body(&expected.body, body, &self.captured, shortened));
        }
        found
    }

    /// Waits for a task and compares how it ended.
    async fn task(&mut self, entry: &str, expected: &Task, upid: &str) -> Vec<String> {
        let node = upid.split(':').nth(1).unwrap_or_default();
        let id = utf8_percent_encode(upid, ESCAPED).to_string();
        if let (Some(sim), Some(seconds)) = (&self.sim, expected.seconds) {
            let millis = Duration::from_secs_f64(seconds.clamp(0.0, 600.0)).as_millis();
            let millis = i64::try_from(millis).unwrap_or(0);
            sim.with_state(|cluster| cluster.pace_task(upid, millis));
            self.advance(Duration::from_millis(millis.unsigned_abs()));
        }
        let mut waited = 0.0;
        for _ in 0..TASK_ROUNDS {
            let status = self.get(entry, &format!("/nodes/{node}/tasks/{id}/status")).await;
            let Some(status) = status.and_then(|body| body.get("data").cloned()) else {
                return vec![format!("task {upid} has no status")];
            };
            if status.get("status").and_then(Value::as_str) != Some("stopped") {
                self.wait(waited < expected.seconds.unwrap_or(0.0) + LENIENCE).await;
                waited += SHORT_WAIT.as_secs_f64();
                continue;
            }
            let mut found = compare::body(&expected.status, &status, &self.captured, false);
            let log = self.get(entry, &format!("/nodes/{node}/tasks/{id}/log?limit=0")).await;
            let last = log
                .as_ref()
                .and_then(|body| body.get("data")?.as_array()?.last()?.get("t")?.as_str())
                .unwrap_or_default();
            let wanted = expected.log.last().map_or("", String::as_str);
            if !compare::same_text(wanted, last, &self.captured) {
                found.push(format!("last line of the task's log: expected {wanted:?} got {last:?}"));
            }
            return found;
        }
        vec![format!("task {upid} does not end")]
    }

    /// Waits between two looks at a task: in small steps as long as the recorded one ran.
    async fn wait(&self, running: bool) {
        if self.sim.is_some() || self.backup.is_some() {
            self.advance(if running { SHORT_WAIT } else { Duration::from_secs(1) });
        } else {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn get(&mut self, entry: &str, path: &str) -> Option<Value> {
        let raw = Raw {
            method: "GET".to_owned(),
            target: format!("/api2/json{path}"),
            headers: BTreeMap::from([("Authorization".to_owned(), self.root(entry))]),
            body: None,
        };
        let answer = self.clients.get_mut(entry)?.send(&raw).await.ok()?;
        serde_json::from_slice(&answer.body).ok()
    }
}
