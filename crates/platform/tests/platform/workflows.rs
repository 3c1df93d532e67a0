//! What every workflow has to stand, for each of them: its steps run twice, each of them failing, a crash at each boundary.
//! A new workflow gets all of it by a line in the list of `support/stage.rs`, and without that line a test fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use bnna_operations::Workflow;
use bnna_operations::testing;
use bnna_platform::Platform;

use crate::support::Site;
use crate::support::stage::{self, Stage, each_workflow};

macro_rules! stands_everything {
    ($($name:ident: $workflow:ty = $prepare:ident;)*) => {
        const LISTED: &[&str] = &[$(<$workflow as Workflow>::KIND),*];
        $(
            #[tokio::test]
            async fn $name() {
                let site = Site::start().await;
                let params = stage::$prepare(&site).await;
                let stage = Arc::new(Stage::new(site, params).await);
                let checked = testing::check(|| Arc::clone(&stage).scene::<$workflow>()).await;
                if let Err(finding) = checked {
                    panic!("{finding}");
                }
            }
        )*
    };
}

each_workflow!(stands_everything);

#[test]
fn every_kind_of_operation_is_listed() {
    let listed: BTreeSet<&str> = LISTED.iter().copied().collect();
    let known: BTreeSet<&str> = Platform::operation_kinds().into_iter().collect();
    assert_eq!(listed, known);
}
