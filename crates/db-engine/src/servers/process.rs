//! Running a server as a child: as another user when we are root, killed with us, waited for by connecting.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::target::Timeouts;

/// How long a server may take to accept sessions, with all attempts to start it: a machine busy with other work is slow.
pub(super) const START_LIMIT: Duration = Duration::from_secs(120);
/// How long one attempt to talk to it may take.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Ports for servers: below those that the system gives to outgoing connections, which would take a port while its server restarts.
const PORTS: std::ops::Range<u16> = 15_000..32_000;
/// How often it is tried.
pub(super) const EVERY: Duration = Duration::from_millis(20);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program is missing.
    #[error("{program} is not installed: apt-get install -y --no-install-recommends {package}")]
    NotInstalled {
        /// The program.
        program: String,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: String,
        /// The system's words.
        source: io::Error,
    },
    /// A program failed, or did not answer in time.
    #[error("{program} did not start: {log}")]
    Failed {
        /// The program.
        program: String,
        /// The end of its log.
        log: String,
    },
    /// Certificates could not be made.
    #[error("cannot make certificates: {0}")]
    Certificates(String),
}

pub(super) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> ServerError {
    let doing = doing.into();
    move |source| ServerError::System { doing, source }
}

/// The user that a server runs as: the packaged one when we are root (servers refuse root), else ourselves.
#[derive(Debug, Clone)]
pub(super) struct RunAs {
    name: Option<(String, u32, u32)>,
}

impl RunAs {
    pub(super) fn packaged(user: &str, package: &'static str) -> Result<Self, ServerError> {
        let ourselves = std::fs::metadata("/proc/self").map_err(system("read /proc/self"))?.uid();
        if ourselves != 0 {
            return Ok(Self { name: None });
        }
        let users = std::fs::read_to_string("/etc/passwd").map_err(system("read /etc/passwd"))?;
        let ids = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == user).then_some(())?;
            Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        let (uid, gid) =
            ids.ok_or_else(|| ServerError::NotInstalled { program: format!("the user {user}"), package })?;
        Ok(Self { name: Some((user.to_owned(), uid, gid)) })
    }

    /// Hands a file or directory to the user.
    pub(super) fn give(&self, path: &Path) -> Result<(), ServerError> {
        match &self.name {
            None => Ok(()),
            Some((_, uid, gid)) => {
                chown(path, Some(*uid), Some(*gid)).map_err(system(format!("chown {}", path.display())))
            }
        }
    }

    /// The program as that user, ended by the kernel when the thread that started it ends.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some((user, _, gid)) = &self.name {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={gid}")).arg("--clear-groups");
        }
        command.arg("--").arg(program).env("LC_ALL", "C.UTF-8").env("TZ", "UTC").stdin(Stdio::null()).current_dir("/");
        command
    }
}

/// The first of the paths that is a file.
pub(super) fn program(candidates: &[PathBuf], package: &'static str) -> Result<PathBuf, ServerError> {
    let name = candidates.first().and_then(|path| path.file_name()).unwrap_or_default().to_string_lossy().into_owned();
    candidates.iter().find(|path| path.is_file()).cloned().ok_or(ServerError::NotInstalled { program: name, package })
}

/// Runs a program to its end.
pub(super) fn run_once(mut command: Command, name: &str) -> Result<(), ServerError> {
    let output = command.output().map_err(system(format!("run {name}")))?;
    if output.status.success() {
        return Ok(());
    }
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(ServerError::Failed { program: name.to_owned(), log: end_of(&words) })
}

pub(super) fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}

/// A fresh directory that the server's user owns.
pub(super) fn directory(prefix: &str, below: Option<&Path>, owner: &RunAs) -> Result<TempDir, ServerError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    let made = match below {
        Some(parent) => builder.tempdir_in(parent),
        None => builder.tempdir(),
    };
    let directory = made.map_err(system("make a temporary directory"))?;
    owner.give(directory.path())?;
    Ok(directory)
}

/// A port that was free a moment ago; the servers cannot bind port 0 themselves.
pub(super) fn free_port() -> Result<u16, ServerError> {
    // Every hasher of the standard library begins with a key of its own: random enough to keep parallel tests apart.
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
    let count = PORTS.end - PORTS.start;
    let first = u16::try_from(random % u64::from(count)).unwrap_or_default();
    let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
    for step in 0..count {
        let port = PORTS.start + (first + step) % count;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => refused = error,
        }
    }
    Err(system("find a free port")(refused))
}

/// A running child, held by a thread of its own: the kernel's death signal fires when that thread ends, not when a test does.
#[derive(Debug)]
pub(super) struct Kept {
    pid: u32,
    /// Dropped to end the child.
    end: Mutex<Option<Sender<()>>>,
    /// Answers when it is gone.
    ended: Mutex<Receiver<()>>,
}

impl Kept {
    pub(super) fn spawn(mut command: Command, log: &Path, name: &str) -> Result<Self, ServerError> {
        let open = || File::options().create(true).append(true).open(log).map_err(system("open the server's log"));
        command.stdout(open()?).stderr(open()?);
        let (end, wait_for_end) = channel::<()>();
        let (report, ended) = channel();
        let (started, start) = channel();
        std::thread::Builder::new()
            .name(format!("keeper of {name}"))
            .spawn(move || {
                let child = command.spawn();
                let id = child.as_ref().map(Child::id).map_err(|error| io::Error::new(error.kind(), error.to_string()));
                let sent = started.send(id);
                if let (Ok(mut child), Ok(())) = (child, sent) {
                    // Returns when the guard drops its sender.
                    let _ = wait_for_end.recv();
                    let _ = child.kill();
                    let _ = child.wait();
                }
                let _ = report.send(());
            })
            .map_err(system("start a thread"))?;
        let pid = start.recv().map_err(|_| ServerError::Failed { program: name.to_owned(), log: String::new() })?;
        let pid = pid.map_err(system(format!("start {name}")))?;
        Ok(Self { pid, end: Mutex::new(Some(end)), ended: Mutex::new(ended) })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// SIGKILL, and waits until the process is gone.
    pub(super) fn kill(&self) {
        if let Ok(mut end) = self.end.lock()
            && end.take().is_some()
            && let Ok(ended) = self.ended.lock()
        {
            let _ = ended.recv_timeout(START_LIMIT);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Tries until it works, the child is gone, or the time is over. `false` when it never worked.
pub(super) async fn ready<F: Future<Output = bool>>(
    child: &Kept,
    until: Instant,
    mut works: impl FnMut() -> F,
) -> bool {
    let process = PathBuf::from(format!("/proc/{}/stat", child.pid()));
    // A zombie is a server that ended: nobody reaps it before the keeper does.
    let gone = || std::fs::read_to_string(&process).map_or(true, |stat| stat.contains(") Z "));
    while Instant::now() < until {
        let works = matches!(tokio::time::timeout(ANSWER_LIMIT, works()).await, Ok(true));
        // Asked after the answer: another server may have answered on a port that ours could not get.
        if gone() {
            return false;
        }
        if works {
            return true;
        }
        tokio::time::sleep(EVERY).await;
    }
    false
}

/// What a test waits for at most, where the defaults are for people: the machine may be busy with ten other tests.
pub(super) fn patient() -> Timeouts {
    Timeouts { connect: START_LIMIT, call: START_LIMIT, ..Timeouts::default() }
}
