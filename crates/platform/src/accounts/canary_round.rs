//! Canaries for all accounts: one operation that sends one after the other, by hand or from time to time.
//!
//! An account that cannot be tried now (an operation works on it, a cluster does not answer) is named, and the round goes on. While an
//! account is tried the round holds its key, as an operation on that account would; it holds no other.

use std::time::Duration;

use bnna_auth::Grant;
use bnna_operations::{OnFailure, Outputs, Step, StepCx, StepError, Steps, Workflow};
use bnna_store::{accounts as rows, operations};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::canary::Canary;
use super::places::clusters_of;
use crate::Platform;
use crate::actor::Actor;
use crate::audit::Deed;
use crate::error::{Conflict, Error, Reached};
use crate::estate::Estate;
use crate::operations::{Run, Wait};
use crate::views::{CanaryReport, CanaryRoundReport, NotTried};

/// How many accounts are tried in one step: a crash repeats at most so many.
const IN_ONE_STEP: usize = 10;
/// The most steps of a round; with more accounts each step has more of them.
const MOST_STEPS: usize = 5_000;
/// How many accounts of each kind are named in the result.
const NAMED: usize = 100;
/// How often an account is tried before it is given up.
const TRIES: u32 = 2;

impl Platform {
    /// Sends a canary for each account, one after the other. What is found goes into the log, the result and each account's health.
    ///
    /// # Errors
    /// A round is under way already.
    pub async fn send_canaries(
        &self,
        actor: &Actor,
        grant: &Grant,
        wait: Wait,
    ) -> Result<Run<CanaryRoundReport>, Error> {
        grant.may_operate()?;
        let deed = Deed::on(CanaryRound::KIND, "accounts", "all");
        self.audited_operation(actor, deed, wait, async {
            let slugs = self.store().read(rows::slugs).await?;
            let in_one = slugs.len().div_ceil(MOST_STEPS).max(IN_ONE_STEP);
            let ends = |part: &[String]| Some((part.first()?.clone(), part.last()?.clone()));
            Ok(CanaryRound { parts: slugs.chunks(in_one).filter_map(ends).collect() })
        })
        .await
    }
}

/// Starts rounds from time to time. Ends when the platform does.
pub(crate) async fn rounds(every: Duration, platform: impl Fn() -> Option<Platform> + Send + 'static) {
    loop {
        let Some(ended) = platform().map(|alive| alive.ended()) else { return };
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let Some(alive) = platform() else { return };
        let sent = alive.send_canaries(&Actor::system("canary"), &Grant::internal(), Wait(Duration::ZERO)).await;
        if let Err(error) = sent {
            tracing::warn!(%error, "no canaries could be sent");
        }
    }
}

/// The work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CanaryRound {
    /// The first and the last account of each step, by slug; what lies between them when its turn comes is tried.
    parts: Vec<(String, String)>,
}

impl Workflow for CanaryRound {
    type Context = Estate;

    const KIND: &'static str = "accounts.canary_round";
    const ON_FAILURE: OnFailure = OnFailure::Stop;

    fn keys(&self) -> Vec<String> {
        vec!["canary_round".to_owned()]
    }

    fn steps(&self) -> Steps<Estate> {
        let mut steps = Steps::new();
        for (from, to) in &self.parts {
            steps.push(step(from, to), Part { from: from.clone(), to: to.clone() });
        }
        steps
    }

    fn result(&self, outputs: &Outputs) -> Value {
        let mut report = CanaryRoundReport::default();
        for (from, to) in &self.parts {
            let part: CanaryRoundReport = outputs.get(&step(from, to)).ok().flatten().unwrap_or_default();
            report.tried += part.tried;
            report.tight += part.tight;
            report.missed += part.missed;
            report.not_tight.extend(part.not_tight);
            report.not_tried.extend(part.not_tried);
            report.not_tight.truncate(NAMED);
            report.not_tried.truncate(NAMED);
        }
        serde_json::to_value(report).unwrap_or(Value::Null)
    }
}

fn step(from: &str, to: &str) -> String {
    if from == to { format!("try account {from}") } else { format!("try accounts {from} to {to}") }
}

struct Part {
    from: String,
    to: String,
}

impl Step<Estate> for Part {
    type Output = CanaryRoundReport;

    async fn run(&self, cx: &StepCx<Estate>) -> Result<CanaryRoundReport, StepError> {
        let (from, to) = (self.from.clone(), self.to.clone());
        let accounts = cx.context().store.read(move |sql| rows::between(sql, &from, &to)).await?;
        let mut report = CanaryRoundReport::default();
        for account in accounts {
            let slug = account.slug.clone();
            match tried(cx, account).await {
                Ok(found) => {
                    report.tried += 1;
                    if found.tight {
                        report.tight += 1;
                    } else {
                        // In a rehearsal it is bnpd's own token that asks, and that may see everything.
                        if !cx.context().clusters.is_rehearsal() {
                            tracing::error!(account = %slug, found = ?found.clusters, "the canary was not refused everything");
                        }
                        report.not_tight.push(found);
                    }
                }
                Err(Error::Store(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(account = %slug, %error, "the canary could not be sent");
                    report.missed += 1;
                    report.not_tried.push(NotTried { account: slug, why: error.to_string() });
                }
            }
        }
        Ok(report)
    }

    async fn undo(&self, _: &StepCx<Estate>, _: Option<CanaryRoundReport>) -> Result<(), StepError> {
        Ok(())
    }
}

/// Whether another try may go better: nobody has refused anything.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Upstream(upstream) if upstream.reached != Reached::Answered)
}

/// Tries one account, while nothing else works on it.
async fn tried(cx: &StepCx<Estate>, account: rows::Account) -> Result<CanaryReport, Error> {
    let (estate, operation) = (cx.context(), cx.operation().as_uuid());
    let key = super::key(&account.slug);
    let wanted = key.clone();
    if let Some(other) = estate.store.write(move |sql| operations::take_key(sql, &wanted, operation)).await? {
        return Err(Conflict::InUse.because(format!("operation {other} is working on it")));
    }
    let outcome = async {
        let places = clusters_of(estate, account.id).await?;
        let canary = Canary::of(&account, places);
        let mut report = canary.try_all(estate).await;
        for _ in 1..TRIES {
            if report.as_ref().is_err_and(may_pass) {
                report = canary.try_all(estate).await;
            }
        }
        let report = report?;
        canary.keep(estate, &report).await?;
        Ok(report)
    }
    .await;
    estate.store.write(move |sql| operations::drop_key(sql, &key, operation)).await?;
    outcome
}
