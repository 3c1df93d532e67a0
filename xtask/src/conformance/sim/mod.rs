//! `--sim`: the simulator lives a scripted life, and every answer is held against the official schema, the answers of real servers, and the
//! typed calls.
//!
//! An answer passes when it is as the schema's `returns` says, or deviates where real servers deviate too; when it has every key that all
//! recorded answers to that call have; and when the typed call reads it. What is known to be otherwise stands in
//! `fixtures/conformance/omissions.json`, each with its reason. A typed call that no step makes, or that is not simulated, is a failure.

mod estate;
mod life;
mod returns;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use proxmox_client::pve::nodes::content::{UploadContent, UploadFile};
use proxmox_client::{Error, Method, Params, Pbs, Product, Pve, calls};
use serde::Deserialize;
use serde_json::Value;

use self::estate::Estate;
use self::life::{Expected, Kept, Step, Way};
use self::seen::Seen;
use super::{bodies, read, read_json, schema::Schema};
use crate::process::workspace_root;

/// So many rounds of [`ROUND`] of simulated time a task may take.
const ROUNDS: usize = 2000;
/// One look at a task a round.
const ROUND: Duration = Duration::from_secs(5);
/// An upload is over by then.
const UPLOAD: Duration = Duration::from_secs(30);

/// A key that the simulator does not have, and why.
#[derive(Debug, Deserialize)]
struct Omission {
    product: String,
    call: String,
    what: String,
    reason: String,
    /// Only with the schema of this release.
    release: Option<String>,
}

/// Runs the life of the schema's product; how many failures.
pub fn check(schema: &Schema, recorded: Option<&Path>, transcripts: Option<&Path>) -> Result<usize, String> {
    let mut seen = Seen::default();
    if let Some(dir) = recorded {
        seen.read_recorded(dir, schema)?;
    }
    if let Some(dir) = transcripts {
        seen.read_transcripts(dir, schema)?;
    }
    let name = match schema.product() {
        Product::Pve => "pve",
        Product::Pbs => "pbs",
    };
    let fixtures = workspace_root().join("fixtures/conformance");
    let file = fixtures.join(format!("life-{name}.txt"));
    let script = String::from_utf8(read(&file)?).map_err(|error| format!("{}: {error}", file.display()))?;
    let steps = life::parse(&script).map_err(|fault| format!("{}: {fault}", file.display()))?;
    let omissions: Vec<Omission> = serde_json::from_value(read_json(&fixtures.join("omissions.json"))?)
        .map_err(|error| format!("omissions.json: {error}"))?;
    let (major, minor) = schema.release();
    let release = format!("{major}.{minor}");
    let applies =
        |omission: &Omission| omission.product == name && omission.release.as_ref().is_none_or(|only| *only == release);
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let estate = Estate::start(schema.product(), schema.release()).await?;
        let mut run = Run {
            schema,
            seen: &seen,
            client: Client::of(&estate, schema.product())?,
            estate: &estate,
            kept: Kept::default(),
            omissions: omissions.into_iter().filter(applies).map(|omission| (omission, 0)).collect(),
            done: BTreeMap::new(),
            counts: Counts::default(),
        };
        for step in steps.iter().filter(|step| step.since.includes(major, minor)) {
            run.step(step).await;
        }
        run.untouched();
        run.report();
        let failures = run.counts.failures;
        estate.shutdown().await;
        Ok(failures)
    })
}

/// Clients of one product: with the token, and with a ticket.
enum Client {
    Pve(Box<[Pve; 2]>),
    Pbs(Box<[Pbs; 2]>),
}

impl Client {
    fn of(estate: &Estate, product: Product) -> Result<Self, String> {
        Ok(match product {
            Product::Pve => Self::Pve(Box::new([estate.pve(false)?, estate.pve(true)?])),
            Product::Pbs => Self::Pbs(Box::new([estate.pbs(false)?, estate.pbs(true)?])),
        })
    }

    async fn call(
        &self,
        ticket: bool,
        method: Method,
        template: &str,
        path: &[&str],
        params: &Params,
    ) -> Result<Value, Error> {
        match self {
            Self::Pve(clients) => {
                let [token, session] = clients.as_ref();
                if ticket { session } else { token }.call(method, template, path, params).await
            }
            Self::Pbs(clients) => {
                let [token, session] = clients.as_ref();
                if ticket { session } else { token }.call(method, template, path, params).await
            }
        }
    }
}

#[derive(Default)]
struct Counts {
    steps: usize,
    refused: usize,
    compared: usize,
    shaped: usize,
    tolerated: usize,
    failures: usize,
}

struct Run<'a> {
    schema: &'a Schema,
    seen: &'a Seen,
    client: Client,
    estate: &'a Estate,
    kept: Kept,
    omissions: Vec<(Omission, usize)>,
    done: BTreeMap<(Method, String), usize>,
    counts: Counts,
}

impl Run<'_> {
    async fn step(&mut self, step: &Step) {
        self.counts.steps += 1;
        let name = format!("line {}: {} {}", step.line, step.method, step.template);
        if let Err(faults) = self.make(step).await {
            for fault in faults {
                self.counts.failures += 1;
                println!("FAILS {name}: {fault}");
            }
        }
    }

    async fn make(&mut self, step: &Step) -> Result<(), Vec<String>> {
        let fill = |value: &String| self.kept.fill(value);
        let path: Vec<String> = step.path.iter().map(fill).collect::<Result<_, _>>().map_err(|fault| vec![fault])?;
        let mut params = Params::new();
        for (name, value) in &step.params {
            params.push(name.clone(), self.kept.fill(value).map_err(|fault| vec![fault])?);
        }
        let answer = self.send(step, &path, &params).await;
        let call = (step.method, step.template.clone());
        let data = match (answer, &step.expected) {
            (Err(error), Expected::Refusal(status, words)) => {
                let text = error.refusal().map(|refusal| refusal.text().to_owned()).unwrap_or_default();
                if error.status() != Some(*status) || !text.contains(words.as_str()) {
                    return Err(vec![format!("refused with {error}, not {status} {words}")]);
                }
                self.counts.refused += 1;
                *self.done.entry(call).or_default() += usize::from(*status != 501);
                return Ok(());
            }
            (Err(error), _) => return Err(vec![error.to_string()]),
            (Ok(_), Expected::Refusal(status, words)) => {
                return Err(vec![format!("not refused with {status} {words}")]);
            }
            (Ok(data), _) => data,
        };
        *self.done.entry(call).or_default() += 1;
        let mut faults = Vec::new();
        if let Some(data) = data {
            if let Some((name, pointer)) = &step.keep
                && let Err(fault) = self.kept.keep(name, pointer, &data)
            {
                faults.push(fault);
            }
            faults.extend(self.compare(step, &data));
            if step.way != Way::Leave
                && let Some(upid) = data.as_str().filter(|text| text.starts_with("UPID:"))
                && let Err(fault) = self.wait(upid, &step.expected).await
            {
                faults.push(fault);
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Sends a step; `None` is an answer without a body to compare.
    async fn send(&self, step: &Step, path: &[String], params: &Params) -> Result<Option<Value>, Error> {
        let args: Vec<&str> = path.iter().map(String::as_str).collect();
        match (step.way, &self.client) {
            (Way::Upload, Client::Pve(clients)) => {
                let [client, _] = clients.as_ref();
                let [node, storage] = args.as_slice() else { return Ok(None) };
                let name = params.iter().find(|(name, _)| *name == "filename").map_or("a.iso", |(_, value)| value);
                let content: &'static [u8] = b"not really a disc";
                let file = UploadFile::new(UploadContent::Iso);
                let (node, storage) = (client.node(node), *storage);
                let storage = node.storage(storage);
                let task = storage.upload(name, content.len() as u64, content, &file, UPLOAD);
                task.await.map(|task| Some(Value::from(task.upid().to_string())))
            }
            (Way::Stream, _) => match self.client.call(false, step.method, &step.template, &args, params).await {
                // It came, and is no JSON: that is what was asked for.
                Ok(_) | Err(Error::Unreadable { .. }) => Ok(None),
                Err(error) => Err(error),
            },
            _ => {
                let ticket = step.way == Way::Ticket;
                self.client.call(ticket, step.method, &step.template, &args, params).await.map(Some)
            }
        }
    }

    /// Holds an answer against schema, recordings and typed calls.
    fn compare(&mut self, step: &Step, data: &Value) -> Vec<String> {
        let (method, template) = (step.method, step.template.as_str());
        let call = format!("{method} {template}");
        let mut faults = Vec::new();
        let sent = step.params.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        let sent = Value::Object(sent.collect());
        if let Err(fault) = bodies::decode(self.schema.product(), method, template, Some(&sent), data) {
            faults.push(format!("the typed call cannot read it: {fault}"));
        }
        if let Some(returns) = self.schema.returns(method, template) {
            self.counts.shaped += 1;
            for deviation in returns::deviations(returns, data) {
                if self.seen.deviates(method, template, &deviation) {
                    self.counts.tolerated += 1;
                } else if !self.omitted(&call, &deviation) {
                    faults.push(format!("schema: {deviation}"));
                }
            }
        }
        if self.seen.has(method, template) {
            self.counts.compared += 1;
            let names = step.params.iter().map(|(name, _)| name.clone()).collect();
            for key in self.seen.lacking(method, template, names, data) {
                if !self.omitted(&call, &key) {
                    faults.push(format!("real answers always have {key}"));
                }
            }
        }
        faults
    }

    /// Whether it is known, with a reason.
    fn omitted(&mut self, call: &str, what: &str) -> bool {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => what.starts_with(start),
            None => what == pattern,
        };
        let known = self.omissions.iter_mut().find(|(known, _)| known.call == call && fits(&known.what));
        known.map(|(_, uses)| *uses += 1).is_some()
    }

    async fn wait(&self, upid: &str, expected: &Expected) -> Result<(), String> {
        let node = match &self.client {
            Client::Pve(_) => upid.split(':').nth(1).unwrap_or_default(),
            Client::Pbs(_) => "localhost",
        };
        for _ in 0..ROUNDS {
            let template = "/nodes/{node}/tasks/{upid}/status";
            let status = self.client.call(false, Method::Get, template, &[node, upid], &Params::new()).await;
            let status = status.map_err(|error| format!("task {upid}: {error}"))?;
            let word = |key: &str| status.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if word("status") == "stopped" {
                let end = word("exitstatus");
                return match expected {
                    Expected::TaskFails(words) if end.contains(words.as_str()) && end != "OK" => Ok(()),
                    Expected::TaskFails(words) => Err(format!("its task ends with {end:?}, not {words:?}")),
                    _ if end == "OK" || end.starts_with("WARNINGS") => Ok(()),
                    _ => Err(format!("its task ends with {end:?}")),
                };
            }
            self.estate.pass(ROUND);
        }
        Err(format!("task {upid} does not end"))
    }

    /// Typed calls that no step makes.
    fn untouched(&mut self) {
        let mut missing = BTreeSet::new();
        let (major, minor) = self.schema.release();
        for call in calls::all().filter(|call| call.product == self.schema.product()) {
            let made = self.done.get(&(call.method, call.template.to_owned())).is_some_and(|count| *count > 0);
            if call.since.includes(major, minor) && !made {
                missing.insert(format!("{} {}", call.method, call.template));
            }
        }
        for call in missing {
            self.counts.failures += 1;
            println!("FAILS {call}: no step of the script makes this typed call");
        }
    }

    fn report(&mut self) {
        for (omission, uses) in &self.omissions {
            match uses {
                0 => {
                    self.counts.failures += 1;
                    println!("FAILS omission of {} in {} is no longer one", omission.what, omission.call);
                }
                _ => println!("omitted {}: {} ({})", omission.call, omission.what, omission.reason),
            }
        }
        let counts = &self.counts;
        println!(
            "simulator: {} steps make {} calls ({} refused as they should be); {} answers against the schema, {} of them \
             deviations that real servers have too; {} answers against the keys of recordings, which have {} typed calls; \
             {} omissions; {} failures",
            counts.steps,
            self.done.len(),
            counts.refused,
            counts.shaped,
            counts.tolerated,
            counts.compared,
            self.seen.calls(),
            self.omissions.len(),
            counts.failures
        );
    }
}
