//! Comparing an answer with a recorded one.
//!
//! Presence and JSON type of every key count, and every value, except those that cannot repeat: these are compared by
//! shape. Order of keys and of list elements never counts, except firewall rules, logs and task lists.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::captured::Captured;
use super::text::normalized;

/// Keys whose values are figures, times, ids of processes, secrets or things that a server makes up.
const BY_SHAPE: &[&str] = &[
    "CSRFPreventionToken",
    "arch",
    "avail",
    "available",
    "balloon_min",
    "blockstat",
    "boot-info",
    "changes",
    "cpu",
    "cpuinfo",
    "cpus",
    "ctime",
    "current-kernel",
    "digest",
    "disk",
    "disk-bytes",
    "disk-chunks",
    "diskread",
    "diskwrite",
    "endtime",
    "fingerprint",
    "free",
    "freemem",
    "history-start",
    "idle",
    "image",
    "index-data-bytes",
    "issuer",
    "ksm",
    "kversion",
    "last-backup",
    "last-run-endtime",
    "loadavg",
    "maxswap",
    "mem",
    "memhost",
    "memory_info",
    "meta",
    "netin",
    "netout",
    "next-run",
    "nics",
    "notafter",
    "notbefore",
    "pem",
    "pid",
    "pressurecpufull",
    "pressurecpusome",
    "pressureiofull",
    "pressureiosome",
    "pressurememoryfull",
    "pressurememorysome",
    "proxmox-support",
    "pstart",
    "public-key-bits",
    "public-key-type",
    "pveversion",
    "qmpstatus_time",
    "repoid",
    "rootfs",
    "running-machine",
    "running-qemu",
    "san",
    "serverid",
    "size",
    "smbios1",
    "snaptime",
    "ssl_fingerprint",
    "starttime",
    "subject",
    "swap",
    "ticket",
    "time",
    "localtime",
    "total",
    "upid",
    "uptime",
    "used",
    "used_fraction",
    "vmgenid",
    "wait",
];

/// Figures of nodes and storages; of a guest they are what the client has set.
const NODE_FIGURES: &[&str] = &["maxcpu", "maxdisk", "maxmem", "level", "cgroup-mode"];

/// Texts that are sets: their parts come in any order.
const SETS: &[&str] = &["content", "privs", "users", "groups"];

/// Keys that identify an element of a list, best first.
const IDENTITY: &[&[&str]] = &[
    &["path", "ugid", "roleid"],
    &["volid"],
    &["full-tokenid"],
    &["userid"],
    &["groupid"],
    &["roleid"],
    &["tokenid"],
    &["realm"],
    &["poolid"],
    &["sid"],
    &["rule"],
    &["backup-type", "backup-id"],
    &["filename"],
    &["id"],
    &["vmid"],
    &["storage"],
    &["node"],
    &["iface"],
    &["vnet"],
    &["zone"],
    &["subnet"],
    &["cidr"],
    &["key"],
    &["pos"],
    &["subdir"],
    &["store"],
    &["name"],
];

/// What host names of repositories and vendors were replaced with in the recordings.
const REPLACED_HOST: &str = "mirror.example.net";

/// Finds the differences between two bodies.
pub(super) fn body(expected: &Value, actual: &Value, captured: &Captured, shortened: bool) -> Vec<String> {
    let mut found = Vec::new();
    Comparison { captured, shortened }.value("", None, expected, actual, &mut found);
    found
}

/// Compares two texts.
pub(super) fn same_text(expected: &str, actual: &str, captured: &Captured) -> bool {
    captured.recorded_text(expected) == normalized(actual)
}

struct Comparison<'a> {
    captured: &'a Captured,
    shortened: bool,
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 160 { format!("{}…", text.chars().take(160).collect::<String>()) } else { text }
}

impl Comparison<'_> {
    fn value(&self, path: &str, key: Option<&str>, expected: &Value, actual: &Value, found: &mut Vec<String>) {
        let shown = if path.is_empty() { "body" } else { path };
        if kind(expected) != kind(actual) {
            found.push(format!("{shown}: expected {} got {}", brief(expected), brief(actual)));
            return;
        }
        if key.is_some_and(|key| BY_SHAPE.contains(&key)) {
            return;
        }
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => self.object(path, expected, actual, found),
            (Value::Array(expected), Value::Array(actual)) => self.array(path, expected, actual, found),
            _ => {
                if !self.same_scalar(key, expected, actual) {
                    found.push(format!("{shown}: expected {} got {}", brief(expected), brief(actual)));
                }
            }
        }
    }

    fn same_scalar(&self, key: Option<&str>, expected: &Value, actual: &Value) -> bool {
        match (expected, actual) {
            (Value::String(expected), Value::String(actual)) => {
                same_text(expected, actual, self.captured)
                    || expected.contains(REPLACED_HOST)
                    || (key.is_some_and(|key| SETS.contains(&key)) && as_set(expected) == as_set(actual))
            }
            (Value::Number(expected), Value::Number(actual)) => expected.as_f64() == actual.as_f64(),
            (expected, actual) => expected == actual,
        }
    }

    fn object(&self, path: &str, expected: &Map<String, Value>, actual: &Map<String, Value>, found: &mut Vec<String>) {
        let figures = matches!(expected.get("type").and_then(Value::as_str), Some("node" | "storage"))
            || expected.contains_key("ssl_fingerprint");
        // A row about a setting is compared as the setting would be.
        let about = expected.get("key").and_then(Value::as_str).filter(|about| BY_SHAPE.contains(about));
        let is_metric = expected.contains_key("metric");
        for (key, value) in expected {
            let below = format!("{path}/{key}");
            match actual.get(key) {
                Some(ours) if about.is_some() && key != "key" && kind(ours) == kind(value) => {}
                None => found.push(format!("{below}: missing, expected {}", brief(value))),
                Some(ours)
                    if is_metric && matches!(key.as_str(), "value" | "timestamp") && kind(ours) == kind(value) => {}
                // A number until the list is read back from its file, then text.
                Some(Value::Number(_) | Value::String(_)) if key == "saved" => {}
                Some(ours) if figures && NODE_FIGURES.contains(&key.as_str()) && kind(ours) == kind(value) => {}
                Some(ours) => self.value(&below, Some(key), value, ours, found),
            }
        }
        for (key, value) in actual {
            if !expected.contains_key(key) {
                found.push(format!("{path}/{key}: unexpected {}", brief(value)));
            }
        }
    }

    /// Compares lists whose order counts. Tasks that ended in the same second come in any order among themselves.
    fn in_order(&self, path: &str, expected: &[&Value], actual: &[&Value], found: &mut Vec<String>) {
        let ended = |row: &Value| row.get("endtime").and_then(Value::as_i64);
        let mut at = 0;
        while let Some(first) = expected.get(at) {
            let alike = expected.iter().skip(at).take_while(|row| ended(row).is_some() && ended(row) == ended(first));
            let count = alike.count().max(1);
            let mut left: Vec<&Value> = actual.iter().skip(at).take(count).copied().collect();
            for (offset, row) in expected.iter().skip(at).take(count).enumerate() {
                let distance = |ours: &Value| {
                    let mut found = Vec::new();
                    self.value("", None, row, ours, &mut found);
                    found.len()
                };
                let nearest = (0..left.len()).min_by_key(|index| left.get(*index).map(|ours| distance(ours)));
                if let Some(index) = nearest {
                    self.value(&format!("{path}/{}", at + offset), None, row, left.remove(index), found);
                }
            }
            at += count;
        }
    }

    /// Compares two charts: as many points at the same distance, and the same figures wherever there are any. At which points there are
    /// depends on what a node had done before.
    fn chart(&self, path: &str, expected: &[Value], actual: &[Value], found: &mut Vec<String>) {
        if expected.len() != actual.len() {
            found.push(format!("{path}: expected {} points got {}", expected.len(), actual.len()));
        }
        let time = |rows: &[Value], at: usize| rows.get(at).and_then(|row| row.get("time")?.as_i64()).unwrap_or(0);
        let step = |rows: &[Value]| time(rows, 1) - time(rows, 0);
        if step(expected) != step(actual) {
            found.push(format!("{path}: expected a point every {} s got {} s", step(expected), step(actual)));
        }
        let figures = |rows: &[Value]| {
            let all = rows.iter().filter_map(Value::as_object).flatten();
            all.map(|(key, value)| (key.clone(), kind(value))).collect::<BTreeMap<_, _>>()
        };
        let (wanted, ours) = (figures(expected), figures(actual));
        if wanted.len() > 1 && ours.len() > 1 && wanted != ours {
            found.push(format!("{path}: expected figures {wanted:?} got {ours:?}"));
        }
    }

    fn array(&self, path: &str, expected: &[Value], actual: &[Value], found: &mut Vec<String>) {
        if self.shortened && expected.len() < actual.len() {
            let identity = identity(expected);
            for element in expected {
                if !actual.iter().any(|ours| same_identity(self, identity, element, ours)) {
                    found.push(format!("{path}: missing element {}", brief(element)));
                }
            }
            return;
        }
        if let Some((expected, actual)) = by_backup_time(expected, actual) {
            self.array(path, &expected, &actual, found);
            return;
        }
        let has = |element: &Value, key: &str| element.get(key).is_some();
        if is_chart(expected) && is_chart(actual) {
            self.chart(path, expected, actual, found);
            return;
        }
        if expected.iter().any(|element| has(element, "upid") || has(element, "n")) {
            let (expected, actual) = (by_node(expected), by_node(actual));
            if expected.len() != actual.len() {
                found.push(format!("{path}: expected {} elements got {}", expected.len(), actual.len()));
            }
            self.in_order(path, &expected, &actual, found);
            return;
        }
        let identity = identity(expected);
        let mut left: Vec<&Value> = actual.iter().collect();
        for element in expected {
            // Generated ids look alike: of several candidates the one that differs least is meant.
            let fits = |ours: &&Value| same_identity(self, identity, element, ours);
            let distance = |ours: &Value| {
                let mut found = Vec::new();
                self.value("", None, element, ours, &mut found);
                found.len()
            };
            let candidates: Vec<usize> =
                left.iter().enumerate().filter(|(_, ours)| fits(ours)).map(|(at, _)| at).collect();
            let same = match candidates.as_slice() {
                [only] => Some(*only),
                several => several.iter().copied().min_by_key(|at| left.get(*at).map(|ours| distance(ours))),
            };
            match same {
                Some(at) => {
                    let ours = left.remove(at);
                    let mut name = identity.iter().filter_map(|key| element.get(*key)).map(brief);
                    let name = name.next().unwrap_or_else(|| brief(element));
                    self.value(&format!("{path}[{name}]"), None, element, ours, found);
                }
                None => found.push(format!("{path}: missing element {}", brief(element))),
            }
        }
        for element in left {
            found.push(format!("{path}: unexpected element {}", brief(element)));
        }
    }
}

/// Whether a list is points in time, each with figures or without.
fn is_chart(rows: &[Value]) -> bool {
    rows.len() > 2 && rows.iter().all(|row| row.get("time").is_some() && row.get("msg").is_none())
}

/// Tasks of several nodes come one node after the other, in no order of nodes.
fn by_node(rows: &[Value]) -> Vec<&Value> {
    let mut rows: Vec<&Value> = rows.iter().collect();
    rows.sort_by_key(|row| row.get("node").and_then(Value::as_str));
    rows
}

/// Backups are the first, the second, …: their times cannot repeat.
fn by_backup_time(expected: &[Value], actual: &[Value]) -> Option<(Vec<Value>, Vec<Value>)> {
    expected.first()?.get("backup-time")?;
    let order = |rows: &[Value]| {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.get("backup-time").and_then(Value::as_i64));
        for (at, row) in rows.iter_mut().enumerate() {
            if let Some(row) = row.as_object_mut() {
                row.remove("backup-time");
                row.insert("its number".to_owned(), at.into());
            }
        }
        rows
    };
    Some((order(expected), order(actual)))
}

fn as_set(text: &str) -> std::collections::BTreeSet<&str> {
    text.split(',').collect()
}

fn identity(elements: &[Value]) -> &'static [&'static str] {
    IDENTITY
        .iter()
        .find(|keys| {
            !elements.is_empty() && elements.iter().all(|element| keys.iter().all(|key| element.get(*key).is_some()))
        })
        .copied()
        .unwrap_or(&[])
}

fn same_identity(comparison: &Comparison<'_>, identity: &[&str], expected: &Value, actual: &Value) -> bool {
    if identity.is_empty() {
        let mut found = Vec::new();
        comparison.value("", None, expected, actual, &mut found);
        return found.is_empty();
    }
    identity.iter().all(|key| match (expected.get(*key), actual.get(*key)) {
        (Some(Value::String(expected)), Some(Value::String(actual))) => {
            same_text(expected, actual, comparison.captured)
        }
        (expected, actual) => expected == actual,
    })
}
