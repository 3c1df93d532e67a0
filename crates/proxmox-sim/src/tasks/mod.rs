//! Tasks: work that a call starts and that goes on after its answer, in simulated time.
//!
//! A call checks what the real server checks before it forks, then starts a task with [`Cluster::start_task`]. What the real
//! worker checks first thing decides there and then whether the task will fail; the effect of the work comes when the
//! task's time is over, in [`Cluster::settle_tasks`]. All of it is data, so that a saved cluster goes on with its tasks.

pub mod fault;
mod work;

use std::collections::BTreeMap;

use proxmox_client::ids::{Upid, UpidTask};
use serde::{Deserialize, Serialize};

use crate::api::Caller;
use crate::state::Cluster;
use crate::state::log::{ClusterLog, Note, Priority};

pub use fault::{TaskFault, TaskFaultKind};
pub use work::{Context, End, Work};

/// How many finished tasks are remembered.
const KEPT: usize = 20_000;

/// How many of them a node tells the others about.
pub const BROADCAST: usize = 25;

/// Milliseconds that a worker lives when there is nothing to do.
pub const SHORT: u64 = 50;

/// All tasks of a cluster, in the order in which they began.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tasks {
    list: Vec<Task>,
    /// Last process number given on each node.
    pids: BTreeMap<String, u32>,
    /// Counts endings, to know their order within a second.
    ended: u64,
    /// Faults that wait for a task.
    pub faults: Vec<TaskFault>,
}

/// One task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub upid: Upid,
    /// Its log, without the last line while it runs.
    pub log: Vec<String>,
    /// Whether it runs.
    pub state: TaskState,
}

/// Whether a task runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum TaskState {
    /// It does, until then (Unix milliseconds); `None` means until it is stopped.
    Running {
        /// The end of its time.
        until: Option<i64>,
        /// What is done then.
        work: Box<Work>,
    },
    /// It does not.
    Ended {
        /// When it ended, Unix seconds.
        at: i64,
        /// `OK`, `WARNINGS: n`, or the error.
        status: String,
        /// Position in the order of endings.
        order: u64,
    },
}

impl Task {
    /// Exit status, when it has ended.
    #[must_use]
    pub fn status(&self) -> Option<&str> {
        match &self.state {
            TaskState::Running { .. } => None,
            TaskState::Ended { status, .. } => Some(status),
        }
    }

    /// When it ended, Unix seconds.
    #[must_use]
    pub const fn ended_at(&self) -> Option<i64> {
        match &self.state {
            TaskState::Running { .. } => None,
            TaskState::Ended { at, .. } => Some(*at),
        }
    }

    /// Position in the order of endings.
    #[must_use]
    pub const fn order(&self) -> u64 {
        match &self.state {
            TaskState::Running { .. } => u64::MAX,
            TaskState::Ended { order, .. } => *order,
        }
    }

    /// The user that started it, without a token's name.
    #[must_use]
    pub fn user(&self) -> &str {
        self.upid.task().user.split('!').next().unwrap_or_default()
    }

    /// The name of the token that started it.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.upid.task().user.split_once('!').map(|(_, token)| token)
    }

    /// Whether this caller may see and stop it without further rights: it started it, or one of its tokens did.
    #[must_use]
    pub fn belongs_to(&self, caller: &Caller) -> bool {
        owned_by(&self.upid.task().user, caller)
    }
}

/// Whether a task started by `user` (perhaps a token) is the caller's own.
#[must_use]
pub fn owned_by(user: &str, caller: &Caller) -> bool {
    let id = caller.id();
    user == id || user.split_once('!').is_some_and(|(owner, _)| owner == id)
}

/// What to start.
#[derive(Debug, Clone)]
pub struct NewTask<'a> {
    /// The node that runs it.
    pub node: &'a str,
    /// `qmstart`, `vzdump`, …
    pub kind: &'a str,
    /// What it works on; may be empty.
    pub id: &'a str,
    /// On whose behalf.
    pub user: &'a str,
}

/// What a worker found when it began.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How long the work takes, milliseconds.
    pub millis: u64,
    /// Log lines from the beginning.
    pub log: Vec<String>,
    /// What is done at the end.
    pub work: Work,
}

impl Plan {
    /// Work that takes this long.
    #[must_use]
    pub fn new(millis: u64, work: impl Into<Work>) -> Self {
        Self { millis, log: Vec::new(), work: work.into() }
    }

    /// Nothing to do.
    #[must_use]
    pub fn nothing() -> Self {
        Self::new(SHORT, Work::Nothing)
    }

    /// Adds a log line for the beginning.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.log.push(line.into());
        self
    }
}

impl Tasks {
    /// Finds a task.
    #[must_use]
    pub fn get(&self, upid: &str) -> Option<&Task> {
        self.list.iter().rev().find(|task| task.upid.as_str() == upid)
    }

    /// All tasks, the first started first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.list.iter()
    }

    /// Adds a task that ended long ago, as a seed knows it.
    pub fn restore(&mut self, upid: Upid, log: Vec<String>, at: i64, status: String) {
        self.ended += 1;
        self.list.push(Task { upid, log, state: TaskState::Ended { at, status, order: self.ended } });
    }

    /// Whether a task of this kind runs on a node.
    #[must_use]
    pub fn is_running(&self, node: &str, kind: &str) -> bool {
        self.list
            .iter()
            .any(|task| task.status().is_none() && task.upid.node() == node && task.upid.task().kind == kind)
    }

    /// When the last of the running tasks of this kind on a node will end, Unix milliseconds.
    #[must_use]
    pub fn longest_running(&self, node: &str, kind: &str) -> Option<i64> {
        let running = self.list.iter().filter(|task| task.upid.node() == node && task.upid.task().kind == kind);
        running.filter_map(|task| if let TaskState::Running { until, .. } = &task.state { *until } else { None }).max()
    }

    /// A process number on a node: for a worker or for a guest.
    pub fn next_pid(&mut self, node: &str) -> u32 {
        let pid = self.pids.entry(node.to_owned()).or_insert(120);
        *pid = pid.wrapping_add(5).max(120);
        *pid
    }

    fn forget_old(&mut self) {
        if self.list.len() > KEPT {
            let surplus = self.list.len() - KEPT;
            let mut dropped = 0;
            self.list.retain(|task| {
                let keep = task.status().is_none() || dropped >= surplus;
                dropped += usize::from(!keep);
                keep
            });
        }
    }
}

impl Cluster {
    /// Starts a task and returns its id. `begin` is what the worker does first; an error there is what the task ends with.
    pub fn start_task(&mut self, new: &NewTask<'_>, begin: impl FnOnce(&mut Self) -> Result<Plan, String>) -> String {
        let now = self.clock.now_ms();
        self.start_task_at(new, now, begin)
    }

    /// [`Cluster::start_task`] at a given time (Unix milliseconds): for tasks that other tasks start.
    pub fn start_task_at(
        &mut self,
        new: &NewTask<'_>,
        now: i64,
        begin: impl FnOnce(&mut Self) -> Result<Plan, String>,
    ) -> String {
        let booted = self.nodes.get(new.node).map_or(0, |node| node.booted);
        let seconds = now.div_euclid(1000);
        let task = UpidTask {
            node: new.node.to_owned(),
            pid: self.tasks.next_pid(new.node),
            pstart: u64::try_from((now - booted.saturating_mul(1000)) / 10).unwrap_or(0) & 0xF_FFFF_FFFF,
            task_number: None,
            start_time: u64::try_from(seconds).unwrap_or(0),
            kind: new.kind.to_owned(),
            id: new.id.to_owned(),
            user: new.user.to_owned(),
        };
        let Ok(upid) = Upid::for_pve(&task) else { return String::new() };
        self.log_task(&task, seconds, Priority::Info, format!("starting task {upid}"));
        let fault = self.tasks.take_fault(new.kind, new.id);
        let planned = begin(self);
        let (log, millis, work) = match planned {
            Ok(plan) => (plan.log, Some(plan.millis), plan.work),
            Err(text) => (Vec::new(), Some(SHORT), Work::Fail(text)),
        };
        let (millis, work) = match fault {
            None => (millis, work),
            Some(TaskFaultKind::Fail(text)) => (millis, Work::Instead { status: text, log: true, of: Box::new(work) }),
            Some(TaskFaultKind::Die) => {
                (millis, Work::Instead { status: "unexpected status".into(), log: false, of: Box::new(work) })
            }
            Some(TaskFaultKind::Hang) => (None, work),
        };
        let until = millis.map(|millis| now.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX)));
        let text = upid.to_string();
        self.tasks.list.push(Task { upid, log, state: TaskState::Running { until, work: Box::new(work) } });
        self.tasks.forget_old();
        text
    }

    fn log_task(&mut self, task: &UpidTask, time: i64, priority: Priority, message: String) {
        let (node, user) = (&task.node, &task.user);
        self.log.write(Note { node, pid: ClusterLog::DAEMON, priority, time, user, message });
    }

    /// Lets a running task take so long from its start (milliseconds), as on a machine of another speed. Tasks that wait for others keep
    /// their time.
    pub fn pace_task(&mut self, upid: &str, millis: i64) {
        let now = self.clock.now_ms();
        let Some(task) = self.tasks.list.iter_mut().rev().find(|task| task.upid.as_str() == upid) else { return };
        if let TaskState::Running { until: Some(until), work } = &mut task.state
            && !work.waits_for_others()
        {
            *until = now.saturating_add(millis);
        }
    }

    /// Ends every task whose time is over, in the order of their ends.
    pub fn settle_tasks(&mut self) {
        let now = self.clock.now_ms();
        // Bounded: every round ends one task, and a task that starts another gives it a time of its own.
        for _ in 0..100_000 {
            let due = self
                .tasks
                .list
                .iter()
                .enumerate()
                .filter_map(|(index, task)| match task.state {
                    TaskState::Running { until: Some(until), .. } if until <= now => Some((until, index)),
                    _ => None,
                })
                .min();
            let Some((until, index)) = due else { return };
            self.finish_task(index, until, None);
        }
    }

    /// Stops a running task, as a signal would.
    pub fn stop_task(&mut self, upid: &str) {
        let now = self.clock.now_ms();
        let found = self.tasks.list.iter().position(|task| task.upid.as_str() == upid && task.status().is_none());
        if let Some(index) = found {
            self.finish_task(index, now, Some("received interrupt"));
        }
    }

    fn finish_task(&mut self, index: usize, at_ms: i64, interrupted: Option<&str>) {
        let Some(task) = self.tasks.list.get_mut(index) else { return };
        let upid = task.upid.clone();
        let mut log = std::mem::take(&mut task.log);
        let ended = TaskState::Ended { at: at_ms.div_euclid(1000), status: String::new(), order: 0 };
        let TaskState::Running { work, .. } = std::mem::replace(&mut task.state, ended) else { return };
        let UpidTask { node, user, pid, .. } = upid.task().clone();
        let context = Context { node, user, pid, at_ms };
        let result = match interrupted {
            Some(text) => {
                work.abort(self);
                Err(text.to_owned())
            }
            None => work.finish(self, &context, &mut log),
        };
        let status = match result {
            Ok(End::Ok) => {
                log.push("TASK OK".into());
                "OK".to_owned()
            }
            Ok(End::Warnings(count)) => {
                log.push(format!("TASK WARNINGS: {count}"));
                format!("WARNINGS: {count}")
            }
            Ok(End::Died(status)) => status,
            Err(text) => {
                let text = text.trim_end().replace('\n', " ");
                log.push(format!("TASK ERROR: {text}"));
                text
            }
        };
        self.tasks.ended += 1;
        let order = self.tasks.ended;
        let priority = if status == "OK" { Priority::Info } else { Priority::Error };
        self.log_task(upid.task(), at_ms.div_euclid(1000), priority, format!("end task {upid} {status}"));
        // The list may have grown while the work was finished, but nothing before this one goes away.
        if let Some(task) = self.tasks.list.iter_mut().find(|task| task.upid == upid) {
            task.log = log;
            task.state = TaskState::Ended { at: at_ms.div_euclid(1000), status, order };
        }
    }
}
