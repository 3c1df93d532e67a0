//! `GET /access/permissions`: what somebody may do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::api::{Call, Endpoint, Outcome, Reply};
use crate::state::Cluster;
use crate::verify::text;

/// Anything, a realm, and a token's name or not.
const AUTH_ID: &str = r"(?^:^(?^:[^\s:/]+)\@(?^:[A-Za-z][A-Za-z0-9\.\-_]+)(?:!(?^:[A-Za-z][A-Za-z0-9\.\-_]+))?$)";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/access/permissions", read)
            .all()
            .params(vec![text("path").optional(), text("userid").pattern(AUTH_ID).optional()]),
    ]
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let own = call.caller.id();
    let who = call.text("userid").unwrap_or(&own).to_owned();
    let owner = who.split_once('!').map_or("", |(user, _)| user);
    if who != own && owner != own {
        cluster.check(&call.caller, "/access", &["Sys.Audit"])?;
    }
    if let Some(path) = call.text("path").filter(|path| !path.is_empty()) {
        return Ok(Reply::data(json!({ path: flags(cluster, &who, path) })));
    }
    let answer: BTreeMap<String, Value> = cluster
        .interesting_paths()
        .into_iter()
        .map(|path| {
            let held = flags(cluster, &who, &path);
            (path, held)
        })
        .filter(|(_, held)| held.as_object().is_some_and(|held| !held.is_empty()))
        .collect();
    Ok(Reply::data(json!(answer)))
}

fn flags(cluster: &Cluster, who: &str, path: &str) -> Value {
    let held = cluster.privileges_of(who, path);
    json!(held.into_iter().map(|(name, propagate)| (name, u8::from(propagate))).collect::<BTreeMap<_, _>>())
}

/// Areas of the web interface, the ACL path that stands for each, and what of the privileges counts there.
const AREAS: &[(&str, &[&str])] = &[
    ("vms", &["VM."]),
    ("access", &["User.", "Group."]),
    ("storage", &["Datastore."]),
    ("nodes", &["Sys."]),
    ("sdn", &["SDN."]),
    ("dc", &["Sys.Audit", "Sys.Modify", "SDN."]),
    ("mapping", &["Mapping."]),
];

impl Cluster {
    /// The paths that a summary of somebody's rights looks at: the top of each area, whatever ACLs name and lead over, and the members of
    /// pools.
    fn interesting_paths(&self) -> BTreeSet<String> {
        let top = ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];
        let mut paths: BTreeSet<String> = top.map(str::to_owned).into();
        paths.extend(self.acl_paths());
        for pool in self.pools.values() {
            paths.extend(pool.vms.iter().map(|vmid| format!("/vms/{vmid}")));
            paths.extend(pool.storages.iter().map(|storage| format!("/storage/{storage}")));
        }
        paths
    }

    /// Every path that has ACL entries, and those above it.
    fn acl_paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for path in self.access.acl.keys() {
            let ends = path.char_indices().filter(|(at, c)| *c == '/' && *at > 0).map(|(at, _)| at);
            paths.extend(ends.filter_map(|end| path.get(..end)).map(str::to_owned));
            paths.insert(path.clone());
        }
        paths
    }

    /// The `cap` of a ticket: privileges that somebody has anywhere, by area of the web interface.
    pub(super) fn capabilities(&self, userid: &str) -> Value {
        let mut areas: BTreeMap<&str, BTreeMap<String, u8>> =
            AREAS.iter().map(|(area, _)| (*area, BTreeMap::new())).collect();
        let required = ["/", "/nodes", "/access/groups", "/vms", "/storage", "/sdn", "/mapping"];
        let mut paths: BTreeSet<String> = required.map(str::to_owned).into();
        paths.extend(self.acl_paths());
        for path in &paths {
            let top = path.split('/').nth(1).filter(|top| !top.is_empty()).unwrap_or("dc");
            for privilege in self.privileges_of(userid, path).into_keys() {
                for area in areas_of(top, &privilege) {
                    if let Some(area) = areas.get_mut(area) {
                        area.insert(privilege.clone(), 1);
                    }
                }
            }
        }
        json!(areas)
    }
}

/// The areas in which a privilege on a path below `/top` counts.
fn areas_of(top: &str, privilege: &str) -> &'static [&'static str] {
    if top == "pool" {
        return match privilege.split_once('.') {
            Some(("VM", _)) => &["vms"],
            Some(("Datastore", _)) => &["storage"],
            _ if privilege == "Permissions.Modify" => &["vms", "storage"],
            _ => &[],
        };
    }
    let Some((area, starts)) = AREAS.iter().find(|(area, _)| *area == top) else { return &[] };
    let counts =
        starts.iter().any(|start| privilege.starts_with(start)) || (*area != "dc" && privilege == "Permissions.Modify");
    if counts { std::slice::from_ref(area) } else { &[] }
}
