//! Tasks of the backup server: ids, logs, how they end.

use proxmox_client::ids::{Upid, UpidTask};
use serde::{Deserialize, Serialize};

use super::state::Pbs;

/// Tasks, oldest first, bounded.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tasks {
    /// All that are remembered.
    pub all: Vec<Task>,
    /// Number of the next one.
    pub next: u64,
}

/// Tasks that are remembered.
const KEPT: usize = 5_000;

/// One task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub upid: String,
    /// Kind of work.
    pub kind: String,
    /// What it works on, unescaped.
    pub id: Option<String>,
    /// Who started it.
    pub auth_id: String,
    /// Unix seconds.
    pub start: i64,
    /// Unix seconds at which it ends, or did.
    pub end: i64,
    /// `OK`, `WARNINGS: n` or the error.
    pub outcome: String,
    /// Lines of the log without the last one.
    pub log: Vec<String>,
}

impl Task {
    /// Process number in the id.
    #[must_use]
    pub fn pid(&self) -> (u32, u64) {
        self.upid.parse::<Upid>().map_or((0, 0), |upid| (upid.task().pid, upid.task().pstart))
    }

    /// Lines as the log shows them, with the closing one when the task has ended.
    #[must_use]
    pub fn lines(&self, now: i64) -> Vec<String> {
        let stamped = |at: i64, text: &str| format!("{}: {text}", rfc3339(at));
        let mut lines: Vec<String> = self.log.iter().map(|line| stamped(self.start, line)).collect();
        if self.end <= now {
            let last = match self.outcome.as_str() {
                "OK" => "TASK OK".to_owned(),
                warnings if warnings.starts_with("WARNINGS: ") => format!("TASK {warnings}"),
                error => format!("TASK ERROR: {error}"),
            };
            lines.push(stamped(self.end, &last));
        }
        lines
    }
}

/// A task to be recorded.
pub(super) struct Work<'a> {
    /// Kind of work.
    pub kind: &'a str,
    /// What it works on.
    pub id: Option<&'a str>,
    /// Who starts it.
    pub auth_id: &'a str,
    /// Seconds that it takes.
    pub seconds: i64,
    /// `Err` is the error that it ends with.
    pub outcome: Result<(), String>,
    /// Lines of its log.
    pub log: Vec<String>,
}

impl Pbs {
    /// The id that the next task will have.
    pub(super) fn next_upid(&self, kind: &str, id: Option<&str>, auth_id: &str) -> String {
        let now = self.now();
        let task = UpidTask {
            node: self.name.clone(),
            pid: 56,
            pstart: u64::try_from(now.saturating_sub(self.booted).saturating_mul(100)).unwrap_or(0),
            task_number: Some(self.tasks.next),
            start_time: u64::try_from(now).unwrap_or(0),
            kind: kind.to_owned(),
            id: id.unwrap_or_default().to_owned(),
            user: auth_id.to_owned(),
        };
        Upid::for_pbs(&task).map_or_else(|_| String::new(), |upid| upid.as_str().to_owned())
    }

    /// Records a task whose work is done; it shows as running until its time is up. Tells its id.
    pub(super) fn record(&mut self, work: Work<'_>) -> String {
        let upid = self.next_upid(work.kind, work.id, work.auth_id);
        let now = self.now();
        self.tasks.next = self.tasks.next.wrapping_add(1);
        self.tasks.all.push(Task {
            upid: upid.clone(),
            kind: work.kind.to_owned(),
            id: work.id.map(str::to_owned),
            auth_id: work.auth_id.to_owned(),
            start: now,
            end: now.saturating_add(work.seconds),
            outcome: work.outcome.err().unwrap_or_else(|| "OK".to_owned()),
            log: work.log,
        });
        let excess = self.tasks.all.len().saturating_sub(KEPT);
        self.tasks.all.drain(..excess);
        upid
    }
}

/// `2026-11-21T02:07:19+00:00`, as in logs.
pub(super) fn rfc3339(at: i64) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");
    formatted(at, &format)
}

/// `2026-11-21T02:07:19Z`, as in the names of snapshots.
pub(super) fn zulu(at: i64) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    formatted(at, &format)
}

fn formatted(at: i64, format: &(impl time::formatting::Formattable + ?Sized)) -> String {
    time::OffsetDateTime::from_unix_timestamp(at).ok().and_then(|time| time.format(format).ok()).unwrap_or_default()
}
