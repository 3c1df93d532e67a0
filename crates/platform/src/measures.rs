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
const STORE_READABLE: &str = "bnna_store_readable";
const STORE_WRITABLE: &str = "bnna_store_writable";
const USERS_TABLE: &str = "bnna_users_table_in_use";

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
    describe_gauge!(STORE_READABLE, "1 while the store can be read, else 0.");
    describe_gauge!(STORE_WRITABLE, "1 while the store can be written, else 0.");
    describe_gauge!(USERS_TABLE, "1 while the users table in use is the one in its file, else 0.");
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
        }
        let status = self.users().status();
        gauge!(USERS_TABLE).set(if status.error.is_none() { 1.0 } else { 0.0 });
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
        let state = self.store_state().await;
        gauge!(STORE_READABLE).set(if state.read.is_ok() { 1.0 } else { 0.0 });
        gauge!(STORE_WRITABLE).set(if state.write.is_ok() { 1.0 } else { 0.0 });
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

#[expect(clippy::cast_precision_loss, reason = "figures to look at")]
fn whole(number: u64) -> f64 {
    number as f64
}
