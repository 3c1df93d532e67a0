//! Operations: a thousand of three steps, and taking up what was under way when bnpd was killed.

use std::time::{Duration, Instant};

use bnna_operations::{Meta, OnFailure, Operations, Registry, Settings, StepCx, StepError, Steps, Workflow};
use bnna_store::{Options, Store, accounts};
use serde::{Deserialize, Serialize};

use super::ground::{Ground, Simulators, account};
use super::http::request;
use super::{Figure, Measured, Programs, Sizes, ms};

/// How often an operation of three steps writes: asked for, each step begun and done (the last with the operation's end).
const WRITES: u32 = 7;
/// How long resuming may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three steps that do nothing: what is left is what every operation costs.
#[derive(Serialize, Deserialize)]
struct Nothing {
    number: u32,
}

impl Workflow for Nothing {
    type Context = ();
    const KIND: &'static str = "bench.nothing";
    const ON_FAILURE: OnFailure = OnFailure::Undo;

    fn keys(&self) -> Vec<String> {
        vec![format!("bench:{}", self.number)]
    }

    fn steps(&self) -> Steps<()> {
        let nothing = |_: StepCx<()>| async { Ok::<(), StepError>(()) };
        Steps::new().look("one", nothing).look("two", nothing).look("three", nothing)
    }
}

pub(super) fn operations(_: &Programs, sizes: &Sizes) -> Measured {
    let runtime = tokio::runtime::Runtime::new()?;
    let count = sizes.operations;
    let (ours, bare) = runtime.block_on(async {
        let directory = tempfile::tempdir()?;
        let store = Store::open(Options::new(directory.path().join("store.sqlite3"))).await?;
        let engine = Operations::new(store.clone(), (), Registry::new().with::<Nothing>(), Settings::default());
        let began = Instant::now();
        let all = (0..count).map(|number| {
            let engine = engine.clone();
            async move {
                let id = engine.start(&Nothing { number }, Meta::default()).await?;
                engine.wait(id, PATIENCE).await
            }
        });
        for ended in futures::future::join_all(all).await {
            if ended?.operation.state != bnna_operations::State::Done {
                return Err("an operation did not end well".into());
            }
        }
        let ours = began.elapsed();
        engine.shutdown(PATIENCE).await;
        let began = Instant::now();
        let writers = (0..count).map(|number| {
            let store = store.clone();
            async move {
                for write in 0..WRITES {
                    let row = account(&format!("bare-{number}-{write}"));
                    store.write(move |sql| accounts::insert(sql, &row)).await?;
                }
                Ok::<(), bnna_store::Error>(())
            }
        });
        for written in futures::future::join_all(writers).await {
            written?;
        }
        let bare = began.elapsed();
        store.close().await;
        Ok::<_, Box<dyn std::error::Error>>((ours, bare))
    })?;
    Ok(vec![
        Figure::new(format!("{count} operations of three steps"), ms(ours))
            .against(format!("{WRITES} bare writes for each: {}", ms(bare)))
            .aims("≤ 2 s", ours <= Duration::from_secs(2)),
    ])
}

pub(super) fn recovery(programs: &Programs, sizes: &Sizes) -> Measured {
    let mut simulators = Simulators::start(programs, 1, 0)?;
    let ground = Ground::new(&simulators.declared)?;
    // Calls that hang fill the turns of their cluster; here none of the operations is to wait for another's.
    let turns = (sizes.interrupted + 8).to_string();
    let settings = [("BNNA_PLATFORM__CLUSTER_CALLS", turns.as_str())];
    let bnpd = ground.start_with(programs, &settings)?;
    // Steps that change something hang, so that every operation is under way when bnpd is killed.
    simulators.tell("slow 600")?;
    let mut client = bnpd.connect()?;
    for number in 0..sizes.interrupted {
        let body = format!("{{\"slug\":\"kill-{number}\"}}");
        client.get(&request("POST", "/api/platform/accounts", &ground.token, &body))?;
    }
    bnpd.kill();
    simulators.tell("well")?;
    let began = Instant::now();
    let bnpd = ground.start_with(programs, &settings)?;
    let wanted = usize::try_from(sizes.interrupted)?;
    while bnpd.log().matches("resuming an operation").count() < wanted {
        if began.elapsed() > PATIENCE {
            return Err("they are not resumed".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let resumed = began.elapsed();
    let mut client = bnpd.connect()?;
    let open = ground.get("/api/platform/operations?finished=false");
    while !client.get(&open)?.starts_with(b"{\"result\":[]") {
        if began.elapsed() > PATIENCE {
            return Err("they do not end".into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(vec![
        Figure::new(
            format!("SIGKILL with {wanted} operations under way: from the start of bnpd until all are resumed"),
            format!("{} (all done after {})", ms(resumed), ms(began.elapsed())),
        )
        .aims("≤ 1 s", resumed <= Duration::from_secs(1)),
    ])
}
