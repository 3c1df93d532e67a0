//! `cargo xtask openapi`: the checked-in descriptions of the APIs, made from the handlers.

use std::fs;

use serde_json::Value;

use crate::process::workspace_root;

#[derive(clap::Args)]
pub struct Args {
    /// Change nothing; fail when a checked-in description differs from the handlers.
    #[arg(long)]
    check: bool,
}

/// What makes a document.
type Document = fn() -> Value;

/// Each façade's checked-in document, and what makes it.
const DOCUMENTS: &[(&str, Document)] = &[("docs/openapi-platform.json", bnna_api_platform::document)];

pub fn run(args: &Args) -> Result<(), String> {
    for (name, make) in DOCUMENTS {
        let path = workspace_root().join(name);
        let made = make();
        let known = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        if known.as_ref() == Some(&made) {
            println!("{name} is up to date");
        } else if args.check {
            return Err(format!(
                "{name} is not what the handlers say; run `cargo xtask openapi` and look at the difference"
            ));
        } else {
            fs::write(&path, format!("{made:#}\n")).map_err(|error| format!("cannot write {name}: {error}"))?;
            println!("{name} written");
        }
    }
    Ok(())
}
