//! Making and unmaking: probe, create, steps, list, drop.

use super::{Stage, Trouble, Verdict, ensure, ensure_rows};
use crate::error::Error;
use crate::password::Password;
use crate::provision;
use crate::tenancy::{Lock, Marker, Presence, StepOutcome};

pub(super) async fn probe(stage: &Stage<'_>) -> Verdict {
    let probe = stage.engine.probe().await?;
    ensure(!probe.version.is_empty(), "no version")?;
    ensure(probe.missing_rights.is_empty(), format!("the administrator lacks {:?}", probe.missing_rights))?;
    ensure(probe.clock_skew.abs() < time::Duration::minutes(5), format!("clocks differ by {}", probe.clock_skew))
}

pub(super) async fn create(stage: &Stage<'_>) -> Verdict {
    let (tenancy, password) = stage.make("create").await?;
    ensure(stage.engine.inspect(&tenancy).await?.is_complete(), "not complete after create")?;
    let mut session = stage.enter(&tenancy, &password).await?;
    session.execute("CREATE TABLE word (id INT NOT NULL PRIMARY KEY, text VARCHAR(20) NOT NULL)").await?;
    session.execute("INSERT INTO word (id, text) VALUES (1, 'one'), (2, 'two')").await?;
    ensure_rows(&session.execute("SELECT id, text FROM word ORDER BY id").await?, &[&["1", "one"], &["2", "two"]])
}

pub(super) async fn steps_are_idempotent(stage: &Stage<'_>) -> Verdict {
    let tenancy = stage.tenancy("twice")?;
    let (first, second) = (Password::generate()?, Password::generate()?);
    let mut changed = false;
    for step in stage.engine.steps() {
        changed |= stage.engine.run_step(*step, &tenancy, &first).await? == StepOutcome::Done;
        let again = stage.engine.run_step(*step, &tenancy, &second).await?;
        ensure(again == StepOutcome::AlreadySo, format!("{step:?} was done twice"))?;
    }
    ensure(changed, "no step changed anything")?;
    ensure(stage.engine.inspect(&tenancy).await?.is_complete(), "not complete after all steps")?;
    stage.enter(&tenancy, &second).await?;
    let whole = provision::create(stage.engine, &tenancy, &second).await?;
    ensure(whole == StepOutcome::AlreadySo, "create on what is complete changed something")
}

pub(super) async fn steps_are_undone(stage: &Stage<'_>) -> Verdict {
    let tenancy = stage.tenancy("undone")?;
    let password = Password::generate()?;
    for count in 1..=stage.engine.steps().len() {
        let steps = || stage.engine.steps().iter().take(count);
        for step in steps() {
            stage.engine.run_step(*step, &tenancy, &password).await?;
        }
        for step in steps().rev() {
            stage.engine.undo_step(*step, &tenancy).await?;
            let again = stage.engine.undo_step(*step, &tenancy).await?;
            ensure(again == StepOutcome::AlreadySo, format!("{step:?} was undone twice"))?;
        }
        ensure(
            stage.engine.inspect(&tenancy).await?.is_absent(),
            format!("something is left after undoing {count} steps"),
        )?;
    }
    Ok(())
}

/// The name of the user is taken by a stranger: nothing is made, and the stranger's stays as it was.
pub(super) async fn failed_step_is_rolled_back(stage: &Stage<'_>) -> Verdict {
    let (victim, password) = stage.make("taken").await?;
    let mut wanted = stage.tenancy("wanted")?;
    wanted.user = victim.user.clone();
    wanted.marker = Marker::new("suite/someone-else")?;
    let created = provision::create(stage.engine, &wanted, &Password::generate()?).await;
    let Err(error) = created else { return Err(Trouble::Failed("another tenancy's user was taken over".to_owned())) };
    ensure(matches!(error.cause, Error::Foreign { .. }), format!("expected foreign, got {error}"))?;
    ensure(error.left.is_none(), format!("something is left: {error}"))?;
    ensure(stage.engine.inspect(&wanted).await?.database == Presence::Absent, "the database was made and left")?;
    stage.enter(&victim, &password).await?;
    Ok(())
}

pub(super) async fn list(stage: &Stage<'_>) -> Verdict {
    let (tenancy, _) = stage.make("listed").await?;
    let inventory = stage.engine.list().await?;
    let owner = Some(tenancy.marker.owner());
    let database = inventory.databases.iter().find(|database| database.name == tenancy.database.as_str());
    ensure(
        database.is_some_and(|database| database.marked_for.as_deref() == owner),
        "the database is not listed with its marker",
    )?;
    let user = inventory.users.iter().find(|user| user.name == tenancy.user.as_str());
    ensure(
        user.is_some_and(|user| user.marked_for.as_deref() == owner && user.can_log_in),
        "the user is not listed with its marker",
    )?;
    let system =
        inventory.databases.iter().find(|database| crate::name::is_system_database(stage.kind(), &database.name));
    ensure(system.is_none(), format!("a system database is listed: {system:?}"))?;
    let system = inventory.users.iter().find(|user| crate::name::is_system_user(stage.kind(), &user.name));
    ensure(system.is_none(), format!("a system user is listed: {system:?}"))
}

pub(super) async fn drop_with_sessions(stage: &Stage<'_>) -> Verdict {
    let (tenancy, password) = stage.make("dropped").await?;
    let mut session = stage.enter(&tenancy, &password).await?;
    session.execute("CREATE TABLE held (id INT NOT NULL PRIMARY KEY)").await?;
    session.execute(begin(stage)).await?;
    session.execute("INSERT INTO held (id) VALUES (1)").await?;
    ensure(stage.engine.drop_tenancy(&tenancy).await? == StepOutcome::Done, "nothing was dropped")?;
    ensure(stage.engine.inspect(&tenancy).await?.is_absent(), "something is left")?;
    ensure(session.execute("SELECT 1").await.is_err(), "the session survived")?;
    ensure(stage.engine.drop_tenancy(&tenancy).await? == StepOutcome::AlreadySo, "dropped twice")?;
    let locked = stage.engine.set_lock(&tenancy, Lock::Locked).await;
    ensure(matches!(locked, Err(Error::Missing { .. })), format!("expected missing, got {locked:?}"))
}

fn begin(stage: &Stage<'_>) -> &'static str {
    match stage.kind() {
        crate::EngineKind::MsSql => "BEGIN TRANSACTION",
        crate::EngineKind::Postgres | crate::EngineKind::MariaDb => "BEGIN",
    }
}
