//! A cluster that answers garbage without end costs a bounded amount of memory, and only its own part of the answer.

use std::sync::Arc;

use bnna_tests::bnpd_process::Bnpd;
use bnna_tests::ground::{A, Ground, guest};
use proxmox_sim::{Endless, FaultKind, FaultRule};

use crate::BNPD;

/// What one answer may hold, and how many calls one host gets at once: what is read of it at the most, twice for a buffer that grows.
const BOUND: u64 = 2 * 6 * (64 << 20) + (128 << 20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_bounded_while_a_cluster_answers_without_end() {
    let ground = Ground::new(BNPD).await;
    ground.b.with_state(|cluster| guest(cluster, 400, "b1", None, false));
    let bnpd = Arc::new(ground.start().await);
    for endless in [Endless::Rows, Endless::Junk] {
        ground.a.clear_faults();
        ground.a.inject(FaultRule::always(FaultKind::Endless(endless)));
        let asked = (0..3).map(|_| {
            let bnpd = Arc::clone(&bnpd);
            async move { bnpd.get("/api/instances").await.is(200) }
        });
        for answer in futures::future::join_all(asked).await {
            let warned = answer.body["warnings"].to_string();
            assert!(warned.contains(A), "{endless:?}: {}", answer.text);
            assert_eq!(answer.result().as_array().map(Vec::len), Some(1), "the other cluster's guest: {}", answer.text);
        }
        served(&bnpd).await;
    }
    let peak = bnpd.memory("VmHWM");
    eprintln!("an endless answer: at most {} MiB", peak >> 20);
    assert!(peak < BOUND, "{} MiB", peak >> 20);
}

async fn served(bnpd: &Bnpd) {
    assert_eq!(bnpd.get("/health").await.text, "ok");
    bnpd.get("/api/platform/accounts").await.is(200);
}
