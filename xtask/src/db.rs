//! `cargo xtask db`: the database adapters' shared suite against any server given.
//!
//! Everything it makes is named below a prefix, and dropped at the end; it begins nothing where the prefix is in use, and touches
//! nothing that does not carry its marker.

use std::path::PathBuf;
use std::time::Duration;

use bnna_db_engine::suite::{self, Options};
use bnna_db_engine::{Engine, EngineKind, Target};
use bnna_db_mariadb::MariaDb;
use bnna_db_mssql::MsSql;
use bnna_db_postgres::Postgres;
use secrecy::SecretString;

#[derive(clap::Args)]
pub struct Args {
    /// postgres, mariadb (mysql) or mssql (sqlserver).
    #[arg(long)]
    engine: EngineKind,
    /// `ENGINE://USER:PASSWORD@HOST:PORT/?tls=disable|require|verify|direct&ca=FILE`; password, port and query may be left out. The password is better given in the
    /// environment: BNNA_DB_PASSWORD.
    #[arg(long, env = "BNNA_DB_URL", hide_env_values = true)]
    url: String,
    /// Another instance of the same engine, to copy to; its password in BNNA_DB_SECOND_PASSWORD.
    #[arg(long, env = "BNNA_DB_SECOND_URL", hide_env_values = true)]
    second_url: Option<String>,
    /// Names of everything that is made begin with it and an underscore.
    #[arg(long, default_value = "bnnacheck")]
    prefix: String,
    /// A directory for dumps: on this machine, for SQL Server on the server's. Without it: a temporary one here, none there.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Seconds that a call may take.
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// The directory of the engine's own tools (`pg_dump`, `mariadb-dump`), where not where the packages put them.
    #[arg(long)]
    tools: Option<PathBuf>,
}

/// Opens nothing: the instance as the adapter sees it.
pub fn engine(target: Target) -> Box<dyn Engine> {
    match target.engine {
        EngineKind::Postgres => Box::new(Postgres::new(target)),
        EngineKind::MariaDb => Box::new(MariaDb::new(target)),
        EngineKind::MsSql => Box::new(MsSql::new(target)),
    }
}

fn instance(args: &Args, url: &str, password: &str) -> Result<Box<dyn Engine>, String> {
    let password = std::env::var(password).ok().filter(|password| !password.is_empty()).map(SecretString::from);
    let mut target = Target::from_url(args.engine, url, password).map_err(|error| error.to_string())?;
    target.timeouts.call = Duration::from_secs(args.timeout);
    target.tools.clone_from(&args.tools);
    Ok(engine(target))
}

pub fn run(args: &Args) -> Result<(), String> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !(3..=20).contains(&args.prefix.len())
        || !args.prefix.bytes().all(valid)
        || !args.prefix.starts_with(|first: char| first.is_ascii_lowercase())
    {
        return Err("a prefix has 3 to 20 lower-case letters and digits, a letter first".to_owned());
    }
    let first = instance(args, &args.url, "BNNA_DB_PASSWORD")?;
    let second = args.second_url.as_ref().map(|url| instance(args, url, "BNNA_DB_SECOND_PASSWORD")).transpose()?;
    // SQL Server writes its backups itself: a directory of this machine means nothing to it.
    let temporary = match (&args.scratch, args.engine) {
        (None, EngineKind::Postgres | EngineKind::MariaDb) => {
            Some(tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?)
        }
        _ => None,
    };
    let scratch = args.scratch.clone().or_else(|| temporary.as_ref().map(|directory| directory.path().to_owned()));
    println!("{:?}", first.target());
    let options = Options { prefix: args.prefix.clone(), second: second.as_deref(), scratch };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let report = runtime.block_on(async {
        match first.probe().await {
            Ok(probe) => {
                println!("{}\nclock skew {}, encrypted: {}", probe.version, probe.clock_skew, probe.encrypted);
                if !probe.open_to_all.is_empty() {
                    println!("open to every user of the server: {}", probe.open_to_all.join(", "));
                }
            }
            Err(error) => println!("probe: {error}"),
        }
        suite::run(first.as_ref(), &options).await
    });
    println!("{report}");
    if report.passed() { Ok(()) } else { Err("not every check passed".to_owned()) }
}
