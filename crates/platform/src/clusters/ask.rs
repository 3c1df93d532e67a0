//! Asking every cluster at once, within a deadline: what came, and who is missing.

use std::future::Future;
use std::sync::Arc;

use super::cluster::Cluster;
use super::registry::Clusters;
use crate::error::{Error, Reached, Upstream};
use crate::views::Warning;

/// What the clusters answered.
#[derive(Debug)]
pub struct Answers<T> {
    /// The answers, by host.
    pub got: Vec<(Arc<Cluster>, T)>,
    /// Who did not answer, and why.
    pub missing: Vec<Warning>,
    failures: Vec<Upstream>,
}

impl<T> Answers<T> {
    /// The failure of the first cluster that is missing, for a question that cannot be decided without it.
    pub fn failure(&self) -> Option<Upstream> {
        self.failures.first().cloned()
    }

    /// The answers, unless nobody answered at all.
    ///
    /// # Errors
    /// There are clusters and none of them answered. It is a timeout when all were late, and too much waiting when all were
    /// crowded.
    pub fn some(self) -> Result<Self, Error> {
        if self.got.is_empty() && !self.missing.is_empty() {
            let all = |wanted: Reached| self.failures.iter().all(|failure| failure.reached == wanted);
            let reached = [Reached::Unknown, Reached::Crowded].into_iter().find(|wanted| all(*wanted));
            let hosts: Vec<&str> = self.missing.iter().map(|warning| warning.cluster.as_str()).collect();
            let message =
                self.missing.iter().map(|w| format!("{}: {}", w.cluster, w.message)).collect::<Vec<_>>().join("; ");
            return Err(Error::Upstream(Upstream {
                system: hosts.join(", "),
                message: format!("no cluster answered: {message}"),
                reached: reached.unwrap_or(Reached::Answered),
                status: None,
                left: Vec::new(),
                perhaps_done: false,
            }));
        }
        Ok(self)
    }
}

impl Clusters {
    /// Asks every cluster; those that fail or take longer than the deadline are named in `missing`.
    pub async fn ask<T, F, R>(&self, question: F) -> Answers<T>
    where
        F: Fn(Arc<Cluster>) -> R,
        R: Future<Output = Result<T, Error>>,
    {
        self.ask_these(self.all(), question).await
    }

    /// The same for some of them.
    pub async fn ask_these<T, F, R>(&self, clusters: Vec<Arc<Cluster>>, question: F) -> Answers<T>
    where
        F: Fn(Arc<Cluster>) -> R,
        R: Future<Output = Result<T, Error>>,
    {
        let deadline = self.clients.deadline;
        let asked = clusters.into_iter().map(|cluster| {
            let answer = tokio::time::timeout(deadline, question(Arc::clone(&cluster)));
            async move { (cluster, answer.await) }
        });
        let mut answers = Answers { got: Vec::new(), missing: Vec::new(), failures: Vec::new() };
        for (cluster, answer) in futures::future::join_all(asked).await {
            let failure = match answer {
                Ok(Ok(answer)) => {
                    answers.got.push((cluster, answer));
                    continue;
                }
                Ok(Err(error)) => Upstream::of(&cluster.host, error),
                Err(_) => Upstream::late(&cluster.host, deadline),
            };
            answers.missing.push(Warning { cluster: cluster.host.clone(), message: failure.message.clone() });
            answers.failures.push(failure);
        }
        answers
    }
}
