//! The log of the cluster: what its nodes tell each other about logins, changes of guests and tasks.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// How many lines are kept.
const KEPT: usize = 5_000;

/// How grave a line is, as syslog numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// 3.
    Error,
    /// 6.
    Info,
}

impl Priority {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Info => 6,
        }
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Running number on its node; the first line of every node says that the log started.
    pub number: u64,
    /// The node that wrote it.
    pub node: String,
    /// The process that wrote it.
    pub pid: u32,
    /// How grave.
    pub priority: Priority,
    /// Unix seconds.
    pub time: i64,
    /// On whose behalf, token and all.
    pub user: String,
    /// What happened.
    pub message: String,
}

/// What is written down.
#[derive(Debug, Clone)]
pub struct Note<'a> {
    /// The node that writes it.
    pub node: &'a str,
    /// The process that writes it.
    pub pid: u32,
    /// How grave.
    pub priority: Priority,
    /// Unix seconds.
    pub time: i64,
    /// On whose behalf.
    pub user: &'a str,
    /// What happened.
    pub message: String,
}

/// The lines of all nodes, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterLog {
    lines: VecDeque<Line>,
    numbers: BTreeMap<String, u64>,
}

impl ClusterLog {
    /// Process number of the API's worker.
    pub const DAEMON: u32 = 152;

    /// Writes a line.
    pub fn write(&mut self, note: Note<'_>) {
        let number = self.numbers.entry(note.node.to_owned()).or_insert(1);
        *number += 1;
        self.lines.push_back(Line {
            number: *number,
            node: note.node.to_owned(),
            pid: note.pid,
            priority: note.priority,
            time: note.time,
            user: note.user.to_owned(),
            message: note.message,
        });
        while self.lines.len() > KEPT {
            self.lines.pop_front();
        }
    }

    /// The lines, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().rev()
    }
}
