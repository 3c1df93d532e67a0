//! What guests look like from outside: their status now, and what the nodes last told each other about them.
//!
//! Each node's status daemon tells the others every ten seconds what its guests do; cluster-wide lists show that and
//! not the present. A guest nobody was told about yet is `unknown`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::drive::{Drive, Mount};
use super::property::Property;
use super::{Guest, GuestKind};
use super::{filesystem, options};

const MIB: u64 = 1024 * 1024;

/// What the other nodes know about a guest, as far as it differs from the present.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// When the present state began, Unix milliseconds.
    since_ms: i64,
    /// What was told before that; `None` if nothing was.
    before: Option<Summary>,
}

/// What is told about a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// `running` or `stopped`.
    pub running: bool,
    /// When it was started, Unix milliseconds.
    pub since_ms: i64,
    /// It is a template.
    pub template: bool,
    /// Processors.
    pub cpus: u64,
    /// Bytes.
    pub maxmem: u64,
    /// Bytes.
    pub maxdisk: u64,
    /// Bytes in use on the disk (containers only).
    pub disk: u64,
}

impl Told {
    /// Nothing was told yet.
    #[must_use]
    pub const fn unheard_of(now_ms: i64) -> Self {
        Self { since_ms: now_ms, before: None }
    }
}

/// When the last telling before `now_ms` was, for a node that booted then. `interval` 0 means at every moment.
#[must_use]
pub fn last_telling(booted_ms: i64, interval_ms: i64, now_ms: i64) -> i64 {
    if interval_ms <= 0 {
        return now_ms;
    }
    let passed = (now_ms - booted_ms).max(0);
    booted_ms + passed - passed % interval_ms
}

/// Figures that a running guest shows. They follow from its number and age alone, so that two looks at one moment agree.
#[derive(Debug, Clone, Copy)]
struct Figures {
    cpu: f64,
    mem: u64,
    net: u64,
    io: u64,
}

#[allow(clippy::cast_precision_loss)]
fn figures(vmid: u32, uptime: u64, maxmem: u64) -> Figures {
    if uptime == 0 {
        return Figures { cpu: 0.0, mem: 0, net: 0, io: 0 };
    }
    let seed = u64::from(vmid % 97);
    Figures {
        cpu: (1 + (seed + uptime / 10) % 20) as f64 / 200.0,
        mem: maxmem / 100 * (30 + seed % 50),
        net: uptime * (200 + seed * 11),
        io: uptime * (900 + seed * 17),
    }
}

impl Guest {
    /// Remembers what was told until now, because something is about to change.
    pub fn about_to_change(&mut self, booted_ms: i64, interval_ms: i64, host_cpus: u64, now_ms: i64) {
        if last_telling(booted_ms, interval_ms, now_ms) >= self.told.since_ms {
            self.told.before = Some(self.summary(host_cpus));
        }
        self.told.since_ms = now_ms;
    }

    /// What the other nodes know: the present if it was told, else what was told before.
    #[must_use]
    pub fn known(&self, booted_ms: i64, interval_ms: i64, host_cpus: u64, now_ms: i64) -> Option<Summary> {
        if last_telling(booted_ms, interval_ms, now_ms) >= self.told.since_ms {
            Some(self.summary(host_cpus))
        } else {
            self.told.before.clone()
        }
    }

    fn summary(&self, host_cpus: u64) -> Summary {
        Summary {
            name: self.name(),
            running: self.is_running(),
            since_ms: self.runtime.as_ref().map_or(0, |runtime| runtime.since_ms),
            template: self.config.is_template(),
            cpus: self.cpus(host_cpus),
            maxmem: self.maxmem(),
            maxdisk: self.maxdisk(),
            disk: self.disk_used(),
        }
    }

    /// Seconds since it was started.
    #[must_use]
    pub fn uptime(&self, now_ms: i64) -> u64 {
        self.runtime.as_ref().map_or(0, |runtime| u64::try_from((now_ms - runtime.since_ms) / 1000).unwrap_or(0))
    }

    /// Processors it may use.
    #[must_use]
    pub fn cpus(&self, host_cpus: u64) -> u64 {
        match self.kind {
            GuestKind::Qemu => match self.config.int("vcpus", 0) {
                0 => (self.config.int("sockets", 1) * self.config.int("cores", 1)).min(host_cpus),
                vcpus => vcpus,
            },
            GuestKind::Lxc => match self.config.int("cores", 0) {
                0 => host_cpus,
                cores => cores,
            },
        }
    }

    /// Memory it may use, bytes.
    #[must_use]
    pub fn maxmem(&self) -> u64 {
        let mib = match self.kind {
            GuestKind::Qemu => {
                let memory = Property::parse(self.config.get("memory").unwrap_or("512"), "current");
                memory.get("current").and_then(|value| value.parse().ok()).unwrap_or(512)
            }
            GuestKind::Lxc => self.config.int("memory", 512),
        };
        mib * MIB
    }

    /// Size of the boot disk or root, bytes.
    #[must_use]
    pub fn maxdisk(&self) -> u64 {
        match self.kind {
            GuestKind::Lxc => {
                let size = self.config.get("rootfs").map_or(0, |text| Mount::parse(text).size());
                match (&self.runtime, size) {
                    // A container without a sized root sees the host's.
                    (_, 0) => 4 * 1024 * MIB,
                    (Some(_), size) => filesystem::capacity(size),
                    (None, size) => size,
                }
            }
            GuestKind::Qemu => self
                .boot_devices()
                .into_iter()
                .filter(|key| options::is_drive(key))
                .filter_map(|key| self.config.get(&key).map(Drive::parse))
                .find(|drive| !drive.is_cdrom())
                .map_or(0, |drive| drive.size()),
        }
    }

    /// The devices a VM boots from, in order.
    #[must_use]
    pub fn boot_devices(&self) -> Vec<String> {
        let boot = Property::parse(self.config.get("boot").unwrap_or_default(), "legacy");
        match boot.get("order") {
            Some(order) => crate::api::split_list(order).map(str::to_owned).collect(),
            None if self.config.get("boot").is_some_and(|boot| boot.trim().is_empty()) => Vec::new(),
            None => super::create::first_disk(&self.config.current, false).into_iter().collect(),
        }
    }

    fn disk_used(&self) -> u64 {
        if self.kind == GuestKind::Lxc && self.is_running() { self.maxdisk() / 25 } else { 0 }
    }

    /// The `data` of `status/current`, and with `in_list` a row of the node's list of guests.
    #[must_use]
    pub fn status_json(&self, now_ms: i64, host_cpus: u64, in_list: bool, full: bool) -> Map<String, Value> {
        let uptime = self.uptime(now_ms);
        let maxmem = self.maxmem();
        let shown = figures(self.vmid, uptime, maxmem);
        let running = self.is_running();
        let mut out = Map::new();
        let mut put = |key: &str, value: Value| {
            out.insert(key.to_owned(), value);
        };
        put("vmid", json!(self.vmid));
        put("name", json!(self.name()));
        put("status", json!(if running { "running" } else { "stopped" }));
        put("cpus", json!(self.cpus(host_cpus)));
        put("cpu", if uptime == 0 { json!(0) } else { json!(shown.cpu) });
        put("maxmem", json!(maxmem));
        put("mem", json!(shown.mem));
        put("maxdisk", json!(self.maxdisk()));
        put("disk", json!(self.disk_used()));
        put("uptime", json!(uptime));
        put("netin", json!(shown.net));
        put("netout", json!(shown.net / 2));
        if let Some(tags) = self.config.get("tags").filter(|tags| !tags.trim().is_empty()) {
            put("tags", json!(tags));
        }
        if let Some(lock) = self.config.lock() {
            put("lock", json!(lock));
        }
        if self.config.is_template() {
            put("template", json!(1));
        }
        if let Some(runtime) = &self.runtime {
            put("pid", json!(runtime.pid));
        }
        match self.kind {
            GuestKind::Qemu => {
                put("memhost", json!(shown.mem));
                if !in_list || full {
                    put("qmpstatus", json!(self.qmp_status()));
                }
                if self
                    .config
                    .current
                    .keys()
                    .any(|key| options::numbered(key).is_some_and(|(family, _)| family == "serial"))
                {
                    put("serial", json!(1));
                }
                if let Some(balloon) =
                    self.config.get("balloon").and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 0)
                {
                    put("balloon_min", json!(balloon * MIB));
                    put("shares", json!(self.config.int("shares", 1000)));
                }
                if !in_list && self.has_agent() {
                    put("agent", json!(1));
                }
                if running {
                    for key in PRESSURES {
                        put(key, json!(0));
                    }
                }
            }
            GuestKind::Lxc => {
                put("type", json!("lxc"));
                put("maxswap", json!(self.config.int("swap", 512) * MIB));
                put("swap", json!(0));
                put("diskread", json!(shown.io));
                put("diskwrite", json!(shown.io / 3));
                if running {
                    for key in PRESSURES {
                        put(key, json!("0.00"));
                    }
                }
            }
        }
        out
    }

    /// `running`, `paused` or `stopped`.
    #[must_use]
    pub fn qmp_status(&self) -> &'static str {
        match &self.runtime {
            None => "stopped",
            Some(runtime) if runtime.paused => "paused",
            Some(_) => "running",
        }
    }

    /// Whether the configuration says that there is a guest agent.
    #[must_use]
    pub fn has_agent(&self) -> bool {
        self.config.get("agent").is_some_and(|text| Property::parse(text, "enabled").is_on("enabled", false))
    }

    /// A row of `GET /cluster/resources`, without the pool.
    #[must_use]
    pub fn resource_json(&self, known: Option<&Summary>, now_ms: i64) -> Map<String, Value> {
        let mut row = Map::new();
        let mut put = |key: &str, value: Value| {
            row.insert(key.to_owned(), value);
        };
        put("id", json!(format!("{}/{}", self.kind.api(), self.vmid)));
        put("type", json!(self.kind.api()));
        put("vmid", json!(self.vmid));
        put("node", json!(self.node));
        if let Some(tags) = self.config.get("tags").filter(|tags| !tags.trim().is_empty()) {
            put("tags", json!(tags));
        }
        if let Some(lock) = self.config.lock() {
            put("lock", json!(lock));
        }
        let Some(known) = known else {
            put("status", json!("unknown"));
            return row;
        };
        let uptime = if known.running { u64::try_from((now_ms - known.since_ms) / 1000).unwrap_or(0) } else { 0 };
        let shown = figures(self.vmid, uptime, known.maxmem);
        put("status", json!(if known.running { "running" } else { "stopped" }));
        put("name", json!(known.name));
        put("template", json!(u8::from(known.template)));
        put("uptime", json!(uptime));
        put("cpu", if uptime == 0 { json!(0) } else { json!(shown.cpu) });
        put("maxcpu", json!(known.cpus));
        put("mem", json!(shown.mem));
        put("memhost", json!(if self.kind == GuestKind::Qemu { shown.mem } else { 0 }));
        put("maxmem", json!(known.maxmem));
        put("disk", json!(known.disk));
        put("maxdisk", json!(known.maxdisk));
        put("netin", json!(shown.net));
        put("netout", json!(shown.net / 2));
        put("diskread", json!(shown.io));
        put("diskwrite", json!(shown.io / 3));
        row
    }
}

const PRESSURES: &[&str] = &[
    "pressurecpufull",
    "pressurecpusome",
    "pressureiofull",
    "pressureiosome",
    "pressurememoryfull",
    "pressurememorysome",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guests::{GuestConfig, Section};

    fn guest(now: i64) -> Guest {
        Guest {
            vmid: 100,
            kind: GuestKind::Qemu,
            node: "pve1".into(),
            config: GuestConfig::new(Section::from([("memory".into(), "64".into())])),
            runtime: None,
            told: Told::unheard_of(now),
        }
    }

    #[test]
    fn a_fresh_guest_is_unknown_until_the_next_telling() {
        let guest = guest(12_000);
        assert!(guest.known(0, 10_000, 2, 19_999).is_none());
        assert!(guest.known(0, 10_000, 2, 20_000).is_some());
        assert!(guest.known(0, 0, 2, 12_001).is_some(), "without an interval everybody knows at once");
    }

    #[test]
    fn a_change_is_seen_late() {
        let mut guest = guest(1_000);
        guest.about_to_change(0, 10_000, 2, 15_000);
        guest.config.set("name", "new");
        assert_eq!(guest.known(0, 10_000, 2, 19_000).unwrap().name, "VM 100");
        assert_eq!(guest.known(0, 10_000, 2, 20_000).unwrap().name, "new");
    }
}
