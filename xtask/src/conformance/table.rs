//! The table of typed calls, for people.

use std::fmt::Write;

use proxmox_client::call::Since;
use proxmox_client::{Product, calls};

use super::Coverage;

/// What is said before the table.
const ANSWERS: &str = "
## What counts as an answer

A success (status 200 to 299) is JSON with `data`, and calls itself JSON or nothing. One whose content type is something else, such as a login page or
whatever a relay in between made of it, is `Error::Unreadable` with the content type and the first 100 characters, also when its body reads as JSON.
What was asked for may have been done. Refusals are read whatever they call themselves: Proxmox Backup Server words its own as plain text, and some have
no body.
";

/// The table as Markdown.
pub fn render(coverage: &Coverage) -> String {
    let mut text = String::from(
        "# Typed calls of proxmox-client\n\n\
         Made by `cargo xtask conformance --schema FILE --recorded DIR --transcripts DIR --table docs/proxmox-client.md`; do not edit.\n\
         Guide and examples: the documentation of the crate (`cargo doc -p proxmox-client --open`). What is not here goes through\n\
         `Pve::call` and `Pbs::call`.\n\n\
         `n` is a node, `id` a VMID, `s` a storage or datastore, `g` a group. *Bodies* is how many recorded answers of real servers and\n\
         of other projects' fixtures were decoded; calls that change something mostly answer with nothing or a task id.\n",
    );
    text.push_str(ANSWERS);
    for product in [Product::Pve, Product::Pbs] {
        let all: Vec<_> = calls::all().filter(|call| call.product == product).collect();
        let covered =
            all.iter().filter(|call| coverage.contains_key(&(product, call.method, call.template.to_owned()))).count();
        let _ = write!(text, "\n## {product}\n\n{} calls, {covered} of them on recorded answers.\n\n", all.len());
        text.push_str("| function | call | versions | parameters | bodies |\n| --- | --- | --- | --- | --- |\n");
        for call in all {
            let versions = match call.since {
                Since::Always => String::new(),
                since => since.to_string(),
            };
            let bodies = coverage.get(&(product, call.method, call.template.to_owned())).copied().unwrap_or_default();
            let count = (call.params)().len();
            let _ = writeln!(
                text,
                "| `{}` | `{} {}` | {versions} | {count} | {bodies} |",
                call.function, call.method, call.template
            );
        }
    }
    text
}
