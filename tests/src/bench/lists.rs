//! Lists: all guests of ten clusters, first and kept; all accounts, whole and in pages.

use std::time::{Duration, Instant};

use bnna_platform::views::{AccountView, InstanceView};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ground::{Ground, Served, Simulators};
use super::{Figure, Measured, Programs, Sizes, Times, mb, ms, times};

/// How often the first read, which asks the clusters, is measured.
const FIRST: usize = 5;

#[derive(Deserialize)]
struct Page<T> {
    result: Vec<T>,
    next_cursor: Option<String>,
}

pub(super) fn instances(programs: &Programs, sizes: &Sizes) -> Measured {
    let simulators = Simulators::start(programs, sizes.clusters, sizes.guests)?;
    let ground = Ground::new(&simulators.declared)?;
    let clusters = u32::try_from(sizes.clusters)?;
    ground.fill(sizes.guests.div_ceil(5) + clusters, clusters)?;
    let ask = ground.get("/api/instances");
    let (mut first, mut kept, mut body) = (Vec::new(), Vec::new(), Vec::new());
    // Each time a bnpd that has asked nobody yet.
    for _ in 0..FIRST {
        let bnpd = ground.start(programs)?;
        let mut client = bnpd.connect()?;
        let began = Instant::now();
        client.get(&ask)?;
        first.push(began.elapsed());
        for _ in 0..sizes.reads.div_ceil(FIRST) {
            let began = Instant::now();
            client.get(&ask)?;
            kept.push(began.elapsed());
        }
        body = client.body().to_vec();
    }
    let size = body.len() as u64;
    let page: Page<InstanceView> = serde_json::from_slice(&body)?;
    if page.result.len() != usize::try_from(sizes.guests)? || page.result.iter().any(|guest| !guest.managed) {
        return Err(format!("{} guests are listed", page.result.len()).into());
    }
    let serialised = serialising(&page.result, sizes.reads);
    let (first, kept) = (Times::of(first), Times::of(kept));
    let (p95, baseline) = (kept.quantile(0.95), serialised.quantile(0.95));
    let what = format!("{} instances over {} clusters, {}", page.result.len(), sizes.clusters, mb(size));
    Ok(vec![
        Figure::new(
            format!("{what}: first (clusters asked)"),
            format!("median {}, most {}", ms(first.median()), ms(first.quantile(1.0))),
        ),
        Figure::new(format!("{what}: kept"), format!("median {}, p95 {}", ms(kept.median()), ms(p95)))
            .aims("p95 ≤ 50 ms", p95 <= Duration::from_millis(50)),
        Figure::new(format!("{what}: kept, against serialising it"), format!("p95 {}", ms(p95)))
            .against(format!("serde_json of the same: median {}, p95 {}", ms(serialised.median()), ms(baseline)))
            .aims("≤ 2 ×", p95 <= baseline * 2),
    ])
}

fn serialising<T: serde::Serialize>(rows: &[T], count: usize) -> Times {
    times(count, || {
        std::hint::black_box(serde_json::to_vec(rows).unwrap_or_default());
    })
}

pub(super) fn accounts(programs: &Programs, sizes: &Sizes) -> Measured {
    let ground = Ground::new("")?;
    ground.fill(sizes.accounts, 1)?;
    let bnpd = ground.start(programs)?;
    let count = usize::try_from(sizes.accounts)?;
    let mut client = bnpd.connect()?;
    let whole = ground.get("/api/platform/accounts");
    let mut taken = Vec::new();
    for _ in 0..sizes.reads.min(20) {
        let began = Instant::now();
        client.get(&whole)?;
        taken.push(began.elapsed());
    }
    let page: Page<AccountView> = serde_json::from_slice(client.body())?;
    if page.result.len() != count {
        return Err(format!("{} accounts are listed", page.result.len()).into());
    }
    let size = client.body().len() as u64;
    let serialised = serialising(&page.result, sizes.reads.min(20));
    let taken = Times::of(taken);
    let limit = (count / 25).clamp(1, 1000);
    let (all, each) = paged::<AccountView>(&ground, &bnpd, limit, count)?;
    Ok(vec![
        Figure::new(
            format!("{count} accounts whole, {}", mb(size)),
            format!("median {}, p95 {}", ms(taken.median()), ms(taken.quantile(0.95))),
        )
        .against(format!("serde_json of the same: median {}", ms(serialised.median()))),
        Figure::new(
            format!("{count} accounts in pages of {limit}"),
            format!("{} in all; a page: median {}, p95 {}", ms(all), ms(each.median()), ms(each.quantile(0.95))),
        ),
    ])
}

/// Reads a list page by page.
fn paged<T: DeserializeOwned>(
    ground: &Ground,
    bnpd: &Served,
    limit: usize,
    count: usize,
) -> Result<(Duration, Times), Box<dyn std::error::Error>> {
    let mut client = bnpd.connect()?;
    let (mut each, mut seen, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let ask = ground.get(&format!("/api/platform/accounts?limit={limit}{cursor}"));
        let began = Instant::now();
        client.get(&ask)?;
        each.push(began.elapsed());
        let page: Page<T> = serde_json::from_slice(client.body())?;
        seen += page.result.len();
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    if seen == count { Ok((each.iter().sum(), Times::of(each))) } else { Err(format!("{seen} in pages").into()) }
}
