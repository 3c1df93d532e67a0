//! The suite as a process of its own that gets a signal in the middle: it ends with an error, and nothing of it is left.

use std::process::Stdio;
use std::time::Duration;

use proxmox_client::pve::nodes::content::ContentFilter;
use proxmox_client::pve::nodes::tasks::{TaskFilter, TaskSource};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use super::{Args, backup_client, client};

/// The process is through by then, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A signal, and when it comes.
pub struct Interruption {
    /// As `kill` calls it.
    signal: &'static str,
    /// It comes when a line begins so.
    at: &'static str,
    /// Whether nobody reads what the process prints from then on, as when a terminal is gone.
    deaf: bool,
}

pub const INTERRUPTIONS: [Interruption; 3] = [
    Interruption { signal: "INT", at: "  rolled back", deaf: false },
    // A container is being made.
    Interruption { signal: "TERM", at: "  from local:vztmpl/", deaf: false },
    // It is being backed up.
    Interruption { signal: "HUP", at: "  container stopped", deaf: true },
];

impl Interruption {
    /// Runs the suite against a simulator and interrupts it.
    pub async fn check(&self, args: &Args) -> Result<(), String> {
        say!("\n=== SIG{} at {:?}", self.signal, self.at.trim());
        let mut suite = start(args)?;
        let errors = suite.stderr.take().ok_or("it has no output for errors")?;
        let complaints = tokio::spawn(whole(errors));
        let said = self.interrupt(&mut suite).await;
        let status = tokio::time::timeout(PATIENCE, suite.wait()).await.map_err(|_| "it does not end".to_owned())?;
        let status = status.map_err(|error| error.to_string())?;
        let complaints = complaints.await.map_err(|error| error.to_string())?;
        let said = said.map_err(|why| format!("{why}\n{complaints}"))?;
        // Not ended by the signal, but by itself, with an error.
        if status.code().is_none_or(|code| code == 0) || !complaints.contains("FAILED: ") {
            return Err(format!("SIG{}: it ends with {status} and says:\n{said}{complaints}", self.signal));
        }
        say!("{}", complaints.trim_end());
        let left = left(args).await.map_err(|error| error.to_string())?;
        if left.is_empty() {
            say!("  nothing is left");
            return Ok(());
        }
        Err(format!("SIG{}: it leaves behind {}; it said:\n{said}{complaints}", self.signal, left.join(", ")))
    }

    /// Reads until the time has come, sends the signal, and reads the rest if somebody is to.
    async fn interrupt(&self, suite: &mut Child) -> Result<String, String> {
        let output = suite.stdout.take().ok_or("it has no output")?;
        let id = suite.id().ok_or("it has ended")?;
        let (mut lines, mut said) = (BufReader::new(output).lines(), String::new());
        let reading = async {
            let mut sent = false;
            while let Some(line) = lines.next_line().await.map_err(|error| error.to_string())? {
                said.push_str(&line);
                said.push('\n');
                if sent || !line.starts_with(self.at) {
                    continue;
                }
                sent = true;
                let killed = Command::new("kill").args(["-s", self.signal, &id.to_string()]).status().await;
                if !killed.map_err(|error| format!("kill: {error}"))?.success() {
                    return Err("the signal cannot be sent".to_owned());
                }
                if self.deaf {
                    break;
                }
            }
            if sent { Ok(()) } else { Err(format!("it never says {:?}", self.at)) }
        };
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(())) => Ok(said),
            Ok(Err(why)) => Err(format!("{why}; it said:\n{said}")),
            Err(_) => Err(format!("it does not end; it said:\n{said}")),
        }
    }
}

/// All that it says there.
async fn whole(mut output: ChildStderr) -> String {
    let mut text = String::new();
    let _ = output.read_to_string(&mut text).await;
    text
}

/// This program again, against the same server.
fn start(args: &Args) -> Result<Child, String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<u32>| value.unwrap_or_default().to_string();
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg("integration").args(["--pool", &args.pool]);
    command.args(["--url", &text(&args.url), "--fingerprint", &text(&args.fingerprint)]);
    command.args(["--pbs", &text(&args.pbs), "--pbs-fingerprint", &text(&args.pbs_fingerprint)]);
    command.args(["--pbs-datastore", &text(&args.pbs_datastore)]);
    command.args(["--vmid-from", &number(args.vmid_from), "--vmid-to", &number(args.vmid_to)]);
    command.env("PVE_TOKEN", text(&args.token)).env("PBS_TOKEN", text(&args.pbs_token));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(|error| format!("the suite cannot be started: {error}"))
}

/// What there is of a run: guests, volumes of guests, pools, namespaces, work that goes on.
async fn left(args: &Args) -> Result<Vec<String>, String> {
    let pve = client(args)?;
    let described = |error: proxmox_client::Error| error.to_string();
    let mut left = Vec::new();
    left.extend(pve.pools().list().await.map_err(described)?.into_iter().map(|pool| format!("pool {}", pool.poolid)));
    for node in pve.nodes().list().await.map_err(described)? {
        let local = pve.node(&node.node);
        let guests = local.qemu_list().await.map_err(described)?.into_iter();
        let guests = guests.chain(local.lxc_list().await.map_err(described)?);
        left.extend(guests.map(|guest| format!("guest {}", guest.vmid)));
        let running = TaskFilter { source: Some(TaskSource::Active), ..TaskFilter::default() };
        left.extend(local.tasks(&running).await.map_err(described)?.into_iter().map(|task| format!("a {}", task.kind)));
        for storage in local.storages(&Default::default()).await.map_err(described)? {
            let volumes =
                local.storage(&storage.storage).content(&ContentFilter::default()).await.map_err(described)?;
            let of_guests = volumes.into_iter().filter(|volume| volume.vmid.is_some());
            left.extend(of_guests.map(|volume| volume.volid.to_string()));
        }
    }
    if let Some((server, datastore)) = backup_client(args)? {
        let rows = server.datastore(&datastore).namespaces(&Default::default()).await.map_err(described)?;
        let made = rows.into_iter().map(|row| row.ns.to_string()).filter(|name| !name.is_empty());
        left.extend(made.map(|name| format!("namespace {name}")));
    }
    Ok(left)
}
