//! What is wrong with a configuration: all of it at once, each with where it came from and what to do.

use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The key, `server.listen`, `clusters[0].host`.
    pub key: String,
    /// Where the value came from.
    pub source: String,
    /// What is wrong and what is expected.
    pub message: String,
}

/// All mistakes of a configuration; at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration has {} mistake(s):", self.0.len())?;
        for mistake in &self.0 {
            writeln!(f, "  {} ({}): {}", mistake.key, mistake.source, mistake.message)?;
        }
        Ok(())
    }
}
