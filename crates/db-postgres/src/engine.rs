//! The trait's calls, each one session and one function.

use std::path::Path;

use bnna_db_engine::{
    Answer, CopyReport, DumpReport, Engine, EngineKind, Error, InstanceUsage, Inventory, Limits, LimitsApplied, Lock,
    Login, Password, Probe, Session, Standing, Step, StepOutcome, Suffix, Target, Tenancy,
};

use crate::session::{self, Entry, TenantSession};
use crate::{observe, provision, transfer};

/// One PostgreSQL instance.
#[derive(Debug, Clone)]
pub struct Postgres {
    target: Target,
}

impl Postgres {
    /// An instance; nothing is connected yet.
    pub fn new(target: Target) -> Self {
        Self { target }
    }
}

/// Names are valid for one engine: one made for another is refused before anything is sent.
fn check(tenancy: &Tenancy) -> Result<(), Error> {
    let engines = [tenancy.database.engine(), tenancy.user.engine()];
    if engines == [EngineKind::Postgres; 2] {
        Ok(())
    } else {
        Err(Error::refused("these names are for another engine"))
    }
}

impl Engine for Postgres {
    fn kind(&self) -> EngineKind {
        EngineKind::Postgres
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn probe(&self) -> Answer<'_, Probe> {
        Box::pin(async move { observe::probe(&session::admin(&self.target).await?, &self.target).await })
    }

    fn inspect<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, Standing> {
        Box::pin(async move {
            check(tenancy)?;
            provision::inspect(&session::admin(&self.target).await?, tenancy).await
        })
    }

    fn steps(&self) -> &'static [Step] {
        &[Step::User, Step::Database]
    }

    fn make_at_once<'a>(&'a self, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, bool> {
        Box::pin(async move {
            check(tenancy)?;
            provision::make_at_once(&session::admin(&self.target).await?, tenancy, password).await
        })
    }

    fn run_step<'a>(&'a self, step: Step, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            let admin = session::admin(&self.target).await?;
            match step {
                Step::User => provision::make_user(&admin, tenancy, password).await,
                Step::Database => provision::make_database(&admin, tenancy).await,
                // The owner of a database needs no more.
                Step::Grant => Ok(StepOutcome::AlreadySo),
            }
        })
    }

    fn undo_step<'a>(&'a self, step: Step, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            let admin = session::admin(&self.target).await?;
            match step {
                Step::User => provision::drop_user(&admin, tenancy).await,
                Step::Database => provision::drop_database(&admin, tenancy).await,
                Step::Grant => Ok(StepOutcome::AlreadySo),
            }
        })
    }

    fn adopt<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            provision::adopt(&session::admin(&self.target).await?, tenancy).await
        })
    }

    fn forget<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            provision::forget(&session::admin(&self.target).await?, tenancy).await
        })
    }

    fn reset_password<'a>(&'a self, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, ()> {
        Box::pin(async move {
            check(tenancy)?;
            provision::reset_password(&session::admin(&self.target).await?, tenancy, password).await
        })
    }

    fn set_limits<'a>(&'a self, tenancy: &'a Tenancy, limits: Limits) -> Answer<'a, LimitsApplied> {
        Box::pin(async move {
            check(tenancy)?;
            provision::set_limits(&session::admin(&self.target).await?, tenancy, limits).await
        })
    }

    fn set_lock<'a>(&'a self, tenancy: &'a Tenancy, lock: Lock) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            provision::set_lock(&session::admin(&self.target).await?, tenancy, lock).await
        })
    }

    fn drop_tenancy<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            provision::drop_tenancy(&session::admin(&self.target).await?, tenancy).await
        })
    }

    fn list(&self) -> Answer<'_, Inventory> {
        Box::pin(async move { observe::list(&session::admin(&self.target).await?).await })
    }

    fn usage(&self) -> Answer<'_, InstanceUsage> {
        Box::pin(async move { observe::usage(&session::admin(&self.target).await?).await })
    }

    fn copy<'a>(&'a self, tenancy: &'a Tenancy, to: &'a dyn Engine, copy: &'a Tenancy) -> Answer<'a, CopyReport> {
        Box::pin(async move {
            check(tenancy)?;
            check(copy)?;
            if to.kind() != EngineKind::Postgres {
                return Err(Error::refused(format!("a PostgreSQL database cannot be copied to {}", to.kind())));
            }
            transfer::copy(&self.target, tenancy, to.target(), copy).await
        })
    }

    fn dump<'a>(&'a self, tenancy: &'a Tenancy, file: &'a Path) -> Answer<'a, DumpReport> {
        Box::pin(async move {
            check(tenancy)?;
            transfer::dump(&self.target, tenancy, file).await
        })
    }

    fn restore<'a>(&'a self, tenancy: &'a Tenancy, file: &'a Path) -> Answer<'a, ()> {
        Box::pin(async move {
            check(tenancy)?;
            transfer::restore(&self.target, tenancy, file).await
        })
    }

    fn rename<'a>(&'a self, tenancy: &'a Tenancy, suffix: &'a Suffix) -> Answer<'a, Tenancy> {
        Box::pin(async move {
            check(tenancy)?;
            provision::rename(&session::admin(&self.target).await?, tenancy, suffix).await
        })
    }

    fn log_in<'a>(&'a self, login: &'a Login) -> Answer<'a, Box<dyn Session>> {
        Box::pin(async move {
            let entry = Entry {
                user: login.user.as_str(),
                password: login.password.expose(),
                database: login.database.as_str(),
                options: "",
            };
            let connection = session::open(&self.target, &entry).await?;
            Ok(Box::new(TenantSession(connection)) as Box<dyn Session>)
        })
    }
}
