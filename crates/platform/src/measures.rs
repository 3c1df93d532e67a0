//! What the platform measures, for whoever shows metrics: the names with what they mean, counters that grow as things happen, and
//! gauges that are read when somebody looks ([`Platform::measure`]).
//!
//! Labels are bounded: clusters by what they are called here, calls by their templates, listings, outcomes and states by words of
//! fixed lists. Never a path, a name of a guest, an account or a credential.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::Platform;
use crate::operations;

const UPSTREAM_CALLS: &str = "bnna_upstream_calls_total";
const UPSTREAM_SECONDS: &str = "bnna_upstream_call_seconds";
const LISTING_READS: &str = "bnna_listing_reads_total";
const CLUSTER_CALLS: &str = "bnna_cluster_calls_running";
const CLUSTER_WAITING: &str = "bnna_cluster_calls_waiting";
const CLUSTER_ANSWERS: &str = "bnna_cluster_answers";
const OPERATIONS: &str = "bnna_operations";
const OPERATIONS_HERE: &str = "bnna_operations_in_process";
const STORE_WRITES: &str = "bnna_store_writes_total";
const STORE_COMMITS: &str = "bnna_store_commits_total";
const STORE_FAILED_COMMITS: &str = "bnna_store_failed_commits_total";
const STORE_COMMIT_MICROS: &str = "bnna_store_commit_microseconds_total";
const STORE_READS: &str = "bnna_store_reads_total";
const STORE_READ_MICROS: &str = "bnna_store_read_microseconds_total";
const STORE_WAITING: &str = "bnna_store_writes_waiting";
const STORE_BYTES: &str = "bnna_store_bytes";
const HEALTH: &str = "bnna_health_check";
const CLOCK_STEPS: &str = "bnna_clock_steps_total";

/// Tells the recorder what each name means.
pub fn describe() {
    describe_counter!(
        UPSTREAM_CALLS,
        "Calls to clusters, one an attempt, by cluster, call (method and path template) and outcome."
    );
    describe_histogram!(UPSTREAM_SECONDS, "How long calls to a cluster took, waiting for a free connection included.");
    describe_counter!(
        LISTING_READS,
        "Listings of clusters that readers wanted: asked for, shared with somebody who had just asked, or kept from before."
    );
    describe_gauge!(CLUSTER_CALLS, "Calls under way at a cluster.");
    describe_gauge!(CLUSTER_WAITING, "Calls that wait for their turn at a cluster.");
    describe_gauge!(CLUSTER_ANSWERS, "1 while the last call to a cluster was answered, be it with a refusal, else 0.");
    describe_gauge!(OPERATIONS, "Operations in the store by state, ended ones included until they are purged.");
    describe_gauge!(OPERATIONS_HERE, "Operations that this process runs or has waiting.");
    describe_counter!(STORE_WRITES, "Writes whose commit was tried.");
    describe_counter!(STORE_COMMITS, "Commits that succeeded; one carries many writes.");
    describe_counter!(STORE_FAILED_COMMITS, "Commits that failed.");
    describe_counter!(STORE_COMMIT_MICROS, "Time in successful commits, to the end of their flush to disk.");
    describe_counter!(STORE_READS, "Reads of the store.");
    describe_counter!(STORE_READ_MICROS, "Time in reads of the store.");
    describe_gauge!(STORE_WAITING, "Writes that wait for their commit.");
    describe_gauge!(STORE_BYTES, "Size of the store: its file and its log (wal).");
    describe_gauge!(HEALTH, "1 while what is looked at for /health is well, else 0; by what is looked at.");
    describe_counter!(CLOCK_STEPS, "How often the system's clock has stepped by two seconds or more.");
    // There from the beginning, so that the first step is a rise.
    counter!(CLOCK_STEPS).absolute(0);
}

/// The system's clock has stepped.
pub(crate) fn clock_stepped() {
    counter!(CLOCK_STEPS).increment(1);
}

/// A call to a cluster has ended.
pub(crate) fn upstream_call(cluster: &str, call: &str, outcome: &'static str, took: Duration) {
    counter!(UPSTREAM_CALLS, "cluster" => cluster.to_owned(), "call" => call.to_owned(), "outcome" => outcome)
        .increment(1);
    histogram!(UPSTREAM_SECONDS, "cluster" => cluster.to_owned()).record(took);
}

/// A reader wanted a listing.
pub(crate) fn listing_read(cluster: &str, listing: &'static str, source: &'static str) {
    counter!(LISTING_READS, "cluster" => cluster.to_owned(), "listing" => listing, "source" => source).increment(1);
}

impl Platform {
    /// Sets what is not counted as it happens: depths of queues, operations by state, the store's own figures.
    pub async fn measure(&self) {
        for cluster in self.estate().clusters.all() {
            let depth = cluster.depth();
            gauge!(CLUSTER_CALLS, "cluster" => cluster.host.clone()).set(whole(depth.running as u64));
            gauge!(CLUSTER_WAITING, "cluster" => cluster.host.clone()).set(whole(depth.waiting as u64));
            gauge!(CLUSTER_ANSWERS, "cluster" => cluster.host.clone()).set(flag(cluster.answers()));
        }
        for (check, well) in self.checks().await {
            gauge!(HEALTH, "check" => check.word()).set(flag(well));
        }
        gauge!(OPERATIONS_HERE).set(whole(self.engine().running() as u64));
        match self.store().read(bnna_store::operations::count_by_state).await {
            Ok(counts) => {
                for state in operations::states() {
                    let count = counts.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
                    gauge!(OPERATIONS, "state" => state).set(f64::from(count));
                }
            }
            Err(error) => tracing::warn!(%error, "operations could not be counted"),
        }
        self.measure_store().await;
    }

    async fn measure_store(&self) {
        let store = self.store();
        let statistics = store.statistics();
        counter!(STORE_WRITES).absolute(statistics.writes);
        counter!(STORE_COMMITS).absolute(statistics.commits);
        counter!(STORE_FAILED_COMMITS).absolute(statistics.failed_commits);
        counter!(STORE_READS).absolute(statistics.reads);
        counter!(STORE_COMMIT_MICROS).absolute(statistics.commit_micros);
        counter!(STORE_READ_MICROS).absolute(statistics.read_micros);
        gauge!(STORE_WAITING).set(whole(statistics.waiting_writes));
        for part in ["file", "wal"] {
            let mut path = store.path().as_os_str().to_owned();
            if part == "wal" {
                path.push("-wal");
            }
            let size = tokio::fs::metadata(path).await.map_or(0, |metadata| metadata.len());
            gauge!(STORE_BYTES, "part" => part).set(whole(size));
        }
    }
}

fn flag(well: bool) -> f64 {
    if well { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "figures to look at")]
fn whole(number: u64) -> f64 {
    number as f64
}
