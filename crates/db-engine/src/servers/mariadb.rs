//! A private MariaDB server.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::certificates::Certificates;
use super::postgres::write_private;
use super::process::{
    EVERY, Kept, RunAs, START_LIMIT, ServerError, directory, end_of, free_port, patient, program, ready, run_once,
};
use crate::kind::EngineKind;
use crate::password::Password;
use crate::target::{Target, Tls};

/// The package that brings the programs.
const PACKAGE: &str = "mariadb-server";

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct MariaDbOptions {
    /// Without certificates, so that it offers no TLS.
    pub without_tls: bool,
    /// Refuses sessions that are not encrypted.
    pub tls_only: bool,
    /// Where the data lies instead of below the system's temporary directory.
    pub data_below: Option<PathBuf>,
    /// More arguments, `--name=value`.
    pub arguments: Vec<String>,
}

/// A private MariaDB server on loopback. Its administrator is `bnna_admin`, it asks for passwords, and logs every statement.
#[derive(Debug)]
pub struct MariaDbServer {
    run_as: RunAs,
    options: MariaDbOptions,
    port: u16,
    password: Password,
    certificates: Certificates,
    child: Mutex<Option<Kept>>,
    data: PathBuf,
    // Last: the directories go when the server is gone.
    directory: TempDir,
    _data_directory: Option<TempDir>,
}

impl MariaDbServer {
    /// Initialises a data directory and starts a server on it.
    ///
    /// # Errors
    /// [`ServerError`], with the install command when MariaDB is missing.
    pub async fn start(options: MariaDbOptions) -> Result<Self, ServerError> {
        let run_as = RunAs::packaged("mysql", PACKAGE)?;
        let directory = directory("bnna-maria-", None, &run_as)?;
        let elsewhere =
            options.data_below.as_ref().map(|below| self::directory("data-", Some(below), &run_as)).transpose()?;
        let data = elsewhere.as_ref().unwrap_or(&directory).path().join("data");
        let server = Self {
            run_as,
            options,
            port: free_port()?,
            password: Password::generate().map_err(|error| ServerError::Certificates(error.to_string()))?,
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
        let admin = format!(
            "CREATE USER IF NOT EXISTS bnna_admin@'%' IDENTIFIED BY '{}';\nGRANT ALL ON *.* TO bnna_admin@'%' WITH GRANT OPTION;\n",
            self.password.expose()
        );
        for (file, text) in [
            ("init.sql", admin.as_str()),
            ("ca.crt", &self.certificates.ca),
            ("server.crt", &self.certificates.certificate),
            ("server.key", &self.certificates.key),
        ] {
            write_private(&place.join(file), text)?;
            self.run_as.give(&place.join(file))?;
        }
        let install =
            program(&["/usr/bin/mariadb-install-db".into(), "/usr/local/bin/mariadb-install-db".into()], PACKAGE)?;
        let mut command = self.run_as.command(&install);
        command.args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]);
        command.arg(format!("--datadir={}", self.data.display()));
        // A server that starts clears away the temporary tables of all others in a directory that they share.
        command.arg(format!("--tmpdir={}", place.display()));
        command.args([
            "--innodb-log-file-size=8M",
            "--innodb-buffer-pool-size=16M",
            "--innodb-flush-log-at-trx-commit=0",
        ]);
        run_once(command, "mariadb-install-db")
    }

    /// Starts the server again on the same data and port, after [`Self::kill`].
    ///
    /// # Errors
    /// [`ServerError::Failed`] with the end of the log.
    pub async fn restart(&self) -> Result<(), ServerError> {
        self.kill();
        let place = self.directory.path();
        let server = program(&["/usr/sbin/mariadbd".into(), "/usr/local/sbin/mariadbd".into()], PACKAGE)?;
        let until = Instant::now() + START_LIMIT;
        while Instant::now() < until {
            let mut command = self.run_as.command(&server);
            command
                .arg("--no-defaults")
                .arg(format!("--datadir={}", self.data.display()))
                .arg(format!("--port={}", self.port));
            for (name, file) in [
                ("socket", "s.sock"),
                ("pid-file", "pid"),
                ("init-file", "init.sql"),
                ("general-log-file", "general.log"),
                ("tmpdir", ""),
            ] {
                command.arg(format!("--{name}={}", place.join(file).display()));
            }
            command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin", "--general-log"]);
            command.args([
                "--innodb-buffer-pool-size=16M",
                "--innodb-log-file-size=8M",
                "--innodb-flush-log-at-trx-commit=0",
            ]);
            command.args(["--innodb-flush-method=nosync", "--performance-schema=OFF", "--max-connections=60"]);
            if !self.options.without_tls {
                for (name, file) in [("ssl-ca", "ca.crt"), ("ssl-cert", "server.crt"), ("ssl-key", "server.key")] {
                    command.arg(format!("--{name}={}", place.join(file).display()));
                }
            }
            if self.options.tls_only {
                command.arg("--require-secure-transport=ON");
            }
            command.args(&self.options.arguments);
            let child = Kept::spawn(command, &place.join("log"), "mariadbd")?;
            let port = self.port;
            if ready(&child, until, || greets(port)).await {
                if let Ok(mut held) = self.child.lock() {
                    *held = Some(child);
                }
                return Ok(());
            }
            drop(child);
            tokio::time::sleep(EVERY * 5).await;
        }
        let log = std::fs::read_to_string(place.join("log")).unwrap_or_default();
        Err(ServerError::Failed { program: "mariadbd".to_owned(), log: end_of(&log) })
    }

    /// SIGKILL, as a crash: nothing is flushed, nobody is told.
    pub fn kill(&self) {
        if let Ok(mut held) = self.child.lock() {
            held.take();
        }
    }

    /// How the administrator reaches it, without TLS.
    pub fn target(&self) -> Target {
        Target {
            engine: EngineKind::MariaDb,
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

    /// Its log and its log of every statement.
    pub fn log(&self) -> String {
        let read = |file| std::fs::read(self.directory.path().join(file)).unwrap_or_default();
        [read("log"), read("general.log")].map(|log| String::from_utf8_lossy(&log).into_owned()).concat()
    }

    /// Where its files lie: for tests that look for what the server wrote.
    pub fn data_directory(&self) -> &std::path::Path {
        &self.data
    }
}

/// Whether a server greets with its protocol's version 10: it does so only when it accepts sessions.
async fn greets(port: u16) -> bool {
    let listen = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        let mut head = [0_u8; 5];
        stream.read_exact(&mut head).await.ok()?;
        Some(head.last() == Some(&10))
    };
    listen.await.unwrap_or(false)
}
