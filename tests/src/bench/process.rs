//! bnpd as a process: how soon it answers, how much memory it has.

use std::time::Duration;

use super::ground::{Ground, Simulators};
use super::{Figure, Measured, Programs, Sizes, Times, mb, ms};

/// How long an idle bnpd settles before its memory is read.
const SETTLES: Duration = Duration::from_secs(2);

pub(super) fn measure(programs: &Programs, sizes: &Sizes) -> Measured {
    let ground = Ground::new("")?;
    let first = ground.start(programs)?;
    let made = first.took;
    drop(first);
    let mut taken = Vec::new();
    for _ in 0..sizes.starts {
        taken.push(ground.start(programs)?.took);
    }
    let bnpd = ground.start(programs)?;
    std::thread::sleep(SETTLES.min(sizes.load));
    let idle = bnpd.memory("VmRSS")?;
    let taken = Times::of(taken);
    Ok(vec![
        Figure::new(
            "start of the process to the first answer",
            format!("median {}, most {} (with a new store {})", ms(taken.median()), ms(taken.quantile(1.0)), ms(made)),
        )
        .aims("≤ 50 ms", taken.median() <= Duration::from_millis(50)),
        Figure::new("memory, idle", mb(idle)).aims("≤ 30 MB", idle <= 30_000_000),
    ])
}

/// Memory with one large cluster, after its guests were listed.
pub(super) fn full(programs: &Programs, sizes: &Sizes) -> Measured {
    let simulators = Simulators::start(programs, 1, sizes.large)?;
    let ground = Ground::new(&simulators.declared)?;
    // The longest that the settings allow: a simulator that makes up so many guests is no cluster, and slow where others build.
    let bnpd = ground.start_with(programs, &[("BNNA_PLATFORM__CLUSTER_DEADLINE_SECONDS", "120")])?;
    let mut client = bnpd.connect()?;
    // A page: what is measured is bnpd with its listing, not an answer of a hundred megabytes.
    let page = ground.get("/api/instances?limit=100");
    for _ in 0..3 {
        client.get(&page)?;
    }
    let (now, most) = (bnpd.memory("VmRSS")?, bnpd.memory("VmHWM")?);
    Ok(vec![Figure::new(
        format!("memory with {} guests listed", sizes.large),
        format!("{}, at most {}", mb(now), mb(most)),
    )])
}
