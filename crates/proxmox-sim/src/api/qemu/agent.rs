//! `/nodes/{node}/qemu/{vmid}/agent`: what the agent inside a VM is asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::api::guests::guest;
use crate::api::{Call, Fault, Outcome, Reply, Simulated, index_reply};
use crate::guests::Guest;
use crate::guests::agent::Agent;
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/qemu/{vmid}/agent", index),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/exec", exec),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/exec-status", exec_status),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/file-read", file_read),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/file-write", file_write),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-freeze", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-status", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/fsfreeze-thaw", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/fstrim", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-fsinfo", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-host-name", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-memory-block-info", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-memory-blocks", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-osinfo", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-time", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-timezone", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-users", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/get-vcpus", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/info", command),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/ping", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/set-user-password", set_password),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/shutdown", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/suspend-disk", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/suspend-hybrid", command),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/suspend-ram", command),
];

/// Commands that the agent in a simulated VM knows.
const KNOWN: &[&str] = &[
    "guest-exec",
    "guest-exec-status",
    "guest-file-open",
    "guest-file-read",
    "guest-file-write",
    "guest-fsfreeze-freeze",
    "guest-fsfreeze-status",
    "guest-fsfreeze-thaw",
    "guest-fstrim",
    "guest-get-fsinfo",
    "guest-get-host-name",
    "guest-get-osinfo",
    "guest-get-time",
    "guest-get-timezone",
    "guest-get-users",
    "guest-get-vcpus",
    "guest-info",
    "guest-network-get-interfaces",
    "guest-ping",
    "guest-set-user-password",
    "guest-shutdown",
];

/// Size of the file system inside, bytes, when the disk's is not known.
const FILE_SYSTEM: u64 = 4 << 30;

fn index(_: &mut Cluster, _: &Call) -> Outcome {
    let names: Vec<&str> =
        CALLS.iter().filter_map(|(_, path, _)| path.split_once("/agent/").map(|(_, name)| name)).collect();
    Ok(index_reply("name", &names))
}

/// The guest of a call, if its agent answers.
fn answering<'a>(cluster: &'a Cluster, call: &Call) -> Result<&'a Guest, Fault> {
    let guest = guest(cluster, call)?;
    if !guest.has_agent() {
        return Err(Fault::die("No QEMU guest agent configured"));
    }
    if !guest.is_running() {
        return Err(Fault::die(format!("VM {} is not running", guest.vmid)));
    }
    if !cluster.behaviour.guest_agents {
        return Err(Fault::die("QEMU guest agent is not running"));
    }
    Ok(guest)
}

/// The agent of a call and its machine's name.
fn agent<'a>(cluster: &'a mut Cluster, call: &Call) -> Result<(&'a mut Agent, String), Fault> {
    let host = answering(cluster, call)?.name();
    Ok((cluster.agents.entry(call.vmid()).or_default(), host))
}

fn agent_error(text: impl std::fmt::Display) -> Fault {
    Fault::die(format!("Agent error: {text}"))
}

/// The plain commands: their answers are wrapped in `result`.
fn command(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = match call.path.split_once("/agent/") {
        Some((_, name)) => name.to_owned(),
        None => call.required("command").to_owned(),
    };
    let now_ms = cluster.clock.now_ms();
    let guest = answering(cluster, call)?.clone();
    if name == "shutdown" {
        cluster.touch_guest(guest.vmid, now_ms);
        if let Some(guest) = cluster.guests.get_mut(guest.vmid) {
            guest.runtime = None;
        }
        return Ok(Reply::data(json!({ "result": {} })));
    }
    let agent = cluster.agents.entry(guest.vmid).or_default();
    let result = match name.as_str() {
        "ping" => json!({}),
        "fsfreeze-freeze" | "fsfreeze-thaw" => {
            agent.frozen = name == "fsfreeze-freeze";
            json!(1)
        }
        "fsfreeze-status" => json!(if agent.frozen { "frozen" } else { "thawed" }),
        "fstrim" => json!({ "paths": [{ "path": "/", "trimmed": 1_048_576, "minimum": 0 }] }),
        "get-fsinfo" => json!([{
            "name": "sda1",
            "mountpoint": "/",
            "type": "ext4",
            "total-bytes": FILE_SYSTEM,
            "used-bytes": FILE_SYSTEM / 4,
            "disk": [],
        }]),
        "get-host-name" => json!({ "host-name": guest.name() }),
        "get-osinfo" => json!({
            "id": "debian",
            "name": "Debian GNU/Linux",
            "pretty-name": "Debian GNU/Linux 13 (trixie)",
            "version": "13 (trixie)",
            "version-id": "13",
            "machine": "x86_64",
            "kernel-release": "6.12.0-amd64",
            "kernel-version": "#1 SMP PREEMPT_DYNAMIC",
        }),
        "get-time" => json!(now_ms.saturating_mul(1_000_000)),
        "get-timezone" => json!({ "zone": "UTC", "offset": 0 }),
        "get-users" => json!([]),
        "get-vcpus" => vcpus(&guest),
        "info" => json!({
            "version": "10.0.0",
            "supported_commands": KNOWN
                .iter()
                .map(|name| json!({ "name": name, "enabled": true, "success-response": *name != "guest-shutdown" }))
                .collect::<Vec<Value>>(),
        }),
        "network-get-interfaces" => interfaces(&guest),
        unknown => return Err(agent_error(format!("The command guest-{unknown} has not been found"))),
    };
    Ok(Reply::data(json!({ "result": result })))
}

fn vcpus(guest: &Guest) -> Value {
    let count = guest.config.int("cores", 1) * guest.config.int("sockets", 1);
    (0..count.min(1024)).map(|id| json!({ "logical-id": id, "online": true, "can-offline": id > 0 })).collect()
}

fn interfaces(guest: &Guest) -> Value {
    let rows = guest.devices().into_iter().map(|(name, mac, addresses)| {
        let addresses: Vec<Value> = addresses
            .into_iter()
            .map(|(address, prefix)| {
                let kind = if address.contains(':') { "ipv6" } else { "ipv4" };
                json!({ "ip-address": address, "ip-address-type": kind, "prefix": prefix })
            })
            .collect();
        json!({ "name": name, "hardware-address": mac, "ip-addresses": addresses })
    });
    rows.collect()
}

fn exec(cluster: &mut Cluster, call: &Call) -> Outcome {
    let command = call.list("command").unwrap_or_default();
    let input = call.text("input-data").unwrap_or_default();
    let (agent, host) = agent(cluster, call)?;
    Ok(Reply::data(json!({ "pid": agent.exec(&host, &command, input) })))
}

fn exec_status(cluster: &mut Cluster, call: &Call) -> Outcome {
    let pid = call.int("pid").unwrap_or_default();
    let (agent, _) = agent(cluster, call)?;
    let ended =
        agent.ended(pid).ok_or_else(|| agent_error(format!("Invalid parameter 'pid': PID {pid} does not exist")))?;
    let mut status = json!({ "exited": 1, "exitcode": ended.code });
    for (key, text) in [("out-data", ended.out), ("err-data", ended.err)] {
        if !text.is_empty() {
            crate::api::set_key(&mut status, key, text);
        }
    }
    Ok(Reply::data(status))
}

fn file_read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let path = call.required("file");
    let (agent, host) = agent(cluster, call)?;
    let content = agent
        .read(&host, path)
        .map_err(|_| agent_error(format!("failed to open file '{path}' (mode: 'r'): No such file or directory")))?;
    Ok(Reply::data(json!({ "content": content })))
}

fn file_write(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (path, content) = (call.required("file"), call.required("content"));
    // Without `encode` the content is sent encoded already.
    let content = if call.flag("encode") == Some(false) {
        let bytes = BASE64.decode(content).map_err(|_| agent_error("Invalid parameter type for 'buf-b64'"))?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        content.to_owned()
    };
    let (agent, _) = agent(cluster, call)?;
    agent.write(path, &content).map_err(agent_error)?;
    Ok(Reply::null())
}

fn set_password(cluster: &mut Cluster, call: &Call) -> Outcome {
    let user = call.required("username").to_owned();
    let (agent, _) = agent(cluster, call)?;
    if !agent.users.contains(&user) {
        agent.users.push(user);
        agent.users.truncate(1000);
    }
    Ok(Reply::data(json!({ "result": {} })))
}
