//! Whole requests on the socket of bnpd with its clusters: whatever is sent, others are served meanwhile.

use std::time::{Duration, Instant};

use bnna_mutation::mutate;
use bnna_tests::House;

use crate::targets::request::request;
use crate::{PIECES, corpus, random, time};

/// How long an answer may be waited for; what is half a request gets none.
const PATIENCE: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_on_the_socket_make_bnpd_fail() {
    let house = House::start().await;
    let address = house.base().trim_start_matches("http://").to_owned();
    let (corpus, mut random) = (corpus("request"), random());
    let (end, mut rounds, mut answered) = (Instant::now() + time(), 0_u32, 0_u32);
    let mut inputs = corpus.clone();
    while let Some(input) =
        inputs.pop().or_else(|| (Instant::now() < end).then(|| mutate(&mut random, &corpus, &PIECES)))
    {
        let statuses = request(&address, house.operator(), &input, PATIENCE).await;
        answered += u32::from(!statuses.is_empty());
        rounds += 1;
    }
    assert!(rounds > 10 && answered > 5, "{rounds} rounds, {answered} answered");
    house.get("/api/platform/accounts").await.is(200);
}
