//! The table of typed calls, for people.

use std::fmt::Write;

use proxmox_client::call::Since;
use proxmox_client::{Product, calls};

use super::Coverage;

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
