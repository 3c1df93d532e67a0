//! Measurements of bnpd as it is served: `cargo xtask bench platform`. The simulators, bnpd and what it is compared with are
//! processes of their own; this one only asks and reads the clock. Every comparison has both its sides in the same run.
//!
//! It asserts nothing about times: a test runs every part at a tiny size, so that they do not rot.

#![allow(clippy::disallowed_methods, reason = "no runtime here: the thread that measures waits and reads the clock")]

pub mod bare;
mod decode;
mod ground;
mod http;
mod lists;
mod points;
mod process;
pub mod simulators;
mod work;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// Simulated clusters.
    pub clusters: usize,
    /// Guests over all of them.
    pub guests: u32,
    /// Guests of the one large cluster.
    pub large: u32,
    /// Accounts in the lists.
    pub accounts: u32,
    /// Accounts in the store that a point read is measured beside: few and many.
    pub few_and_many: (u32, u32),
    /// Operations.
    pub operations: u32,
    /// Operations that are under way when bnpd is killed.
    pub interrupted: u32,
    /// How often a list is read.
    pub reads: usize,
    /// How long point reads go on.
    pub load: Duration,
    /// Connections that read points at once.
    pub connections: usize,
    /// How often bnpd is started.
    pub starts: usize,
}

impl Sizes {
    /// What `docs/benchmarks.md` shows.
    #[must_use]
    pub fn full() -> Self {
        Self {
            clusters: 10,
            guests: 25_000,
            large: 100_000,
            accounts: 25_000,
            few_and_many: (10, 100_000),
            operations: 1_000,
            interrupted: 50,
            reads: 60,
            load: Duration::from_secs(5),
            connections: 16,
            starts: 10,
        }
    }

    /// So little that it takes seconds.
    #[must_use]
    pub fn tiny() -> Self {
        Self {
            clusters: 2,
            guests: 6,
            large: 20,
            accounts: 30,
            few_and_many: (3, 20),
            operations: 5,
            interrupted: 2,
            reads: 2,
            load: Duration::from_millis(200),
            connections: 2,
            starts: 2,
        }
    }
}

/// The programs that are measured.
#[derive(Debug, Clone)]
pub struct Programs {
    /// bnpd.
    pub bnpd: PathBuf,
    /// This benchmark's own, which is the simulators and the bare server, too.
    pub bench: PathBuf,
}

/// One figure.
#[derive(Debug)]
pub struct Figure {
    what: String,
    measured: String,
    compared: String,
    aim: &'static str,
    met: Option<bool>,
}

impl Figure {
    fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { what: what.into(), measured: measured.into(), compared: String::new(), aim: "", met: None }
    }

    fn against(mut self, compared: impl Into<String>) -> Self {
        self.compared = compared.into();
        self
    }

    fn aims(mut self, aim: &'static str, met: bool) -> Self {
        self.aim = aim;
        self.met = Some(met);
        self
    }
}

/// What is measured, by name.
type Part = fn(&Programs, &Sizes) -> Measured;
type Measured = Result<Vec<Figure>, Box<dyn std::error::Error>>;

const PARTS: &[(&str, Part)] = &[
    ("start", process::measure),
    ("lists", lists::instances),
    ("accounts", lists::accounts),
    ("points", points::measure),
    ("decode", decode::measure),
    ("operations", work::operations),
    ("recovery", work::recovery),
    ("memory", process::full),
];

/// The names of the parts.
pub fn parts() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|(name, _)| *name)
}

/// Measures the parts named, or all of them, and gives the rows of a table; `told` hears of each row as it is made.
///
/// # Errors
/// In words, with the part's name, when one cannot be measured.
pub fn run(programs: &Programs, sizes: &Sizes, only: &[String], told: impl Fn(&str)) -> Result<String, String> {
    let mut table = String::new();
    let mut tell = |line: String| {
        told(&line);
        let _ = writeln!(table, "{line}");
    };
    tell("| what | measured | compared with | aim | met |\n|---|---|---|---|---|".to_owned());
    for (name, part) in PARTS.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|wanted| wanted == name)) {
        for Figure { what, measured, compared, aim, met } in
            part(programs, sizes).map_err(|error| format!("{name}: {error}"))?
        {
            let met = met.map_or("", |met| if met { "yes" } else { "no" });
            tell(format!("| {what} | {measured} | {compared} | {aim} | {met} |"));
        }
    }
    Ok(table)
}

/// Times in order, for what they say together.
struct Times(Vec<Duration>);

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    fn quantile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let at = ((self.0.len() as f64 * share).ceil() as usize).clamp(1, self.0.len().max(1)) - 1;
        self.0.get(at).copied().unwrap_or_default()
    }

    fn median(&self) -> Duration {
        self.quantile(0.5)
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn mb(bytes: u64) -> String {
    format!("{:.1} MB", f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0)
}

/// Does something so many times and times each.
fn times(count: usize, mut work: impl FnMut()) -> Times {
    let timed = (0..count).map(|_| {
        let began = std::time::Instant::now();
        work();
        began.elapsed()
    });
    Times::of(timed.collect())
}
