//! Whose it is and who may log in: markers, passwords, limits, locks.

use std::time::Duration;

use super::{Stage, Trouble, Verdict, ensure};
use crate::error::Error;
use crate::kind::EngineKind;
use crate::password::Password;
use crate::provision;
use crate::tenancy::{Applied, Limits, Lock, Marker, Presence, StepOutcome};

fn ensure_foreign<T: std::fmt::Debug>(doing: &str, result: &Result<T, Error>) -> Verdict {
    ensure(matches!(result, Err(Error::Foreign { .. })), format!("{doing}: expected foreign, got {result:?}"))
}

pub(super) async fn other_owner(stage: &Stage<'_>) -> Verdict {
    let (tenancy, password) = stage.make("owned").await?;
    let mut other = tenancy.clone();
    other.marker = Marker::new("suite/someone-else")?;
    let engine = stage.engine;
    let new = Password::generate()?;
    let found = engine.inspect(&other).await?.database;
    ensure(found == Presence::Foreign { owner: Some(tenancy.marker.owner().to_owned()) }, format!("found {found:?}"))?;
    let created = provision::create(engine, &other, &new).await.map_err(|error| error.cause);
    ensure_foreign("create", &created)?;
    for step in engine.steps() {
        let run = engine.run_step(*step, &other, &new).await;
        // A step that has nothing to do on this engine touches nothing.
        if run != Ok(StepOutcome::AlreadySo) {
            ensure_foreign("run a step", &run)?;
        }
    }
    ensure_foreign("adopt", &engine.adopt(&other).await)?;
    ensure_foreign("reset the password", &engine.reset_password(&other, &new).await)?;
    ensure_foreign("limit", &engine.set_limits(&other, Limits::default()).await)?;
    ensure_foreign("lock", &engine.set_lock(&other, Lock::Locked).await)?;
    ensure_foreign("drop", &engine.drop_tenancy(&other).await)?;
    ensure_foreign("rename", &engine.rename(&other, &"_stolen".parse()?).await)?;
    stage.enter(&tenancy, &password).await?;
    Ok(())
}

pub(super) async fn unmarked_then_adopted(stage: &Stage<'_>) -> Verdict {
    let (tenancy, password) = stage.make("adopted").await?;
    let engine = stage.engine;
    ensure(engine.forget(&tenancy).await? == StepOutcome::Done, "nothing was forgotten")?;
    let forgotten = engine.inspect(&tenancy).await?;
    let verdict = async {
        ensure(forgotten.database == Presence::Foreign { owner: None }, format!("unmarked is {forgotten:?}"))?;
        ensure_foreign("drop", &engine.drop_tenancy(&tenancy).await)?;
        let created = provision::create(engine, &tenancy, &Password::generate()?).await.map_err(|error| error.cause);
        ensure_foreign("create", &created)
    }
    .await;
    // Adopted again whatever was found, so that it can be dropped at the end.
    let adopted = engine.adopt(&tenancy).await?;
    verdict?;
    ensure(adopted == StepOutcome::Done, "nothing was adopted")?;
    ensure(engine.adopt(&tenancy).await? == StepOutcome::AlreadySo, "adopted twice")?;
    ensure(engine.inspect(&tenancy).await?.is_complete(), "not ours after the adoption")?;
    stage.enter(&tenancy, &password).await?;
    let missing = engine.adopt(&stage.tenancy("nowhere")?).await;
    ensure(matches!(missing, Err(Error::Missing { .. })), format!("expected missing, got {missing:?}"))
}

pub(super) async fn reset_password(stage: &Stage<'_>) -> Verdict {
    let (tenancy, old) = stage.make("reset").await?;
    let new = Password::generate()?;
    stage.engine.reset_password(&tenancy, &new).await?;
    stage.enter(&tenancy, &new).await?;
    let refused = stage.enter(&tenancy, &old).await.map(|_| "a session");
    ensure(matches!(refused, Err(Error::RefusedCredentials { .. })), format!("the old password: {refused:?}"))
}

pub(super) async fn wrong_password(stage: &Stage<'_>) -> Verdict {
    let (tenancy, _) = stage.make("wrong").await?;
    let wrong = Password::new("not-the-password")?;
    let refused = stage.enter(&tenancy, &wrong).await.map(|_| "a session");
    ensure(matches!(refused, Err(Error::RefusedCredentials { .. })), format!("got {refused:?}"))?;
    let told = refused.err().map(|error| format!("{error} {error:?}")).unwrap_or_default();
    ensure(!told.contains(wrong.expose()), "the error holds the password")
}

pub(super) async fn limits(stage: &Stage<'_>) -> Verdict {
    let (tenancy, password) = stage.make("limited").await?;
    let limits = Limits { connections: Some(2), statement_timeout: Some(Duration::from_secs(2)) };
    let applied = stage.engine.set_limits(&tenancy, limits).await?;
    if applied.connections == Applied::Unsupported && applied.statement_timeout == Applied::Unsupported {
        return Err(Trouble::Skipped("the engine has no limits of its own; the adapter says so".to_owned()));
    }
    if applied.connections == Applied::Enforced {
        let mut first = stage.enter(&tenancy, &password).await?;
        let mut second = stage.enter(&tenancy, &password).await?;
        let third = stage.enter(&tenancy, &password).await.map(|_| "a session");
        ensure(matches!(third, Err(Error::Limit { .. })), format!("a third session: {third:?}"))?;
        first.execute("SELECT 1").await?;
        second.execute("SELECT 1").await?;
    }
    if applied.statement_timeout != Applied::Unsupported {
        // The sessions above may not be gone yet: the server counts them down in its own time.
        stage.engine.set_limits(&tenancy, Limits { connections: None, ..limits }).await?;
        let mut session = stage.enter(&tenancy, &password).await?;
        let slow = match stage.kind() {
            EngineKind::Postgres => "SELECT pg_sleep(20)",
            EngineKind::MariaDb => "SELECT COUNT(*) FROM (SELECT SLEEP(20)) AS slow",
            EngineKind::MsSql => "WAITFOR DELAY '00:00:20'",
        };
        let ended = session.execute(slow).await;
        ensure(ended.is_err(), format!("a statement of 20 s under a limit of 2 s: {ended:?}"))?;
    }
    stage.engine.set_limits(&tenancy, Limits::default()).await?;
    stage.enter(&tenancy, &password).await?;
    Ok(())
}

pub(super) async fn lock(stage: &Stage<'_>) -> Verdict {
    let (tenancy, password) = stage.make("locked").await?;
    let mut open = stage.enter(&tenancy, &password).await?;
    ensure(stage.engine.set_lock(&tenancy, Lock::Locked).await? == StepOutcome::Done, "nothing was locked")?;
    ensure(open.execute("SELECT 1").await.is_err(), "an open session survived the lock")?;
    ensure(stage.enter(&tenancy, &password).await.is_err(), "a locked user logged in")?;
    ensure(stage.engine.set_lock(&tenancy, Lock::Locked).await? == StepOutcome::AlreadySo, "locked twice")?;
    stage.engine.set_lock(&tenancy, Lock::Unlocked).await?;
    stage.enter(&tenancy, &password).await?;
    Ok(())
}
