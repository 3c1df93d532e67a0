//! The checks for workflows, on the toy workflows and on one that must not pass.

use bnna_operations::testing::{self, Scene};
use bnna_operations::{StepCx, Steps, Workflow};
use serde::{Deserialize, Serialize};

use super::toy::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_toy_workflows_stand_every_check() {
    testing::check(|| scene(make(&["a", "b", "c"]), &[])).await.unwrap();
    let removal = || RemoveFiles { names: vec!["a".into(), "b".into()] };
    testing::check(move || scene(removal(), &["a", "b"])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checks_find_a_step_that_is_not_idempotent() {
    #[derive(Serialize, Deserialize)]
    struct Append;
    impl Workflow for Append {
        type Context = World;
        const KIND: &'static str = "toy.append";
        fn steps(&self) -> Steps<World> {
            Steps::new().step(
                "append",
                |cx: StepCx<World>| async move {
                    let path = cx.context().directory.join(format!("line{}", cx.context().files().len()));
                    std::fs::write(path, "x").unwrap();
                    Ok(())
                },
                |cx: StepCx<World>, _| async move {
                    for name in cx.context().files() {
                        std::fs::remove_file(cx.context().directory.join(name)).unwrap();
                    }
                    Ok(())
                },
            )
        }
    }
    let finding = testing::check(|| scene(Append, &[])).await.unwrap_err();
    assert_eq!(finding.case, "step 0 run twice");
}

async fn scene<W: Workflow<Context = World>>(workflow: W, files: &[&str]) -> Scene<W> {
    let Place { _directory, store, world } = place().await;
    for name in files {
        std::fs::write(world.directory.join(name), name).unwrap();
    }
    let seen = world.clone();
    Scene {
        store,
        context: world,
        workflow,
        fingerprint: Box::new(move || {
            let files = seen.files();
            Box::pin(async move { files.join(" ") })
        }),
        keep: Box::new(_directory),
    }
}
