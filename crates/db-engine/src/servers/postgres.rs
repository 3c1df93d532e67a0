//! A private PostgreSQL server.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::certificates::Certificates;
use super::process::{
    EVERY, Kept, RunAs, START_LIMIT, ServerError, directory, end_of, free_port, patient, program, ready, run_once,
    system,
};
use crate::kind::EngineKind;
use crate::password::Password;
use crate::target::{Target, Tls};

/// The packages that bring the programs.
const PACKAGE: &str = "postgresql";

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// Without certificates, so that it offers no TLS.
    pub without_tls: bool,
    /// Refuses sessions that are not encrypted.
    pub tls_only: bool,
    /// Where the data lies instead of below the system's temporary directory; the write-ahead log stays there.
    pub data_below: Option<PathBuf>,
    /// More settings, `name=value`.
    pub settings: Vec<String>,
}

/// A private PostgreSQL server on loopback. Its superuser is `bnna_admin`, it asks for SCRAM, and logs every statement.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    run_as: RunAs,
    options: PostgresOptions,
    port: u16,
    password: Password,
    certificates: Certificates,
    child: Mutex<Option<Kept>>,
    data: PathBuf,
    // Last: the directories go when the server is gone.
    directory: TempDir,
    _data_directory: Option<TempDir>,
}

impl PostgresServer {
    /// Initialises a data directory and starts a server on it.
    ///
    /// # Errors
    /// [`ServerError`], with the install command when PostgreSQL is missing.
    pub async fn start(options: PostgresOptions) -> Result<Self, ServerError> {
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .filter(|(_, bin)| bin.join("initdb").is_file())
            .collect();
        versions.sort();
        let (_, programs) =
            versions.pop().ok_or(ServerError::NotInstalled { program: "initdb".to_owned(), package: PACKAGE })?;
        let run_as = RunAs::packaged("postgres", PACKAGE)?;
        let directory = directory("bnna-pg-", None, &run_as)?;
        let elsewhere =
            options.data_below.as_ref().map(|below| self::directory("data-", Some(below), &run_as)).transpose()?;
        let data = elsewhere.as_ref().unwrap_or(&directory).path().join("data");
        let password = Password::generate().map_err(|error| ServerError::Certificates(error.to_string()))?;
        let server = Self {
            programs,
            run_as,
            options,
            port: free_port()?,
            password,
            certificates: Certificates::new()?,
            child: Mutex::new(None),
            data,
            directory,
            _data_directory: elsewhere,
        };
        server.initialise()?;
        server.restart().await?;
        Ok(server)
    }

    fn initialise(&self) -> Result<(), ServerError> {
        let place = self.directory.path();
        for (file, text) in [
            ("pw", self.password.expose()),
            ("server.crt", &self.certificates.certificate),
            ("server.key", &self.certificates.key),
        ] {
            write_private(&place.join(file), text)?;
            self.run_as.give(&place.join(file))?;
        }
        let mut initdb = self.run_as.command(&program(&[self.programs.join("initdb")], PACKAGE)?);
        initdb.arg("-D").arg(&self.data).args(["-U", "bnna_admin", "-A", "scram-sha-256"]);
        initdb
            .args(["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg(format!("--pwfile={}", place.join("pw").display()));
        if self.options.data_below.is_some() {
            initdb.arg("--waldir").arg(place.join("wal"));
        }
        run_once(initdb, "initdb")?;
        if self.options.tls_only {
            let rules = "hostssl all all 127.0.0.1/32 scram-sha-256\n";
            std::fs::write(self.data.join("pg_hba.conf"), rules).map_err(system("write pg_hba.conf"))?;
        }
        Ok(())
    }

    /// Starts the server again on the same data and port, after [`Self::kill`].
    ///
    /// # Errors
    /// [`ServerError::Failed`] with the end of the log.
    pub async fn restart(&self) -> Result<(), ServerError> {
        self.kill();
        let place = self.directory.path();
        // A server that was killed leaves processes that notice within moments; until then the start is refused.
        let until = Instant::now() + START_LIMIT;
        while Instant::now() < until {
            let mut command = self.run_as.command(&self.programs.join("postgres"));
            command.arg("-D").arg(&self.data).arg("-p").arg(self.port.to_string()).arg("-k").arg(place);
            let mut settings: Vec<String> = [
                "listen_addresses=127.0.0.1",
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "shared_buffers=16MB",
                "max_connections=60",
                "log_statement=all",
                "log_connections=on",
                "track_counts=on",
            ]
            .map(str::to_owned)
            .to_vec();
            if !self.options.without_tls {
                settings.push("ssl=on".to_owned());
                settings.push(format!("ssl_cert_file={}", place.join("server.crt").display()));
                settings.push(format!("ssl_key_file={}", place.join("server.key").display()));
            }
            for setting in settings.iter().chain(&self.options.settings) {
                command.arg("-c").arg(setting);
            }
            let child = Kept::spawn(command, &place.join("log"), "postgres")?;
            let port = self.port;
            let works = ready(&child, until, || accepts_sessions(port)).await;
            if works {
                if let Ok(mut held) = self.child.lock() {
                    *held = Some(child);
                }
                return Ok(());
            }
            drop(child);
            tokio::time::sleep(EVERY * 5).await;
        }
        Err(ServerError::Failed { program: "postgres".to_owned(), log: end_of(&self.log()) })
    }

    /// SIGKILL, as a crash: nothing is flushed, nobody is told.
    pub fn kill(&self) {
        if let Ok(mut held) = self.child.lock() {
            held.take();
        }
    }

    /// How the superuser reaches it, without TLS.
    pub fn target(&self) -> Target {
        Target {
            engine: EngineKind::Postgres,
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: self.port,
            tls: Tls::Disable,
            admin_user: "bnna_admin".to_owned(),
            admin_password: SecretString::from(self.password.expose()),
            timeouts: patient(),
            tools: None,
        }
    }

    /// Its certificates.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Everything it has logged, with every statement.
    pub fn log(&self) -> String {
        std::fs::read(self.directory.path().join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }
}

/// Whether a server asks for a password: it does so only when it accepts sessions.
async fn accepts_sessions(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        let parameters = b"user\0nobody\0database\0postgres\0\0";
        let mut message = Vec::from(u32::try_from(8 + parameters.len()).ok()?.to_be_bytes());
        message.extend_from_slice(&196_608_u32.to_be_bytes());
        message.extend_from_slice(parameters);
        stream.write_all(&message).await.ok()?;
        let mut answer = [0_u8; 256];
        let length = stream.read(&mut answer).await.ok()?;
        let answer = answer.get(..length)?;
        // Authentication request, or a refusal by rule (a server that insists on TLS); not "is starting up".
        Some(answer.first() == Some(&b'R') || answer.windows(5).any(|code| code == b"28000"))
    };
    ask.await.unwrap_or(false)
}

/// Writes a file that only we can read.
pub(super) fn write_private(path: &std::path::Path, text: &str) -> Result<(), ServerError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let doing = || format!("write {}", path.display());
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(system(doing()))?;
    file.write_all(text.as_bytes()).map_err(system(doing()))
}
