//! The trait's calls, each one function.

use std::path::Path;

use bnna_db_engine::{
    Answer, CopyReport, DumpReport, Engine, EngineKind, Error, InstanceUsage, Inventory, Limits, LimitsApplied, Lock,
    Login, Password, Probe, Session, Standing, Step, StepOutcome, Suffix, Target, Tenancy,
};

use crate::session::{self, TenantSession};
use crate::{copy, observe, provision, transfer};

/// One SQL Server instance.
#[derive(Debug, Clone)]
pub struct MsSql {
    target: Target,
}

impl MsSql {
    /// An instance; nothing is connected yet.
    pub fn new(target: Target) -> Self {
        Self { target }
    }
}

/// Names are valid for one engine: one made for another is refused before anything is sent.
fn check(tenancy: &Tenancy) -> Result<(), Error> {
    let engines = [tenancy.database.engine(), tenancy.user.engine()];
    if engines == [EngineKind::MsSql; 2] { Ok(()) } else { Err(Error::refused("these names are for another engine")) }
}

impl Engine for MsSql {
    fn kind(&self) -> EngineKind {
        EngineKind::MsSql
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn probe(&self) -> Answer<'_, Probe> {
        Box::pin(async move { observe::probe(&self.target).await })
    }

    fn inspect<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, Standing> {
        Box::pin(async move {
            check(tenancy)?;
            provision::inspect(&self.target, tenancy).await
        })
    }

    fn steps(&self) -> &'static [Step] {
        &[Step::Database, Step::User, Step::Grant]
    }

    fn make_at_once<'a>(&'a self, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, bool> {
        Box::pin(async move {
            check(tenancy)?;
            provision::make_at_once(&self.target, tenancy, password).await
        })
    }

    fn run_step<'a>(&'a self, step: Step, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            match step {
                Step::User => provision::make_user(&self.target, tenancy, password).await,
                Step::Database => provision::make_database(&self.target, tenancy).await,
                Step::Grant => provision::make_grant(&self.target, tenancy).await,
            }
        })
    }

    fn undo_step<'a>(&'a self, step: Step, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            match step {
                Step::User => provision::drop_user(&self.target, tenancy).await,
                Step::Database => provision::drop_database(&self.target, tenancy).await,
                Step::Grant => provision::undo_grant(&self.target, tenancy).await,
            }
        })
    }

    fn adopt<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            provision::adopt(&self.target, tenancy).await
        })
    }

    fn forget<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            provision::forget(&self.target, tenancy).await
        })
    }

    fn reset_password<'a>(&'a self, tenancy: &'a Tenancy, password: &'a Password) -> Answer<'a, ()> {
        Box::pin(async move {
            check(tenancy)?;
            provision::reset_password(&self.target, tenancy, password).await
        })
    }

    fn set_limits<'a>(&'a self, tenancy: &'a Tenancy, _limits: Limits) -> Answer<'a, LimitsApplied> {
        Box::pin(async move {
            check(tenancy)?;
            provision::set_limits(&self.target, tenancy).await
        })
    }

    fn set_lock<'a>(&'a self, tenancy: &'a Tenancy, lock: Lock) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            provision::set_lock(&self.target, tenancy, lock).await
        })
    }

    fn drop_tenancy<'a>(&'a self, tenancy: &'a Tenancy) -> Answer<'a, StepOutcome> {
        Box::pin(async move {
            check(tenancy)?;
            provision::drop_tenancy(&self.target, tenancy).await
        })
    }

    fn list(&self) -> Answer<'_, Inventory> {
        Box::pin(async move { observe::list(&self.target).await })
    }

    fn usage(&self) -> Answer<'_, InstanceUsage> {
        Box::pin(async move { observe::usage(&self.target).await })
    }

    fn copy<'a>(
        &'a self,
        tenancy: &'a Tenancy,
        to: &'a dyn Engine,
        destination: &'a Tenancy,
    ) -> Answer<'a, CopyReport> {
        Box::pin(async move {
            check(tenancy)?;
            check(destination)?;
            if to.kind() != EngineKind::MsSql {
                return Err(Error::refused(format!("a SQL Server database cannot be copied to {}", to.kind())));
            }
            copy::copy(&self.target, tenancy, to.target(), destination).await
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
            provision::rename(&self.target, tenancy, suffix).await
        })
    }

    fn log_in<'a>(&'a self, login: &'a Login) -> Answer<'a, Box<dyn Session>> {
        Box::pin(async move {
            let connection =
                session::open(&self.target, login.user.as_str(), login.password.expose(), login.database.as_str())
                    .await?;
            Ok(Box::new(TenantSession(connection)) as Box<dyn Session>)
        })
    }
}
