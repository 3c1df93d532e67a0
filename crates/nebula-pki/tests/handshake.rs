//! Two real `nebula` processes, each in a network namespace of its own, with configurations made here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod peer;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nebula_pki::config::{HostConfig, LogFormat, LogLevel, Pki};
use nebula_pki::{Authority, CaRequest, Fingerprint, HostRequest, IssuedHost, NebulaVersion, Timestamp, Version};
use peer::Peer;

const PATIENCE: Duration = Duration::from_secs(30);

/// Two namespaces with a cable between them; gone when dropped.
struct Cable {
    names: [String; 2],
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| error.to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("ip {arguments}: {stderr}")) }
}

impl Cable {
    fn lay(tag: &str) -> Result<Self, String> {
        if !Path::new("/dev/net/tun").exists() {
            return Err("there is no /dev/net/tun".to_owned());
        }
        let id = std::process::id();
        let [left, right] = ["a", "b"].map(|side| format!("nbl{tag}{side}{id}"));
        let cable = Self { names: [left.clone(), right.clone()] };
        for name in &cable.names {
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        ip(&format!("-n {left} link add wire type veth peer name wire netns {right}"))?;
        for (name, address) in [(&left, "192.0.2.1/24"), (&right, "192.0.2.2/24")] {
            ip(&format!("-n {name} addr add {address} dev wire"))?;
            ip(&format!("-n {name} link set wire up"))?;
        }
        Ok(cable)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// A `nebula` in a namespace and the lines of its log; stopped when dropped.
struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    fn start(peer: &Peer, namespace: &str, config: &Path) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(peer.nebula()).arg("-config").arg(config);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line that has all these words.
    fn says(&mut self, words: &[&str]) {
        let end = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let found = words.iter().all(|word| line.to_lowercase().contains(&word.to_lowercase()));
            self.seen.push(line);
            if found {
                return;
            }
        }
        panic!("nebula never said {words:?}; it said:\n{}", self.seen.join("\n"));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Pair {
    ca: Authority,
    hosts: [IssuedHost; 2],
    addresses: [&'static str; 2],
}

fn pair(version: Version, addresses: [&'static str; 2], prefix: u8) -> Pair {
    let now = Timestamp::now();
    let ca = Authority::create(&CaRequest::new("lab", now.plus(-60), now.plus(3600))).unwrap();
    let hosts = [("left", addresses[0]), ("right", addresses[1])].map(|(name, address)| {
        let mut request = HostRequest::new(name, [format!("{address}/{prefix}").parse().unwrap()]);
        request.version = version;
        ca.issue(&request, now).unwrap()
    });
    Pair { ca, hosts, addresses }
}

/// The left host is a lighthouse at 192.0.2.1, the right one reports to it.
fn configs(pair: &Pair, blocked: Option<Fingerprint>) -> [HostConfig; 2] {
    let mut configs = [0, 1].map(|n| {
        let host = &pair.hosts[n];
        let pki = Pki::new(pair.ca.certificate().to_pem(), host.certificate.to_pem(), host.key.to_pem());
        let mut config = HostConfig::new(pki);
        config.logging.format = LogFormat::Json;
        config.logging.level = LogLevel::Debug;
        config.tun.dev = "nebula1".to_owned();
        config
    });
    configs[0].lighthouse.am_lighthouse = true;
    configs[0].pki.blocklist.extend(blocked);
    let lighthouse = pair.addresses[0].parse().unwrap();
    configs[1].static_host_map.insert(lighthouse, BTreeSet::from(["192.0.2.1:4242".parse().unwrap()]));
    configs[1].lighthouse.hosts = vec![lighthouse];
    configs[1].lighthouse.interval = Some(Duration::from_secs(1));
    configs
}

/// Starts both, or says aloud why this machine cannot.
fn start(tag: &str, peers: [&Peer; 2], configs: &[HostConfig; 2]) -> Option<(Cable, Running, Running)> {
    let cable = match Cable::lay(tag) {
        Ok(cable) => cable,
        Err(why) => {
            peer::skipped(&format!("no handshake between two nebula processes on this machine: {why}"));
            return None;
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let mut running = [0, 1].map(|n| {
        let path = directory.path().join(format!("{n}.yml"));
        std::fs::write(&path, configs[n].to_yaml().unwrap().as_str()).unwrap();
        let mut running = Running::start(peers[n], &cable.names[n], &path);
        running.says(&["Nebula interface is active"]);
        Some(running)
    });
    Some((cable, running[0].take().unwrap(), running[1].take().unwrap()))
}

#[test]
fn two_nebulas_shake_hands_and_pass_traffic() {
    let peers = peer::peers();
    let (Some(oldest), Some(newest)) = (peers.first(), peers.last()) else {
        peer::skipped("no nebula on this machine");
        return;
    };
    let v4 = || pair(Version::V1, ["10.42.0.1", "10.42.0.2"], 16);
    let mut rounds = vec![("o", [oldest, oldest], v4()), ("m", [oldest, newest], v4()), ("n", [newest, newest], v4())];
    if newest.version >= NebulaVersion::new(1, 10, 0) {
        rounds.push(("s", [newest, newest], pair(Version::V2, ["fd00:42::1", "fd00:42::2"], 64)));
    }
    for (tag, sides, pair) in rounds {
        let Some((cable, mut left, mut right)) = start(tag, sides, &configs(&pair, None)) else { return };
        right.says(&["handshake message received", "left"]);
        left.says(&["handshake message", "right"]);
        // What the right host sends into the overlay comes out of the left host's device. Nothing listens on that port:
        // the left kernel's refusal may come back between two packets, each is therefore sent from a socket of its own.
        let send = format!("for n in 1 2 3; do echo hello >/dev/udp/{}/9; done", pair.addresses[0]);
        let sent = Command::new("ip").args(["netns", "exec", &cable.names[1], "bash", "-c", &send]).output().unwrap();
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        assert!(arrived(&cable.names[0]), "nothing came out of the overlay");
    }
}

/// Whether the device of the namespace has handed a packet to its kernel, within the patience.
fn arrived(namespace: &str) -> bool {
    let script = "for n in $(seq 300); do test $(cat /sys/class/net/nebula1/statistics/rx_packets) -gt 0 && exit 0; \
                  read -t 0.1 <> <(:); done; exit 1";
    Command::new("ip").args(["netns", "exec", namespace, "bash", "-c", script]).status().unwrap().success()
}

#[test]
fn a_blocked_host_is_not_let_in() {
    for peer in &peer::peers() {
        let pair = pair(Version::V1, ["10.42.0.1", "10.42.0.2"], 16);
        let blocked = pair.hosts[1].certificate.fingerprint();
        let Some((_cable, mut left, _right)) = start("x", [peer, peer], &configs(&pair, Some(blocked))) else { return };
        left.says(&["block"]);
    }
}
