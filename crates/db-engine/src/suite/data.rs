//! What is in the databases: usage, copy, dump and restore, rename.

use super::{Stage, Trouble, Verdict, ensure, ensure_rows};
use crate::engine::Session;
use crate::error::Error;
use crate::kind::EngineKind;
use crate::password::Password;
use crate::tenancy::{Lock, Tenancy};

/// Two tables with texts that a careless copy breaks, and a view over one of them.
async fn fill(session: &mut dyn Session, kind: EngineKind) -> Verdict {
    let word = if kind == EngineKind::MsSql { "NVARCHAR(60)" } else { "VARCHAR(60)" };
    session.execute(&format!("CREATE TABLE word (id INT NOT NULL PRIMARY KEY, text {word} NULL)")).await?;
    session.execute("CREATE TABLE empty_one (id INT NOT NULL PRIMARY KEY)").await?;
    let texts = ["plain", "it''s", "Größe 大きさ", "100% \\ ; --", ""];
    let prefix = if kind == EngineKind::MsSql { "N" } else { "" };
    for (id, text) in texts.iter().enumerate() {
        // MariaDB reads a backslash in a literal as an escape; two make one.
        let text = if kind == EngineKind::MariaDb { text.replace('\\', "\\\\") } else { (*text).to_owned() };
        session.execute(&format!("INSERT INTO word (id, text) VALUES ({id}, {prefix}'{text}')")).await?;
    }
    session.execute("INSERT INTO word (id, text) VALUES (9, NULL)").await?;
    Ok(())
}

async fn ensure_filled(session: &mut dyn Session) -> Verdict {
    let rows = session.execute("SELECT id, text FROM word WHERE text IS NOT NULL ORDER BY id").await?;
    ensure_rows(&rows, &[&["0", "plain"], &["1", "it's"], &["2", "Größe 大きさ"], &["3", "100% \\ ; --"], &["4", ""]])?;
    ensure(session.execute("SELECT id FROM word WHERE text IS NULL").await?.len() == 1, "the NULL is gone")?;
    ensure(session.execute("SELECT id FROM empty_one").await?.is_empty(), "the empty table has rows")
}

async fn make_filled(stage: &Stage<'_>, name: &str) -> Result<(Tenancy, Password), Trouble> {
    let (tenancy, password) = stage.make(name).await?;
    fill(stage.enter(&tenancy, &password).await?.as_mut(), stage.kind()).await?;
    Ok((tenancy, password))
}

pub(super) async fn usage(stage: &Stage<'_>) -> Verdict {
    let (tenancy, password) = make_filled(stage, "usage").await?;
    let _open = stage.enter(&tenancy, &password).await?;
    let usage = stage.engine.usage().await?;
    ensure(usage.queries <= 2, format!("{} queries", usage.queries))?;
    let found = usage.databases.iter().find(|database| database.database == tenancy.database.as_str());
    let Some(found) = found else { return Err(Trouble::Failed("the database is not in the answer".to_owned())) };
    ensure(found.size_bytes != Some(0), "a database with tables has 0 bytes")?;
    ensure(found.connections.is_none_or(|open| open >= 1), "its open session is not counted")?;
    let listed = stage.engine.list().await?.databases.len();
    ensure(usage.databases.len() == listed, format!("{} databases of {listed}", usage.databases.len()))
}

pub(super) async fn copy(stage: &Stage<'_>) -> Verdict {
    let (source, _) = make_filled(stage, "source").await?;
    let (copy, password) = on_second(stage, "copy").await?;
    let to = stage.options.second.unwrap_or(stage.engine);
    stage.engine.set_lock(&source, Lock::Locked).await?;
    let report = stage.engine.copy(&source, to, &copy).await?;
    ensure(report.rows() >= 6, format!("{} rows were compared", report.rows()))?;
    let login = crate::Login { database: copy.database.clone(), user: copy.user.clone(), password };
    let mut session = to.log_in(&login).await?;
    ensure_filled(session.as_mut()).await?;
    // The copy belongs to its user.
    session.execute("ALTER TABLE word ADD more INT NULL").await?;
    Ok(())
}

async fn on_second(stage: &Stage<'_>, name: &str) -> Result<(Tenancy, Password), Trouble> {
    let Some(second) = stage.options.second else { return stage.make(name).await };
    let tenancy = stage.tenancy(name)?;
    let password = Password::generate()?;
    crate::provision::create(second, &tenancy, &password).await?;
    Ok((tenancy, password))
}

pub(super) async fn copy_into_full(stage: &Stage<'_>) -> Verdict {
    let (source, _) = make_filled(stage, "full_source").await?;
    let (full, password) = make_filled(stage, "full_copy").await?;
    let copied = stage.engine.copy(&source, stage.engine, &full).await;
    if let Err(error) = &copied
        && error.is_unsupported()
    {
        return Err(Trouble::Skipped(error.to_string()));
    }
    ensure(matches!(copied, Err(Error::InUse { .. })), format!("expected in use, got {copied:?}"))?;
    ensure_filled(stage.enter(&full, &password).await?.as_mut()).await
}

pub(super) async fn dump_and_restore(stage: &Stage<'_>) -> Verdict {
    let Some(scratch) = &stage.options.scratch else {
        return Err(Trouble::Skipped("no directory for dumps was given".to_owned()));
    };
    let (source, _) = make_filled(stage, "dumped").await?;
    let (copy, password) = stage.make("restored").await?;
    let file = scratch.join(format!("{}.dump", source.database));
    let dumped = stage.engine.dump(&source, &file).await?;
    ensure(dumped.bytes != Some(0), "the dump is empty")?;
    let restored = stage.engine.restore(&copy, &file).await;
    let twice = stage.engine.dump(&source, &file).await;
    if dumped.bytes.is_some() {
        std::fs::remove_file(&file).map_err(|error| Trouble::Failed(format!("cannot remove the dump: {error}")))?;
        ensure(twice.is_err(), "an existing file was overwritten")?;
    }
    restored?;
    ensure_filled(stage.enter(&copy, &password).await?.as_mut()).await
}

pub(super) async fn rename(stage: &Stage<'_>) -> Verdict {
    let (tenancy, password) = make_filled(stage, "renamed").await?;
    let suffix = "_old_1".parse()?;
    stage.will_drop(tenancy.with_suffix(&suffix)?);
    let open = stage.enter(&tenancy, &password).await?;
    let renamed = stage.engine.rename(&tenancy, &suffix).await?;
    drop(open);
    ensure(renamed.database.as_str() == format!("{}_old_1", tenancy.database), "another name")?;
    ensure(stage.engine.inspect(&tenancy).await?.is_absent(), "the old name is still there")?;
    ensure(stage.engine.inspect(&renamed).await?.is_complete(), "the new name is not complete")?;
    ensure(stage.engine.rename(&tenancy, &suffix).await? == renamed, "renaming again differs")?;
    ensure(stage.enter(&renamed, &password).await.is_err(), "the renamed user is not locked")?;
    stage.engine.set_lock(&renamed, Lock::Unlocked).await?;
    ensure_filled(stage.enter(&renamed, &password).await?.as_mut()).await?;
    // The old name is free again.
    stage.make("renamed").await?;
    Ok(())
}
