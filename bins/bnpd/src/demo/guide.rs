//! What the demo prints: where everything is, the operator's token, and five lines that work when pasted.

use std::fmt::Write as _;

use bnna_platform::accounts::AccountFilter;
use bnna_platform::instances::InstanceFilter;
use bnna_platform::views::InstanceView;
use secrecy::ExposeSecret as _;

use super::Demo;

/// The whole text.
pub(super) async fn text(demo: &Demo) -> String {
    let api = format!("http://{}", demo.address());
    let mut out = String::from("bnpd demo\n\n");
    let _ = writeln!(out, "  platform API   {api}   (documentation at {api}/api/docs)");
    for cluster in demo.simulators().clusters() {
        let nodes: Vec<String> =
            cluster.sim.addresses().iter().map(|(node, address)| format!("{node} https://{address}")).collect();
        let _ = writeln!(out, "  cluster {:6} {}", cluster.host, nodes.join("  "));
    }
    let _ = writeln!(out, "  backup server  {}", demo.simulators().backup().url());
    let kept = if demo.temporary.is_some() { "goes when the demo ends; --data DIR keeps it" } else { "kept" };
    let _ = writeln!(out, "  directory      {}   ({kept})", demo.directory.display());
    let _ = writeln!(out, "  operator token {}", demo.operator_token().expose_secret());
    out.push_str(&tokens(demo));
    let _ = writeln!(out, "\nFive lines to paste into another terminal:\n");
    for line in lines(demo, &api).await {
        let _ = writeln!(out, "{line}");
    }
    out.push_str("\nCtrl-C ends the demo.\n");
    out
}

/// The API tokens that the clusters' own users have. A seed shows that there are tokens and not their secrets, so they got new
/// ones.
fn tokens(demo: &Demo) -> String {
    let mut out = String::new();
    for cluster in demo.simulators().clusters() {
        for (id, secret) in cluster.tokens() {
            if out.is_empty() {
                out.push_str("\nTokens of the clusters' own users; a seed has no secrets, so these are new:\n\n");
            }
            let _ = writeln!(out, "  {:6} PVEAPIToken={id}={secret}", cluster.host);
        }
    }
    out
}

/// The five lines.
async fn lines(demo: &Demo, api: &str) -> Vec<String> {
    let auth = format!("-H 'Authorization: Bearer {}'", demo.operator_token().expose_secret());
    let slug = free_slug(demo).await;
    let power = match guest_to_switch(demo).await {
        Some((guest, action)) => format!("{api}/api/instances/{}/{action}?cluster={}'", guest.vmid, guest.cluster),
        None => format!("{api}/api/platform/accounts/{slug}/suspend'"),
    };
    vec![
        format!("curl -s {auth} '{api}/api/platform/clusters'"),
        format!(
            "curl -s {auth} -H 'Content-Type: application/json' \
             -d '{{\"slug\":\"{slug}\",\"display_name\":\"Acme Corp\",\"email\":\"ops@acme.example\"}}' \
             '{api}/api/platform/accounts'"
        ),
        format!("curl -s {auth} '{api}/api/instances'"),
        format!("curl -s {auth} -X POST '{power}"),
        format!("curl -s {auth} '{api}/api/platform/audit?limit=5'"),
    ]
}

/// A slug that no account has, so that the line works at every start.
async fn free_slug(demo: &Demo) -> String {
    let taken = demo.daemon.platform().accounts(AccountFilter::default(), bnna_store::Window::all()).await;
    let taken: Vec<String> =
        taken.map(|page| page.items.into_iter().map(|account| account.slug).collect()).unwrap_or_default();
    let pools: Vec<String> = demo.simulators().clusters().iter().flat_map(|cluster| cluster.pools()).collect();
    let free = |slug: &String| !taken.contains(slug) && !pools.contains(slug);
    std::iter::once("newcomer".to_owned()).chain((2..).map(|n| format!("newcomer-{n}"))).find(free).unwrap_or_default()
}

/// A guest that can be switched on, else one that can be switched off.
async fn guest_to_switch(demo: &Demo) -> Option<(InstanceView, &'static str)> {
    let listing = demo.daemon.platform().instances(&InstanceFilter::default()).await.ok()?;
    let free = |guest: &&InstanceView| !guest.template && guest.lock.is_none();
    let stopped =
        listing.items.iter().filter(free).find(|guest| guest.status == "stopped").map(|guest| (guest.clone(), "start"));
    stopped.or_else(|| {
        listing.items.iter().filter(free).find(|guest| guest.status == "running").map(|guest| (guest.clone(), "stop"))
    })
}
