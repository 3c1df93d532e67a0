//! bnpd as it is, with handles for the crash suites. They come on standard input, a line each:
//!
//! - `hold N`: the operation that comes to the N-th boundary of a step from now is held there.
//! - `go`: whatever is held goes on.
//! - `clock MS`: the clock is wrong by so many milliseconds.
//!
//! On standard output stand `boundary …` for each boundary and `held …` for one that holds. When standard input ends, its suite is
//! gone, and so is this process.

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};

use bnna_operations::testing::{Boundary, at_each_boundary};
use tokio::sync::Notify;

/// How many boundaries are left until one holds; none holds below 1.
static LEFT: AtomicI64 = AtomicI64::new(0);
static GO: Notify = Notify::const_new();

fn main() -> ExitCode {
    at_each_boundary(|boundary| Box::pin(pass(boundary)));
    std::thread::spawn(obey);
    bnpd::cli::main()
}

async fn pass(boundary: Boundary) {
    say(&format!("boundary {boundary}"));
    if LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
        let go = GO.notified();
        say(&format!("held {boundary}"));
        go.await;
    }
}

#[allow(clippy::disallowed_methods, reason = "whoever would look at how it ends is gone")]
fn obey() {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let (word, number) = line.split_once(' ').unwrap_or((&line, "0"));
        match (word, number.parse::<i64>()) {
            ("hold", Ok(number)) => LEFT.store(number, Ordering::SeqCst),
            ("go", _) => GO.notify_waiters(),
            ("clock", Ok(millis)) => bnna_store::skew_clock(millis),
            _ => say(&format!("not understood: {line}")),
        }
        say(&format!("did {line}"));
    }
    std::process::exit(3);
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
