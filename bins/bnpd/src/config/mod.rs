//! The configuration of bnpd: defaults < file < environment (`BNNA_SECTION__KEY`) < flags, read into typed values with every
//! mistake reported at once.

mod clusters;
mod keys;
mod mistake;
mod read;
mod render;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::providers::{Env, Format, Toml};
use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider};

pub use self::clusters::ClusterConfig;
pub use self::mistake::{Mistake, Mistakes};
pub use self::render::{file, table};

use self::read::{Reader, Shown, parsed, text, whole};

/// Values that flags set, above all other layers.
#[derive(Debug, Default, Clone)]
pub struct Flags {
    /// `--listen`.
    pub listen: Option<String>,
    /// `--data`.
    pub directory: Option<PathBuf>,
}

/// Where bnpd listens and what one request may take.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Certificate chain and key, as PEM files.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Longest time of one request.
    pub request_timeout: Duration,
    /// Largest body in bytes.
    pub body_limit: usize,
    /// Most connections at once.
    pub connections: usize,
    /// How long it goes on serving once it was asked to end.
    pub drain: Duration,
}

/// Who may call.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// csvauth table.
    pub users_file: PathBuf,
    /// csvauth key.
    pub csvauth_key_file: PathBuf,
    /// Key that seals secrets.
    pub master_key_file: PathBuf,
    /// Failed credentials an address may send a minute.
    pub failures_per_minute: u32,
}

/// How bnpd talks to clusters.
#[derive(Debug, Clone)]
pub struct PlatformConfig {
    /// authorized_keys file.
    pub ssh_keys_file: Option<PathBuf>,
    /// How long an answer waits for a cluster.
    pub cluster_deadline: Duration,
    /// Longest time to connect.
    pub cluster_connect: Duration,
    /// Calls a cluster gets at once.
    pub cluster_calls: usize,
    /// Calls of requests that may wait for a cluster.
    pub cluster_waiting: usize,
    /// How old a listing may be that readers get.
    pub listing_age: Duration,
    /// How long an operation waits for one task.
    pub task_deadline: Duration,
    /// Base domain of direct names.
    pub base_domain: Option<String>,
    /// How often canaries are sent.
    pub canary_every: Option<Duration>,
}

/// How logs look.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// JSON rather than text.
    pub json: bool,
    /// tracing directives.
    pub filter: String,
}

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`.
    pub server: ServerConfig,
    /// `[store] directory`.
    pub store_directory: PathBuf,
    /// `[auth]`.
    pub auth: AuthConfig,
    /// `[platform]`.
    pub platform: PlatformConfig,
    /// `[log]`.
    pub log: LogConfig,
    /// `[[clusters]]`.
    pub clusters: Vec<ClusterConfig>,
}

/// A configuration with where each value came from.
#[derive(Debug)]
pub struct Explained {
    /// The values, or everything that is wrong with them.
    pub config: Result<Config, Mistakes>,
    /// Every value and its source.
    pub shown: Vec<Shown>,
}

/// A layer with the name that `check-config` shows for it.
struct Layer<P>(&'static str, P);

impl<P: Provider> Provider for Layer<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.1.data()
    }
}

/// Reads the configuration.
pub fn load(file: Option<&Path>, flags: &Flags) -> Explained {
    let mut figment = Figment::from(Layer("default", Toml::string(&render::defaults())));
    let mut unreadable = None;
    if let Some(path) = file {
        match std::fs::read_to_string(path)
            .map_err(|error| error.to_string())
            .and_then(|_| Toml::file_exact(path).data().map_err(|error| error.to_string().trim().to_owned()))
        {
            Ok(_) => figment = figment.merge(Toml::file_exact(path)),
            Err(message) => {
                unreadable =
                    Some(Mistake { key: "--config".to_owned(), source: format!("file {}", path.display()), message });
            }
        }
    }
    figment = figment
        .merge(Layer("environment", Env::prefixed("BNNA_").filter(|key| key.as_str().contains("__")).split("__")));
    if let Some(listen) = &flags.listen {
        figment = figment.merge(Layer("flag --listen", ("server.listen", listen.clone())));
    }
    if let Some(directory) = &flags.directory {
        figment = figment.merge(Layer("flag --data", ("store.directory", directory.to_string_lossy().into_owned())));
    }
    let mut reader = Reader::new(figment);
    reader.mistakes.extend(unreadable);
    let config = read(&mut reader);
    reader.refuse_unknown();
    reader.mistakes.sort();
    let config = if reader.mistakes.is_empty() { Ok(config) } else { Err(Mistakes(reader.mistakes)) };
    Explained { config, shown: reader.shown }
}

fn read(reader: &mut Reader) -> Config {
    let base_domain = reader.take("platform", "base_domain", String::new(), text);
    let canary_hours: u64 = number(reader, "platform", "canary_every_hours", 0, 8760);
    Config {
        server: server(reader),
        store_directory: path(reader, "store", "directory"),
        auth: AuthConfig {
            users_file: path(reader, "auth", "users_file"),
            csvauth_key_file: path(reader, "auth", "csvauth_key_file"),
            master_key_file: path(reader, "auth", "master_key_file"),
            failures_per_minute: number(reader, "auth", "failures_per_minute", 1, 10_000),
        },
        platform: PlatformConfig {
            ssh_keys_file: optional_path(reader, "platform", "ssh_keys_file"),
            cluster_deadline: seconds(reader, "platform", "cluster_deadline_seconds", 1, 120),
            cluster_connect: seconds(reader, "platform", "cluster_connect_seconds", 1, 60),
            cluster_calls: number(reader, "platform", "cluster_calls", 1, 64),
            cluster_waiting: number(reader, "platform", "cluster_waiting", 0, 10_000),
            listing_age: seconds(reader, "platform", "listing_age_seconds", 0, 60),
            task_deadline: seconds(reader, "platform", "task_deadline_seconds", 10, 86_400),
            base_domain: (!base_domain.is_empty()).then_some(base_domain),
            canary_every: (canary_hours > 0).then(|| Duration::from_secs(canary_hours * 3600)),
        },
        log: LogConfig {
            json: reader.take("log", "format", true, |value| match text(value)?.as_str() {
                "json" => Ok(true),
                "text" => Ok(false),
                other => Err(format!("{other:?} is neither json nor text")),
            }),
            filter: reader.take("log", "filter", String::new(), |value| {
                let filter = text(value)?;
                match tracing_subscriber::EnvFilter::try_new(&filter) {
                    Ok(_) => Ok(filter),
                    Err(error) => Err(format!("not a list of tracing directives: {error}")),
                }
            }),
        },
        clusters: clusters::read(reader),
    }
}

fn server(reader: &mut Reader) -> ServerConfig {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let listen =
        reader.take("server", "listen", nowhere, parsed("an address with a port, like 127.0.0.1:8430 or [::1]:8430"));
    let certificate = optional_path(reader, "server", "tls_certificate");
    let key = optional_path(reader, "server", "tls_key");
    if certificate.is_some() != key.is_some() {
        let missing = if key.is_some() { "tls_certificate" } else { "tls_key" };
        let value = reader.value("server", missing);
        reader.mistake(&format!("server.{missing}"), value.as_ref(), "tls_certificate and tls_key go together");
    }
    ServerConfig {
        listen,
        tls: certificate.zip(key),
        request_timeout: seconds(reader, "server", "request_timeout_seconds", 1, 3600),
        body_limit: number(reader, "server", "body_limit_bytes", 1024, 64 << 20),
        connections: number(reader, "server", "connections", 1, 65_535),
        drain: seconds(reader, "server", "drain_seconds", 0, 300),
    }
}

fn path(reader: &mut Reader, section: &'static str, name: &'static str) -> PathBuf {
    reader.take(section, name, PathBuf::new(), |value| match text(value)? {
        empty if empty.is_empty() => Err("a path is expected".to_owned()),
        path => Ok(PathBuf::from(path)),
    })
}

fn optional_path(reader: &mut Reader, section: &'static str, name: &'static str) -> Option<PathBuf> {
    reader.take(section, name, None, |value| Ok(Some(text(value)?).filter(|path| !path.is_empty()).map(PathBuf::from)))
}

fn number<T: TryFrom<u64> + Default>(
    reader: &mut Reader,
    section: &'static str,
    name: &'static str,
    least: u64,
    most: u64,
) -> T {
    let number = reader.take(section, name, least, whole(least, most));
    T::try_from(number).unwrap_or_default()
}

fn seconds(reader: &mut Reader, section: &'static str, name: &'static str, least: u64, most: u64) -> Duration {
    Duration::from_secs(reader.take(section, name, least, whole(least, most)))
}
