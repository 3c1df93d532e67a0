//! One account read again and again with the operator's token, against axum with nothing around it; beside few accounts and many.

use std::io::BufRead as _;
use std::process::{Command, Stdio};

use super::ground::Ground;
use super::{Figure, Measured, Programs, Sizes, http, simulators};

/// How often the sides take turns.
const TURNS: usize = 3;

pub(super) fn measure(programs: &Programs, sizes: &Sizes) -> Measured {
    let mut bare = Command::new(&programs.bench);
    let mut bare = bare.arg("bare").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let rates = against(programs, sizes, &mut bare);
    drop(bare.stdin.take());
    let _ = bare.wait();
    rates
}

fn against(programs: &Programs, sizes: &Sizes, bare: &mut std::process::Child) -> Measured {
    let mut line = String::new();
    std::io::BufReader::new(bare.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let plain = line.trim().parse()?;
    let (few, many) = sizes.few_and_many;
    let grounds = [few, many].map(|count| -> Result<_, Box<dyn std::error::Error>> {
        let ground = Ground::new("")?;
        ground.fill(count, 1)?;
        Ok((ground, count))
    });
    let [few_ground, many_ground] = grounds;
    let (few_ground, many_ground) = (few_ground?, many_ground?);
    let served = [few_ground.0.start(programs)?, many_ground.0.start(programs)?];
    let path = |count: u32| format!("/api/platform/accounts/{}", simulators::account(count / 2));
    let asks = [few_ground.0.get(&path(few)), many_ground.0.get(&path(many))];
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        let lasting = sizes.load / 2;
        for (at, address) in [(0, served[0].address), (1, served[1].address), (2, plain)] {
            rates[at].push(http::rate(address, &asks[at.min(1)], sizes.connections, lasting)?);
        }
    }
    let best = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
    let [few_rate, many_rate, bare_rate] = rates.map(|rates| best(&rates));
    let share = few_rate / bare_rate;
    let what = format!("authenticated point read, {} connections", sizes.connections);
    Ok(vec![
        Figure::new(format!("{what}, {few} accounts"), format!("{few_rate:.0}/s"))
            .against(format!("bare axum {bare_rate:.0}/s: {:.0} %", share * 100.0))
            .aims("≥ 60 %", share >= 0.6),
        Figure::new(format!("{what}, {many} accounts"), format!("{many_rate:.0}/s"))
            .against(format!("{few} accounts {few_rate:.0}/s: {:.0} %", many_rate / few_rate * 100.0))
            .aims("flat (≥ 90 %)", many_rate >= few_rate * 0.9),
    ])
}
