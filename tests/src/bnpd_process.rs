//! bnpd as a process of its own, that can be killed, stopped, held at a boundary, and asked.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;

use crate::Answer;

/// How long anything may take that takes a moment.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Lines that a process wrote, as they come.
#[derive(Clone)]
pub struct Lines {
    seen: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
}

impl Lines {
    fn of(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (grown, count) = watch::channel(0);
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().unwrap().push(line);
                grown.send_modify(|count| *count += 1);
            }
        });
        Self { seen, count }
    }

    /// All of them so far.
    pub fn all(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first line from number `from` on that fits; `None` when the stream ends, or patience does, without one.
    pub async fn wait(&self, from: usize, fits: impl Fn(&str) -> bool) -> Option<String> {
        let mut count = self.count.clone();
        let found = async {
            let mut at = from;
            loop {
                {
                    let seen = self.seen.lock().unwrap();
                    while let Some(line) = seen.get(at) {
                        if fits(line) {
                            return Some(line.clone());
                        }
                        at += 1;
                    }
                }
                if count.changed().await.is_err() && self.len() <= at {
                    return None;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok().flatten()
    }
}

/// How a process is started.
#[derive(Default, Clone)]
pub struct How {
    /// Environment variables on top.
    pub env: Vec<(String, String)>,
    /// A shell line that runs the program in the place of the plain start; `"$@"` stands for it.
    pub shell: Option<String>,
}

impl How {
    /// With an environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running bnpd.
pub struct Bnpd {
    child: Mutex<Child>,
    pid: u32,
    input: tokio::sync::Mutex<ChildStdin>,
    /// What it says on standard output: boundaries.
    pub said: Lines,
    /// What it logs.
    pub log: Lines,
    address: SocketAddr,
    http: reqwest::Client,
    token: String,
}

impl Bnpd {
    /// Starts one over a configuration and waits until it serves.
    ///
    /// # Errors
    /// It ended instead: what it logged.
    pub async fn start(program: &Path, config: &Path, token: &str, how: &How) -> Result<Self, String> {
        let mut command = match &how.shell {
            None => Command::new(program),
            Some(line) => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(line).arg("sh").arg(program);
                shell
            }
        };
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config);
        command.envs(how.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let said = Lines::of(child.stdout.take().unwrap());
        let log = Lines::of(child.stderr.take().unwrap());
        let input = tokio::sync::Mutex::new(child.stdin.take().unwrap());
        let Some(line) = log.wait(0, |line| line.contains("\"bnpd serves\"")).await else {
            let _ = child.kill().await;
            return Err(log.all().join("\n"));
        };
        let told: Value = serde_json::from_str(&line).unwrap();
        let address: SocketAddr = told["address"].as_str().unwrap().parse().unwrap();
        let http = reqwest::Client::builder().timeout(PATIENCE * 2).no_proxy().build().unwrap();
        let pid = child.id().unwrap();
        Ok(Self { child: Mutex::new(child), pid, input, said, log, address, http, token: token.to_owned() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// SIGKILL, now.
    pub fn kill(&self) {
        let _ = self.child.lock().unwrap().start_kill();
    }

    /// Waits until it is gone: whether it ended well.
    pub async fn gone(&self) -> bool {
        let ended = async {
            loop {
                if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                    return status.success();
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.unwrap()
    }

    /// Sends a signal by its name (`STOP`).
    pub fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &self.pid.to_string()]).status();
        assert!(sent.unwrap().success(), "no signal {name}");
    }

    /// Gives an order on standard input and waits until it was taken.
    pub async fn order(&self, line: &str) {
        let from = self.said.len();
        self.input.lock().await.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let done = format!("did {line}");
        assert!(self.said.wait(from, |said| said == done).await.is_some(), "{line}: not taken");
    }

    /// A request as the operator; `None` when no answer came.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Option<Answer> {
        let request = self.request(method, path, body);
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Answer { status, headers, text, body })
    }

    /// The same request, not sent.
    pub fn request(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        request = request.header("authorization", format!("Bearer {}", self.token)).header("prefer", "wait=60");
        match body {
            None => request,
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
        }
    }

    /// GET that has to be answered.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await.unwrap_or_else(|| panic!("no answer to GET {path}"))
    }

    /// POST that has to be answered.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await.unwrap_or_else(|| panic!("no answer to POST {path}"))
    }

    /// Waits until no operation is unfinished.
    pub async fn quiet(&self) {
        let quiet = async {
            loop {
                let open = self.get("/api/platform/operations?finished=false").await.is(200);
                if open.result().as_array().is_some_and(Vec::is_empty) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, quiet).await.is_err() {
            let open = self.get("/api/platform/operations?finished=false").await;
            panic!("operations do not end: {}", open.text);
        }
    }

    /// A figure of its memory from the kernel, bytes: `VmRSS`, `VmHWM`.
    pub fn memory(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find(|line| line.starts_with(figure)).unwrap();
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes * 1024
    }
}
