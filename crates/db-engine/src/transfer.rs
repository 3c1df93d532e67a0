//! Moving data: what a copy reports, how two sides are compared, and how the engine's own tools are found and run.
//!
//! Tools get credentials by a file that only we can read, never by an argument; their output is bounded; they end with the call.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::error::Error;

/// How much of a tool's complaint is kept.
const COMPLAINT: u64 = 4096;

/// A copy that was made and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyReport {
    /// Every table with what was found on both sides.
    pub tables: Vec<TableDigest>,
    /// Whether contents were compared, not only numbers of rows.
    pub contents_compared: bool,
    /// What is worth telling: things that the engine's tool does not carry.
    pub warnings: Vec<String>,
}

impl CopyReport {
    /// Rows of all tables together.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// A dump that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpReport {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes; unknown where the file is on the server.
    pub bytes: Option<u64>,
}

/// One table: its rows and, where the engine gives one, a checksum over its contents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableDigest {
    /// The table, with its schema where the engine has schemas.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The engine's checksum over its contents.
    pub checksum: Option<String>,
}

/// Compares both sides, table by table; checksums count where both have one.
///
/// # Errors
/// [`Error::Other`] naming up to five tables that differ.
pub fn compare(source: &[TableDigest], copy: &[TableDigest]) -> Result<CopyReport, Error> {
    let there: BTreeMap<&str, &TableDigest> = copy.iter().map(|table| (table.table.as_str(), table)).collect();
    let mut differences = Vec::new();
    let mut contents_compared = true;
    for table in source {
        match there.get(table.table.as_str()) {
            None => differences.push(format!("{} is missing", table.table)),
            Some(other) if other.rows != table.rows => {
                differences.push(format!("{} has {} rows, the copy {}", table.table, table.rows, other.rows));
            }
            Some(other) => match (&table.checksum, &other.checksum) {
                (Some(here), Some(there)) if here != there => {
                    differences.push(format!("{} differs in its contents", table.table));
                }
                (Some(_), Some(_)) => {}
                _ => contents_compared = false,
            },
        }
    }
    if copy.len() > source.len() {
        differences.push(format!("the copy has {} tables, the source {}", copy.len(), source.len()));
    }
    if differences.is_empty() {
        return Ok(CopyReport { tables: source.to_vec(), contents_compared, warnings: Vec::new() });
    }
    let more = differences.len().saturating_sub(5);
    differences.truncate(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::refused(format!("the copy differs from the source: {}{more}", differences.join("; "))))
}

/// A program of the engine: where it is looked for, in this order: the directory given, the packages' own directories, the path.
///
/// # Errors
/// [`Error::Other`] naming the program and the package that brings it.
pub fn find_tool(program: &str, given: Option<&Path>, package: &str) -> Result<PathBuf, Error> {
    if let Some(directory) = given {
        let tool = directory.join(program);
        return if tool.is_file() { Ok(tool) } else { Err(Error::refused(format!("there is no {}", tool.display()))) };
    }
    // Debian keeps PostgreSQL's programs by version; the newest reads all servers up to its own version.
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin").join(program))))
        .filter(|(_, tool)| tool.is_file())
        .collect();
    versions.sort();
    if let Some((_, newest)) = versions.pop() {
        return Ok(newest);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|tool| tool.is_file())
        .ok_or_else(|| Error::refused(format!("{program} is not installed (Debian: apt-get install {package})")))
}

/// A new file that only we can read; one that is there already is not touched.
///
/// # Errors
/// [`Error::Other`] with the system's words.
pub fn new_file(path: &Path) -> Result<File, Error> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::refused(format!("cannot write {}: {error}", path.display())))
}

/// A program of the engine that is about to run.
#[derive(Debug)]
pub struct Tool {
    name: String,
    command: Command,
}

impl Tool {
    /// The program with its arguments, of which none may be a secret, and with nothing of our environment but what is given.
    pub fn new(program: &Path, arguments: &[String], environment: &[(&str, &str)]) -> Self {
        let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", "/usr/bin:/bin")
            .envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        Self { name, command }
    }

    /// Standard input from here.
    #[must_use]
    pub fn reading(mut self, from: impl Into<Stdio>) -> Self {
        self.command.stdin(from);
        self
    }

    /// Standard output to here.
    #[must_use]
    pub fn writing(mut self, to: impl Into<Stdio>) -> Self {
        self.command.stdout(to);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// As the process it waits for.
    pub async fn run(self, limit: Duration) -> Result<(), Error> {
        self.start()?.finish(limit).await
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`Error::Other`] when it cannot be started.
    pub fn start(mut self) -> Result<Running, Error> {
        let child =
            self.command.spawn().map_err(|error| Error::refused(format!("cannot start {}: {error}", self.name)))?;
        Ok(Running { name: self.name, child })
    }

    /// Runs `self | into` to the end of both.
    ///
    /// # Errors
    /// As the processes it waits for, the first of the two that failed.
    pub async fn pipe(self, into: Self, limit: Duration) -> Result<(), Error> {
        let mut first = self.writing(Stdio::piped()).start()?;
        let output = first.child.stdout.take().ok_or_else(|| Error::refused("no output to read"))?;
        let output: Stdio = output.try_into().map_err(|error: io::Error| Error::refused(error.to_string()))?;
        let second = into.reading(output).start()?;
        let (first, second) = tokio::join!(first.finish(limit), second.finish(limit));
        // When the reader fails the writer dies of the broken pipe: the reader's words are the cause.
        second.and(first)
    }
}

/// A program of the engine that runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
}

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the time is up, [`Error::Other`] with the end of its complaint when it fails.
    pub async fn finish(mut self, limit: Duration) -> Result<(), Error> {
        let mut complaint = Vec::new();
        let stderr = self.child.stderr.take();
        let ended = tokio::time::timeout(limit, async {
            if let Some(stderr) = stderr {
                let mut head = stderr.take(COMPLAINT);
                head.read_to_end(&mut complaint).await?;
                // Whatever else it says is read and thrown away, so that it never blocks on us.
                tokio::io::copy(head.get_mut(), &mut tokio::io::sink()).await?;
            }
            self.child.wait().await
        })
        .await;
        let words = String::from_utf8_lossy(&complaint);
        match ended {
            Err(_) => Err(Error::Interrupted {
                doing: format!("run {}", self.name),
                why: format!("{} s are up", limit.as_secs()),
            }),
            Ok(Err(error)) => Err(Error::Interrupted { doing: format!("run {}", self.name), why: error.to_string() }),
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(tool_error(&self.name, &words, &status.to_string())),
        }
    }
}

/// What a tool's complaint means: the tools give words, not codes.
fn tool_error(name: &str, words: &str, status: &str) -> Error {
    let text: String = words.trim().chars().take(600).collect();
    let lower = text.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if says(&["no space left on device", "errno: 28", "is full", "too many connections"]) {
        return Error::Limit { code: name.to_owned(), text };
    }
    if says(&["server closed the connection", "lost connection", "server has gone away", "terminating connection"]) {
        return Error::Interrupted { doing: format!("run {name}"), why: text };
    }
    if says(&["permission denied", "access denied"]) {
        return Error::LacksRight { doing: format!("run {name}"), text };
    }
    Error::Other { code: name.to_owned(), text: format!("{status}: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, rows: u64, checksum: Option<&str>) -> TableDigest {
        TableDigest { table: name.into(), rows, checksum: checksum.map(Into::into) }
    }

    #[test]
    fn a_copy_with_a_row_less_a_table_less_or_other_contents_is_refused() {
        let source = [table("a", 3, Some("x")), table("b", 1, None)];
        assert!(!compare(&source, &source).unwrap().contents_compared);
        for wrong in [
            vec![table("a", 2, Some("x")), table("b", 1, None)],
            vec![table("a", 3, Some("x"))],
            vec![table("a", 3, Some("y")), table("b", 1, None)],
            vec![table("a", 3, Some("x")), table("b", 1, None), table("c", 0, None)],
        ] {
            assert!(compare(&source, &wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let error = find_tool("no-such-dump", None, "some-client").unwrap_err();
        assert!(error.to_string().contains("no-such-dump") && error.to_string().contains("some-client"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_fails_says_why_and_one_that_hangs_is_ended() {
        let shell = |script: &str| Tool::new(Path::new("/bin/sh"), &["-c".into(), script.into()], &[]);
        shell("exit 0").run(Duration::from_secs(20)).await.unwrap();
        let error = shell("echo 'No space left on device' >&2; exit 3").run(Duration::from_secs(20)).await.unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
        let error = shell("exec sleep 600").run(Duration::from_millis(50)).await.unwrap_err();
        assert!(error.is_unknown(), "{error}");
    }
}
