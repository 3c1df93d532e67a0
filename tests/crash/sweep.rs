//! One row after the other: bnpd is killed at every boundary of every step and inside the calls to the clusters, each time in a
//! fresh case, started again, and everything compared.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bnna_tests::bnpd_process::Bnpd;
use bnna_tests::checker::{Ended, check};
use bnna_tests::ground::Ground;
use proxmox_sim::{FaultKind, Moment, Seen};
use reqwest::Method;
use serde_json::Value;

use crate::BNPD;
use crate::rows::{Request, Row};

/// Where bnpd is killed.
struct Place {
    name: String,
    at: At,
}

/// The same, as it is found.
enum At {
    /// At the n-th boundary of a step, from 1.
    Boundary(usize),
    /// In the n-th call, from 0, at a moment of it.
    Call(usize, Moment),
}

/// What one undisturbed run goes through.
struct Course {
    boundaries: Vec<String>,
    calls: Vec<(String, String)>,
}

/// Kills bnpd at each place of a row.
pub async fn sweep(row: &Row) {
    let ground = Ground::new(BNPD).await;
    let mut bnpd = Arc::new(ground.start().await);
    let course = course(&ground, &bnpd, row).await;
    let places = places(&course);
    eprintln!(
        "{}: {} boundaries, {} calls, {} kills",
        row.kind,
        course.boundaries.len(),
        course.calls.len(),
        places.len()
    );
    for (number, place) in (1_u32..).zip(places) {
        let request = (row.prepare)(&ground, &bnpd, number).await;
        kill_at(&ground, &bnpd, request, &place).await;
        bnpd = Arc::new(ground.start().await);
        bnpd.quiet().await;
        agree(&ground, &bnpd, row, &format!("{}, killed at {}", row.kind, place.name)).await;
    }
    bnpd.signal("TERM");
    assert!(bnpd.gone().await, "it does not end well:\n{}", bnpd.log.all().join("\n"));
}

/// Runs the row once and writes down what it goes through.
async fn course(ground: &Ground, bnpd: &Bnpd, row: &Row) -> Course {
    let request = (row.prepare)(ground, bnpd, 0).await;
    let calls: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    for (host, sim) in ground.sims() {
        let calls = Arc::clone(&calls);
        sim.watch(Some(Arc::new(move |seen: &Seen<'_>| {
            if seen.moment == Moment::Arrived {
                calls.lock().unwrap().push((seen.method.to_owned(), format!("{host} {}", seen.path)));
            }
            None
        })));
    }
    let from = bnpd.said.len();
    let (method, path, body) = request;
    let answer = bnpd.ask(method, &path, Some(body).filter(|body| !body.is_null())).await.expect("no answer");
    assert_eq!(answer.status < 300, row.ends == "done", "{path}: {}", answer.text);
    bnpd.quiet().await;
    unwatch(ground);
    agree(ground, bnpd, row, &format!("{}, undisturbed", row.kind)).await;
    let said = bnpd.said.all();
    let boundaries = said[from..].iter().filter_map(|line| line.strip_prefix("boundary ")).map(str::to_owned).collect();
    let calls = calls.lock().unwrap().clone();
    Course { boundaries, calls }
}

fn unwatch(ground: &Ground) {
    for (_, sim) in ground.sims() {
        sim.watch(None);
    }
}

/// Every boundary; every call that changes something at each of its moments; of the calls that only look, each kind once: dying in
/// one is dying before the step that asks.
fn places(course: &Course) -> Vec<Place> {
    let boundaries = course.boundaries.iter().enumerate();
    let mut places: Vec<Place> =
        boundaries.map(|(at, name)| Place { name: format!("boundary {name}"), at: At::Boundary(at + 1) }).collect();
    let mut looks = BTreeSet::new();
    for (at, (method, path)) in course.calls.iter().enumerate() {
        let name = format!("{method} {path}");
        if method != "GET" {
            for moment in [Moment::Arrived, Moment::Read, Moment::Done] {
                places.push(Place { name: format!("{name}, {moment:?}"), at: At::Call(at, moment) });
            }
        } else if looks.insert(path.replace(|letter: char| letter.is_ascii_digit(), "")) {
            places.push(Place { name, at: At::Call(at, Moment::Arrived) });
        }
    }
    places
}

/// Sends the request and kills bnpd at the place. A call that does not come again at its number (clusters are asked at once, in any
/// order) is waited for no longer than the request.
async fn kill_at(ground: &Ground, bnpd: &Arc<Bnpd>, (method, path, body): Request, place: &Place) {
    let from = bnpd.said.len();
    match place.at {
        At::Boundary(number) => bnpd.order(&format!("hold {number}")).await,
        At::Call(number, moment) => kill_in_call(ground, bnpd, number, moment),
    }
    let asked = tokio::spawn({
        let bnpd = Arc::clone(bnpd);
        async move { bnpd.ask(method, &path, Some(body).filter(|body: &Value| !body.is_null())).await }
    });
    if let At::Boundary(_) = place.at {
        let held = bnpd.said.wait(from, |line| line.starts_with("held ")).await;
        assert!(held.is_some(), "{} was not reached", place.name);
        bnpd.kill();
    }
    let answer = asked.await.unwrap();
    if answer.is_none() {
        ground.went_unanswered();
    }
    unwatch(ground);
    bnpd.kill();
    bnpd.gone().await;
}

/// bnpd dies when the clusters come to that moment of that call.
fn kill_in_call(ground: &Ground, bnpd: &Arc<Bnpd>, number: usize, moment: Moment) {
    let count = Arc::new(AtomicUsize::new(0));
    for (_, sim) in ground.sims() {
        let (count, bnpd, struck) = (Arc::clone(&count), Arc::clone(bnpd), Mutex::new(None::<String>));
        sim.watch(Some(Arc::new(move |seen: &Seen<'_>| {
            let call = format!("{} {} {}", seen.node, seen.method, seen.path);
            let mut struck = struck.lock().unwrap();
            if seen.moment == Moment::Arrived && count.fetch_add(1, Ordering::SeqCst) == number {
                *struck = Some(call.clone());
            }
            if struck.as_ref() == Some(&call) && seen.moment == moment {
                bnpd.kill();
                return Some(FaultKind::ResetBeforeRead);
            }
            None
        })));
    }
}

/// Nothing is odd, and operations of the row's kind have ended as they have to.
async fn agree(ground: &Ground, bnpd: &Bnpd, row: &Row, when: &str) {
    let odd = check(ground, bnpd, |ended: &Ended| ended.kind == row.kind && ended.state == row.ends).await;
    assert!(odd.is_empty(), "{when}:\n{}\n\n{}", odd.join("\n"), tail(bnpd));
    let ended =
        bnpd.ask(Method::GET, &format!("/api/platform/operations?kind={}&limit=1", row.kind), None).await.unwrap();
    if let Some(last) = ended.result()[0]["state"].as_str() {
        assert_eq!(last, row.ends, "{when}: {}", ended.text);
    }
}

/// The end of the log.
fn tail(bnpd: &Bnpd) -> String {
    let log = bnpd.log.all();
    log[log.len().saturating_sub(30)..].join("\n")
}
