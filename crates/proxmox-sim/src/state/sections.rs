//! Configuration in sections: HA, jobs, mappings, notifications, metric servers. Each kind is a file of entries with settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::digest;

/// An entry's settings as the API shows them.
pub type Entry = Map<String, Value>;

/// All kinds of sections.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sections(BTreeMap<String, BTreeMap<String, Entry>>);

impl Sections {
    /// An entry.
    #[must_use]
    pub fn get(&self, kind: &str, id: &str) -> Option<&Entry> {
        self.0.get(kind)?.get(id)
    }

    /// All entries of a kind by id.
    pub fn all(&self, kind: &str) -> impl Iterator<Item = (&String, &Entry)> {
        self.0.get(kind).into_iter().flatten()
    }

    /// Writes an entry.
    pub fn put(&mut self, kind: &str, id: &str, entry: Entry) {
        self.0.entry(kind.to_owned()).or_default().insert(id.to_owned(), entry);
    }

    /// Removes an entry; tells whether it was there.
    pub fn remove(&mut self, kind: &str, id: &str) -> bool {
        self.0.get_mut(kind).is_some_and(|all| all.remove(id).is_some())
    }

    /// Digest of a kind's file.
    #[must_use]
    pub fn digest(&self, kind: &str) -> String {
        let all: BTreeMap<_, _> = self.all(kind).collect();
        if all.is_empty() { digest::sha1_hex("") } else { digest::of(&all) }
    }

    /// The id that high availability knows a guest by, if it manages it.
    #[must_use]
    pub fn ha_resource_of(&self, vmid: u32) -> Option<(String, Entry)> {
        ["vm", "ct"].iter().map(|kind| format!("{kind}:{vmid}")).find_map(|sid| {
            let entry = self.get("ha-resource", &sid)?.clone();
            Some((sid, entry))
        })
    }

    /// Takes a guest out of the backup jobs that name it; a job that names no other goes.
    pub fn purge_backup_jobs(&mut self, vmid: u32) {
        let Some(jobs) = self.0.get_mut("vzdump") else { return };
        let vmid = vmid.to_string();
        jobs.retain(|_, job| {
            for key in ["vmid", "exclude"] {
                let Some(list) = job.get(key).and_then(Value::as_str) else { continue };
                let left: Vec<&str> = list.split(',').filter(|id| *id != vmid).collect();
                let left = left.join(",");
                if left.is_empty() && key == "vmid" {
                    return false;
                }
                job.insert(key.to_owned(), json!(left));
            }
            true
        });
    }

    /// Takes a guest out of high availability: its resource, and from the rules that name it.
    pub fn purge_ha(&mut self, sid: &str) {
        self.remove("ha-resource", sid);
        let Some(rules) = self.0.get_mut("ha-rule") else { return };
        for rule in rules.values_mut() {
            let left: Vec<String> = rule
                .get("resources")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .split(',')
                .filter(|resource| !resource.is_empty() && *resource != sid)
                .map(str::to_owned)
                .collect();
            rule.insert("resources".to_owned(), json!(left.join(",")));
        }
        rules.retain(|_, rule| rule.get("resources").and_then(Value::as_str).is_some_and(|left| !left.is_empty()));
    }
}
