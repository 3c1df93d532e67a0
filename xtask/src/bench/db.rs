//! `cargo xtask bench db`: usage of many databases in one query against one query a database; a usable database against the bare
//! statements; a copy against the engine's own dump | restore. On private servers, started here.

use std::process::Command;
use std::time::{Duration, Instant};

use bnna_db_engine::servers::{MariaDbOptions, MariaDbServer, PostgresOptions, PostgresServer};
use bnna_db_engine::{
    DatabaseName, Engine, EngineKind, Login, Marker, Password, Session, Target, Tenancy, UserName, find_tool, provision,
};

use crate::db::engine;

#[derive(clap::Args)]
pub struct Args {
    /// Databases on each instance, to ask for the usage of all of them; 0 measures none.
    #[arg(long, default_value_t = 2000)]
    databases: usize,
    /// Databases made one after another to time their creation; 0 measures none.
    #[arg(long, default_value_t = 20)]
    creations: usize,
    /// Thousands of rows, of about 110 bytes each, in the database that is copied; 0 measures no copy.
    #[arg(long, default_value_t = 1000)]
    thousand_rows: u32,
}

type Measured<T> = Result<T, Box<dyn std::error::Error>>;

pub fn run(args: &Args) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(measure(args)).map_err(|error| error.to_string())
}

async fn measure(args: &Args) -> Measured<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    println!("{} · {cores} cores · {build} build · servers without fsync\n", time::OffsetDateTime::now_utc().date());
    println!("| engine | measured | adapter | compared with | ratio |\n|---|---|---|---|---|");
    {
        let one = PostgresServer::start(PostgresOptions::default()).await?;
        let two = PostgresServer::start(PostgresOptions::default()).await?;
        measure_engine(args, one.target(), two.target()).await?;
    }
    let one = MariaDbServer::start(MariaDbOptions::default()).await?;
    let two = MariaDbServer::start(MariaDbOptions::default()).await?;
    measure_engine(args, one.target(), two.target()).await
}

async fn measure_engine(args: &Args, one: Target, two: Target) -> Measured<()> {
    let (first, second) = (engine(one), engine(two));
    if args.creations > 0 {
        creation(args, first.as_ref()).await?;
    }
    if args.thousand_rows > 0 {
        copying(args, first.as_ref(), second.as_ref()).await?;
    }
    if args.databases > 0 {
        usage(args, first.as_ref()).await?;
    }
    Ok(())
}

fn line(engine: &dyn Engine, what: &str, adapter: String, compared: String, ratio: f64) {
    println!("| {} | {what} | {adapter} | {compared} | {ratio:.2} |", engine.kind());
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn tenancy(engine: &dyn Engine, name: &str) -> Measured<Tenancy> {
    Ok(Tenancy::new(engine.kind(), name, Marker::new("bench")?)?)
}

/// The administrator's own session, in a database made for it.
async fn admin(engine: &dyn Engine) -> Measured<Box<dyn Session>> {
    let target = engine.target();
    let base = tenancy(engine, "bench_base")?;
    provision::create(engine, &base, &Password::generate()?).await?;
    let login = Login {
        database: base.database,
        user: UserName::existing(engine.kind(), &target.admin_user)?,
        password: Password::new(target.password())?,
    };
    Ok(engine.log_in(&login).await?)
}

async fn enter(engine: &dyn Engine, tenancy: &Tenancy, password: &Password) -> Measured<Box<dyn Session>> {
    let login = Login { database: tenancy.database.clone(), user: tenancy.user.clone(), password: password.clone() };
    Ok(engine.log_in(&login).await?)
}

/// From nothing to the first answer in the new database: the adapter's create, and the bare statements on an open session. Taken in
/// turns, so that both meet the same machine.
async fn creation(args: &Args, engine: &dyn Engine) -> Measured<()> {
    let password = Password::generate()?;
    let mut session = admin(engine).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for number in 0..args.creations {
        let made = tenancy(engine, &format!("bench_made_{number}"))?;
        let started = Instant::now();
        provision::create(engine, &made, &password).await?;
        enter(engine, &made, &password).await?.execute("SELECT 1").await?;
        ours.push(started.elapsed());

        let made = tenancy(engine, &format!("bench_bare_{number}"))?;
        let statements = bare_statements(engine.kind(), &made, &password);
        let started = Instant::now();
        for statement in &statements {
            session.execute(statement).await?;
        }
        enter(engine, &made, &password).await?.execute("SELECT 1").await?;
        bare.push(started.elapsed());
    }
    let (ours, bare) = (median(ours), median(bare));
    let what = format!("create to usable, median of {}", args.creations);
    let compared = format!("{} bare statements", milliseconds(bare));
    line(engine, &what, milliseconds(ours), compared, ours.as_secs_f64() / bare.as_secs_f64());
    Ok(())
}

fn bare_statements(kind: EngineKind, made: &Tenancy, password: &Password) -> Vec<String> {
    let (database, user, password) = (made.database.quoted(), made.user.quoted(), password.expose());
    match kind {
        EngineKind::Postgres => vec![
            format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'"),
            format!("CREATE DATABASE {database} OWNER {user} TEMPLATE template0"),
            format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"),
        ],
        EngineKind::MariaDb => vec![
            format!("CREATE DATABASE {database}"),
            format!("CREATE USER {user}@'%' IDENTIFIED BY '{password}'"),
            format!("GRANT ALL PRIVILEGES ON {database}.* TO {user}@'%'"),
        ],
        EngineKind::MsSql => Vec::new(),
    }
}

/// A copy with its comparison, and the engine's own tools in a pipe without one.
async fn copying(args: &Args, from: &dyn Engine, to: &dyn Engine) -> Measured<()> {
    let password = Password::generate()?;
    let source = tenancy(from, "bench_source")?;
    provision::create(from, &source, &password).await?;
    let mut session = enter(from, &source, &password).await?;
    session.execute("CREATE TABLE word (id INT NOT NULL PRIMARY KEY, text VARCHAR(100) NOT NULL)").await?;
    let rows = u64::from(args.thousand_rows) * 1000;
    for thousand in 0..args.thousand_rows {
        let (low, high) = (u64::from(thousand) * 1000 + 1, (u64::from(thousand) + 1) * 1000);
        let sql = match from.kind() {
            EngineKind::Postgres => format!(
                "INSERT INTO word SELECT n, md5(n::text) || md5((n + 1)::text) || md5((n + 2)::text) FROM generate_series({low}, {high}) n"
            ),
            EngineKind::MariaDb => format!(
                "INSERT INTO word SELECT seq, CONCAT(MD5(seq), MD5(seq + 1), MD5(seq + 2)) FROM seq_{low}_to_{high}"
            ),
            EngineKind::MsSql => return Ok(()),
        };
        session.execute(&sql).await?;
    }
    let bytes = rows * 100;
    let copy = tenancy(to, "bench_copy")?;
    provision::create(to, &copy, &password).await?;
    let started = Instant::now();
    let report = from.copy(&source, to, &copy).await?;
    let ours = started.elapsed();
    if report.rows() != rows || !report.contents_compared {
        return Err("the copy was not compared".into());
    }
    let piped = tenancy(to, "bench_piped")?;
    provision::create(to, &piped, &password).await?;
    let started = Instant::now();
    pipe(from, &source, to, &piped, &password)?;
    let tools = started.elapsed();
    let rate =
        |took: Duration| format!("{:.1} MB/s ({:.2} s)", bytes as f64 / 1e6 / took.as_secs_f64(), took.as_secs_f64());
    let what = format!("copy of {rows} rows, contents compared");
    line(
        from,
        &what,
        rate(ours),
        format!("{} dump \\| restore, not compared", rate(tools)),
        ours.as_secs_f64() / tools.as_secs_f64(),
    );
    Ok(())
}

/// What an administrator would type.
fn pipe(from: &dyn Engine, source: &Tenancy, to: &dyn Engine, copy: &Tenancy, password: &Password) -> Measured<()> {
    let (here, there) = (from.target().port, to.target().port);
    let (user, database, other) = (&source.user, &source.database, &copy.database);
    let program = |name: &str, package: &str| find_tool(name, None, package).map(|path| path.display().to_string());
    let script = match from.kind() {
        EngineKind::Postgres => format!(
            "{} -Fc -Z0 -h 127.0.0.1 -p {here} -U {user} {database} | {} -O -h 127.0.0.1 -p {there} -U {} -d {other}",
            program("pg_dump", "postgresql-client")?,
            program("pg_restore", "postgresql-client")?,
            copy.user
        ),
        EngineKind::MariaDb => format!(
            "{} --single-transaction --quick -h 127.0.0.1 -P {here} -u {user} {database} | {} -h 127.0.0.1 -P {there} -u {} {other}",
            program("mariadb-dump", "mariadb-client")?,
            program("mariadb", "mariadb-client")?,
            copy.user
        ),
        EngineKind::MsSql => return Ok(()),
    };
    let status = Command::new("sh")
        .args(["-c", &script])
        .env("PGPASSWORD", password.expose())
        .env("MYSQL_PWD", password.expose())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("`{script}` failed").into()) }
}

/// All databases of an instance at once, with the login, and one query a database on an open session.
async fn usage(args: &Args, engine: &dyn Engine) -> Measured<()> {
    let mut session = admin(engine).await?;
    let names: Vec<DatabaseName> = (0..args.databases)
        .map(|number| DatabaseName::new(engine.kind(), &format!("bench_many_{number}")))
        .collect::<Result<_, _>>()?;
    for name in &names {
        match engine.kind() {
            EngineKind::Postgres => {
                session.execute(&format!("CREATE DATABASE {} TEMPLATE template0", name.quoted())).await?;
            }
            _ => {
                session.execute(&format!("CREATE DATABASE {}", name.quoted())).await?;
                session.execute(&format!("CREATE TABLE {}.word (id INT NOT NULL PRIMARY KEY)", name.quoted())).await?;
            }
        }
    }
    // The first look warms the server's and the system's caches for both.
    let warm = engine.usage().await?;
    let (mut all, mut each) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let started = Instant::now();
        let usage = engine.usage().await?;
        all.push(started.elapsed());
        if usage.databases.len() < args.databases
            || usage.databases.iter().any(|database| database.size_bytes.is_none())
        {
            return Err("the usage is not complete".into());
        }
        let started = Instant::now();
        for name in &names {
            session.execute(&one_query(engine.kind(), name)).await?;
        }
        each.push(started.elapsed());
    }
    let (all, each) = (median(all), median(each));
    let what = format!("usage of {} databases, {} query, median of 3", warm.databases.len(), warm.queries);
    line(
        engine,
        &what,
        milliseconds(all),
        format!("{} one query a database", milliseconds(each)),
        all.as_secs_f64() / each.as_secs_f64(),
    );
    Ok(())
}

fn one_query(kind: EngineKind, name: &DatabaseName) -> String {
    let text = kind.quote_text(name.as_str());
    match kind {
        EngineKind::Postgres => format!(
            "SELECT pg_database_size(datid), numbackends, xact_commit, tup_fetched, tup_inserted, temp_bytes FROM pg_stat_database \
              WHERE datname = {text}"
        ),
        _ => {
            format!("SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = {text}")
        }
    }
}
