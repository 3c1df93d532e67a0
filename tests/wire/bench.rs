//! The benchmark's parts at a tiny size, so that they do not rot. Nothing is said about times.

use bnna_tests::bench::{self, Programs, Sizes};

#[tokio::test]
async fn every_part_of_the_benchmark_measures_something() {
    bnna_tests::install_provider();
    let programs =
        Programs { bnpd: env!("CARGO_BIN_EXE_bnpd-under-test").into(), bench: env!("CARGO_BIN_EXE_bench").into() };
    let measured = tokio::task::spawn_blocking(move || bench::run(&programs, &Sizes::tiny(), &[], |_| {}));
    let table = measured.await.unwrap().unwrap();
    for wanted in [
        "6 instances over 2 clusters",
        "30 accounts whole",
        "30 accounts in pages of 1",
        "authenticated point read, 2 connections, 3 accounts",
        "20 accounts",
        "decode /cluster/resources, 20 guests",
        "first answer",
        "memory, idle",
        "memory with 20 guests listed",
        "5 operations of three steps",
        "SIGKILL with 2 operations under way",
    ] {
        assert!(table.contains(wanted), "no {wanted} in\n{table}");
    }
}
