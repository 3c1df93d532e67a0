//! Answers recorded on a cluster, from which the demonstration makes a simulated one: a list of `[path, query, data]`. What cannot be taken over is
//! named; what was taken over is a state that can be written and read.

use proxmox_sim::seed::{Answers, Seed};
use serde_json::Value;

pub fn seed(data: &[u8]) {
    let Ok(rows) = serde_json::from_slice::<Vec<(String, Value, Value)>>(data) else { return };
    let mut answers = Answers::default();
    for (path, query, data) in rows {
        answers.insert(&path, &query, data);
    }
    let Ok(seed) = Seed::from_answers(&answers) else { return };
    assert!(seed.left_out.iter().all(|what| !what.is_empty()));
    let written = serde_json::to_value(&seed.cluster).expect("a state can be written");
    let read: proxmox_sim::Cluster = serde_json::from_value(written).expect("what was written can be read");
    assert_eq!(read.guests.iter().count(), seed.cluster.guests.iter().count());
}
