//! The seeds that the demo starts from when nobody gives one, in `fixtures/seeds` and part of the program.

use serde_json::Value;

use super::{Answers, Seed, SeedError};
use crate::state::Cluster;

const CLUSTER: &str = include_str!("../../../../fixtures/seeds/demo-cluster.json");
const SINGLE: &str = include_str!("../../../../fixtures/seeds/demo-single.json");

/// A cluster of three nodes with a handful of guests, none of which belongs to bnna.
///
/// # Errors
/// Never, as a test shows.
pub fn demo_cluster() -> Result<Cluster, SeedError> {
    load(CLUSTER, "demo-cluster.json")
}

/// A single node with a few guests.
///
/// # Errors
/// Never, as a test shows.
pub fn demo_single() -> Result<Cluster, SeedError> {
    load(SINGLE, "demo-single.json")
}

/// A seed in one file: an object of path (with `?key=value`) to data.
fn load(text: &str, name: &str) -> Result<Cluster, SeedError> {
    let malformed = |reason: String| SeedError::Malformed { path: name.into(), reason };
    let all: serde_json::Map<String, Value> =
        serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let mut answers = Answers::default();
    for (call, data) in all {
        let (path, query) = call.split_once('?').unwrap_or((&call, ""));
        answers.insert(path, &Value::from(query), data);
    }
    Seed::from_answers(&answers).map(|seed| seed.cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_seeds_are_whole() {
        let cluster = demo_cluster().unwrap();
        assert_eq!((cluster.nodes.len(), cluster.name.as_deref()), (3, Some("demo")));
        assert!(cluster.guests.len() >= 6);
        let single = demo_single().unwrap();
        assert_eq!((single.nodes.len(), single.name.as_deref()), (1, None));
        assert!(single.guests.len() >= 2);
    }
}
