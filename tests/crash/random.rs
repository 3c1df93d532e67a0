//! bnpd is killed again and again at moments that nobody chose, under a mixed load.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bnna_tests::bnpd_process::How;
use bnna_tests::checker::check;
use bnna_tests::ground::Ground;
use tokio::sync::watch;

use crate::BNPD;
use crate::load::{Dice, Stage, work};

/// Kills in CI; `cargo xtask crash --kills` asks for more.
const KILLS: u64 = 60;
/// After so many everything is compared.
const COMPARED: u64 = 20;
const WORKERS: u64 = 4;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_left_behind_however_often_bnpd_is_killed() {
    let (kills, seed) = (number("BNNA_CRASH_KILLS", KILLS), number("BNNA_CRASH_SEED", 1));
    let began = Instant::now();
    let ground = Ground::new(BNPD).await;
    let bnpd = ground.start().await;
    let stage = Arc::new(Stage::new(ground, bnpd));
    let (stop, stopped) = watch::channel(false);
    let workers: Vec<_> =
        (0..WORKERS).map(|worker| tokio::spawn(work(Arc::clone(&stage), worker, seed, stopped.clone()))).collect();
    let mut dice = Dice::new(seed ^ 0xdead);
    let mut startings = Vec::new();
    for kill in 1..=kills {
        tokio::time::sleep(Duration::from_millis(20 + dice.below(400))).await;
        let dying = Arc::clone(&stage.bnpd.borrow());
        dying.kill();
        dying.gone().await;
        if dice.below(4) == 0 {
            // The next one dies while it starts.
            let soon = Duration::from_millis(dice.below(120));
            let _ = tokio::time::timeout(soon, stage.ground.try_start(&How::default())).await;
        }
        let starting = Instant::now();
        let next = stage.ground.start().await;
        startings.push(starting.elapsed());
        stage.bnpd.send_replace(Arc::new(next));
        if kill % COMPARED == 0 || workers.iter().any(tokio::task::JoinHandle::is_finished) {
            compare(&stage, &format!("after {kill} kills with seed {seed}")).await;
        }
        if workers.iter().any(tokio::task::JoinHandle::is_finished) {
            break;
        }
    }
    stop.send_replace(true);
    for worker in workers {
        if let Err(what) = worker.await.unwrap() {
            panic!("with seed {seed}: {what}");
        }
    }
    compare(&stage, &format!("in the end, with seed {seed}")).await;
    startings.sort();
    eprintln!(
        "{kills} kills with seed {seed} in {:.0} s; {} answers, {} requests cut off; start to served: median {:?}, longest {:?}",
        began.elapsed().as_secs_f64(),
        stage.answered.load(Ordering::SeqCst),
        stage.ground.unanswered.load(Ordering::SeqCst),
        startings[startings.len() / 2],
        startings.last().unwrap(),
    );
}

/// With the workers pausing and nothing at work, everything agrees.
async fn compare(stage: &Stage, when: &str) {
    let _all = stage.pause.write().await;
    let bnpd = Arc::clone(&stage.bnpd.borrow());
    bnpd.quiet().await;
    let odd = check(&stage.ground, &bnpd, |_| false).await;
    assert!(odd.is_empty(), "{when}:\n{}", odd.join("\n"));
}
