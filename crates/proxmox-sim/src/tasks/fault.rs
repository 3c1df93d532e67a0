//! Faults of tasks, on demand: the next task of a kind fails, dies or hangs.

use serde::{Deserialize, Serialize};

use super::Tasks;

/// A fault that waits for its task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFault {
    /// The type of task, `qmstart`; every type when `None`.
    pub kind: Option<String>,
    /// What it works on, `100`; everything when `None`.
    pub id: Option<String>,
    /// How many tasks it still hits.
    pub times: u32,
    /// What happens.
    pub fault: TaskFaultKind,
}

/// What happens to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskFaultKind {
    /// Ends with this error instead of doing its work.
    Fail(String),
    /// Is killed before it can say how it ended: `unexpected status`, and no last line in its log.
    Die,
    /// Runs until it is stopped.
    Hang,
}

impl Tasks {
    /// Puts a fault on the list.
    pub fn inject(&mut self, fault: TaskFault) {
        self.faults.push(fault);
    }

    /// The fault that hits a task that starts now, if any.
    pub(super) fn take_fault(&mut self, kind: &str, id: &str) -> Option<TaskFaultKind> {
        let matches = |fault: &TaskFault| {
            fault.times > 0
                && fault.kind.as_deref().is_none_or(|wanted| wanted == kind)
                && fault.id.as_deref().is_none_or(|wanted| wanted == id)
        };
        let fault = self.faults.iter_mut().find(|fault| matches(fault))?;
        fault.times -= 1;
        let kind = fault.fault.clone();
        self.faults.retain(|fault| fault.times > 0);
        Some(kind)
    }
}
