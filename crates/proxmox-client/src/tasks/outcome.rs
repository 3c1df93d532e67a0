//! How a task ended.

use std::fmt;

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TaskOutcome {
    /// It did its work.
    Ok,
    /// It did its work, with this many warnings in its log.
    Warnings(u32),
    /// It failed; the text is what it said. `unexpected status` is a task that died without a word.
    Failed(String),
}

impl TaskOutcome {
    /// Reads an exit status.
    #[must_use]
    pub fn of(exit: &str) -> Self {
        let exit = exit.trim();
        if exit == "OK" {
            return Self::Ok;
        }
        match exit.strip_prefix("WARNINGS:").and_then(|count| count.trim().parse().ok()) {
            Some(count) => Self::Warnings(count),
            None => Self::Failed(exit.to_owned()),
        }
    }

    /// Whether the work was done, with or without warnings.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Ok | Self::Warnings(_))
    }
}

impl fmt::Display for TaskOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::Warnings(count) => write!(f, "WARNINGS: {count}"),
            Self::Failed(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_success() {
        assert_eq!(TaskOutcome::of("OK"), TaskOutcome::Ok);
        assert_eq!(TaskOutcome::of("WARNINGS: 3"), TaskOutcome::Warnings(3));
        assert!(TaskOutcome::of("WARNINGS: 3").is_success());
        for failed in
            ["unexpected status", "WARNINGS: x", "", "OKAY", "403 Permission check failed (/vms/100, VM.Backup)"]
        {
            assert!(!TaskOutcome::of(failed).is_success(), "{failed}");
        }
    }
}
