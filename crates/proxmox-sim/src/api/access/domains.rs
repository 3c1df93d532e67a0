//! Realms: where users' passwords are checked.

use serde_json::{Map, Value, json};

use crate::api::check::{and, perm, perm_any};
use crate::api::{Call, Endpoint, Fault, Outcome, ParamValue, Reply, set_key, split_list};
use crate::state::access::Realm;
use crate::state::{Cluster, digest};
use crate::tasks::NewTask;
use crate::verify::{Param, boolean, integer, text};

const PATH: &str = "/access/domains/{realm}";
/// Whole numbers and booleans come back as numbers.
const NUMBERS: &[&str] = &[
    "autocreate",
    "case-sensitive",
    "default",
    "groups-autocreate",
    "groups-overwrite",
    "port",
    "query-userinfo",
    "secure",
    "verify",
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let allocate = || perm("/access/realm", &["Realm.Allocate"]);
    let mut created = settings();
    created.push(text("type").one_of(&["ad", "ldap", "openid", "pam", "pve"]));
    created.push(text("username-claim").optional());
    let mut changed = settings();
    changed.push(text("delete").max_len(4096).format("pve-configid-list").optional());
    changed.push(text("digest").max_len(64).optional());
    let vanished = "(?:(?:(?:acl|properties|entry);)*(?:acl|properties|entry))|none";
    vec![
        Endpoint::get("/access/domains", list).world().params(Vec::new()),
        Endpoint::post("/access/domains", create).check(allocate()).params(created),
        Endpoint::get(PATH, read)
            .check(perm_any("/access/realm", &["Realm.Allocate", "Sys.Audit"]))
            .params(vec![realm()]),
        Endpoint::put(PATH, update).check(allocate()).params(changed),
        Endpoint::delete(PATH, delete).check(allocate()).params(vec![realm()]),
        Endpoint::post("/access/domains/{realm}/sync", sync)
            .check(and([
                perm("/access/realm/{realm}", &["Realm.AllocateUser"]),
                perm("/access/groups", &["User.Modify"]),
            ]))
            .params(vec![
                realm(),
                boolean("dry-run").optional(),
                boolean("enable-new").optional(),
                boolean("full").optional(),
                boolean("purge").optional(),
                text("remove-vanished").pattern(vanished).optional(),
                text("scope").one_of(&["users", "groups", "both"]).optional(),
            ]),
    ]
}

fn realm() -> Param {
    text("realm").max_len(32).format("pve-realm")
}

fn settings() -> Vec<Param> {
    let uri_text = r#"^[^\x00-\x1F\x7F <>#"]*$"#;
    let all = vec![
        text("acr-values").pattern(uri_text),
        text("audiences").pattern(uri_text).since(9, 2),
        boolean("autocreate"),
        text("base_dn").max_len(256),
        text("bind_dn").max_len(256),
        text("capath"),
        boolean("case-sensitive"),
        text("cert"),
        text("certkey"),
        boolean("check-connection"),
        text("client-id").max_len(256),
        text("client-key").max_len(256),
        text("comment").max_len(4096),
        boolean("default"),
        text("domain").max_len(256).pattern(r"\S+"),
        text("filter").max_len(2048),
        text("group_classes").format("ldap-simple-attr-list"),
        text("group_dn").max_len(256),
        text("group_filter").max_len(2048),
        text("group_name_attr").max_len(256).format("ldap-simple-attr"),
        boolean("groups-autocreate"),
        text("groups-claim").max_len(256).pattern(r"(?^:[A-Za-z0-9\.\-_]+)"),
        boolean("groups-overwrite"),
        text("issuer-url").max_len(256),
        text("mode").one_of(&["ldap", "ldaps", "ldap+starttls"]),
        text("password"),
        integer("port").min(1).max(65535),
        text("prompt").pattern(r"(?:none|login|consent|select_account|\S+)"),
        boolean("query-userinfo"),
        text("scopes"),
        boolean("secure"),
        text("server1").max_len(256).format("address"),
        text("server2").max_len(256).format("address"),
        text("sslversion").one_of(&["tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3"]),
        text("sync-defaults-options").format("realm-sync-options"),
        text("sync_attributes").pattern(r"\w+=[^,]+(,\s*\w+=[^,]+)*"),
        text("tfa").max_len(128).format("pve-tfa-config"),
        text("user_attr").max_len(256).pattern(r"\S{2,}"),
        text("user_classes").format("ldap-simple-attr-list"),
        boolean("verify"),
    ];
    std::iter::once(realm()).chain(all.into_iter().map(Param::optional)).collect()
}

/// The settings that a type of realm knows: those that it needs, and the others.
fn options(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "ldap" => (
            &["server1", "base_dn", "user_attr"],
            &[
                "server2",
                "bind_dn",
                "port",
                "secure",
                "sslversion",
                "default",
                "comment",
                "tfa",
                "verify",
                "capath",
                "cert",
                "certkey",
                "filter",
                "sync_attributes",
                "user_classes",
                "group_dn",
                "group_name_attr",
                "group_filter",
                "group_classes",
                "sync-defaults-options",
                "mode",
                "case-sensitive",
            ],
        ),
        "ad" => (
            &["server1", "domain"],
            &[
                "server2",
                "port",
                "secure",
                "sslversion",
                "default",
                "comment",
                "tfa",
                "verify",
                "capath",
                "cert",
                "certkey",
                "base_dn",
                "bind_dn",
                "user_attr",
                "filter",
                "sync_attributes",
                "user_classes",
                "group_dn",
                "group_name_attr",
                "group_filter",
                "group_classes",
                "sync-defaults-options",
                "mode",
                "case-sensitive",
            ],
        ),
        "openid" => (
            &["issuer-url", "client-id"],
            &[
                "client-key",
                "autocreate",
                "username-claim",
                "groups-claim",
                "groups-autocreate",
                "groups-overwrite",
                "prompt",
                "scopes",
                "acr-values",
                "audiences",
                "default",
                "comment",
                "query-userinfo",
            ],
        ),
        _ => (&[], &["default", "comment", "tfa"]),
    }
}

impl Realm {
    /// `pam`, `pve`, `ldap`, `ad` or `openid`.
    pub(super) fn kind(&self) -> &str {
        self.0.get("type").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The digest of the configuration file: of the empty text as long as there are only the two realms that always are.
fn current_digest(cluster: &Cluster) -> String {
    if cluster.access.realms.values().all(|realm| realm.0.contains_key("plugin") || realm.kind() == "pve") {
        return digest::sha1_hex("");
    }
    digest::of(&cluster.access.realms)
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome {
    let mut rows = Vec::new();
    for (name, realm) in &cluster.access.realms {
        let mut row = json!({ "realm": name, "type": realm.kind() });
        for key in ["comment", "default", "tfa"] {
            if let Some(value) = realm.0.get(key).filter(|value| **value != json!("") && **value != json!(0)) {
                set_key(&mut row, key, value.clone());
            }
        }
        rows.push(row);
    }
    Ok(Reply::data(rows))
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("realm");
    let Some(realm) = cluster.access.realms.get(name) else {
        return Err(Fault::die(format!("domain '{name}' does not exist")));
    };
    let mut answer: Map<String, Value> = realm.0.clone().into_iter().collect();
    answer.insert("digest".into(), current_digest(cluster).into());
    Ok(Reply::data(answer))
}

/// The settings that were sent, as the configuration keeps them.
fn sent(call: &Call, kind: &str) -> Result<Vec<(String, Value)>, Fault> {
    let (required, others) = options(kind);
    let aside = ["realm", "type", "password", "check-connection", "delete", "digest"];
    let mut found = Vec::new();
    for (key, value) in call.params.iter().filter(|(key, _)| !aside.contains(&key.as_str())) {
        if !required.contains(&key.as_str()) && !others.contains(&key.as_str()) {
            return Err(Fault::die(format!("unexpected property '{key}'")));
        }
        let ParamValue::Text(text) = value else { continue };
        let number = text.parse::<i64>().ok().filter(|_| NUMBERS.contains(&key.as_str()));
        found.push((key.clone(), number.map_or_else(|| Value::from(text.as_str()), Value::from)));
    }
    Ok(found)
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome {
    add(cluster, call).map_err(|fault| fault.nested("add auth server failed: "))?;
    Ok(Reply::null())
}

fn add(cluster: &mut Cluster, call: &Call) -> Result<(), Fault> {
    cluster.cfs_lock("domains_cfg")?;
    let (name, kind) = (call.required("realm"), call.required("type"));
    if cluster.access.realms.contains_key(name) {
        return Err(Fault::die(format!("domain '{name}' already exists")));
    }
    if matches!(kind, "pam" | "pve") {
        return Err(Fault::die(format!("unable to create builtin type '{kind}'")));
    }
    let settings = sent(call, kind)?;
    let missing = options(kind).0.iter().find(|key| call.text(key).is_none());
    if let Some(key) = missing {
        return Err(Fault::die(format!("missing value for required option '{key}'")));
    }
    only_one_default(cluster, call);
    let mut realm = Realm::default();
    realm.0.insert("type".into(), kind.into());
    realm.0.extend(settings);
    cluster.access.realms.insert(name.to_owned(), realm);
    Ok(())
}

fn only_one_default(cluster: &mut Cluster, call: &Call) {
    if call.flag("default") == Some(true) {
        for realm in cluster.access.realms.values_mut() {
            realm.0.remove("default");
        }
    }
}

fn update(cluster: &mut Cluster, call: &Call) -> Outcome {
    change(cluster, call).map_err(|fault| fault.nested("update auth server failed: "))?;
    Ok(Reply::null())
}

fn change(cluster: &mut Cluster, call: &Call) -> Result<(), Fault> {
    cluster.cfs_lock("domains_cfg")?;
    let name = call.required("realm");
    digest::assert_unmodified(&current_digest(cluster), call.text("digest"))?;
    let Some(kind) = cluster.access.realms.get(name).map(|realm| realm.kind().to_owned()) else {
        return Err(Fault::die("cannot lookup undefined type! at /usr/share/perl5/PVE/API2/Domains.pm line 261."));
    };
    let settings = sent(call, &kind)?;
    only_one_default(cluster, call);
    if let Some(realm) = cluster.access.realms.get_mut(name) {
        for key in split_list(call.text("delete").unwrap_or_default()) {
            realm.0.remove(key);
        }
        realm.0.extend(settings);
    }
    Ok(())
}

fn delete(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("realm");
    cluster.cfs_lock("domains_cfg").map_err(|fault| fault.nested("delete auth server failed: "))?;
    if !cluster.access.realms.contains_key(name) {
        return Err(Fault::die(format!("delete auth server failed: authentication domain '{name}' does not exist")));
    }
    // The two that always are come back with what they were installed with.
    match crate::state::access::Access::default().realms.remove(name) {
        Some(builtin) => cluster.access.realms.insert(name.to_owned(), builtin),
        None => cluster.access.realms.remove(name),
    };
    Ok(Reply::null())
}

fn sync(cluster: &mut Cluster, call: &Call) -> Outcome {
    let name = call.required("realm");
    let Some(realm) = cluster.access.realms.get(name) else {
        return Err(Fault::die(format!("Realm '{name}' does not exist")));
    };
    let kind = realm.kind();
    if !matches!(kind, "ldap" | "ad") {
        return Err(Fault::die(format!("Cannot sync realm type '{kind}'! Only LDAP/AD realms can be synced.")));
    }
    let defaults = realm.0.get("sync-defaults-options").and_then(Value::as_str).unwrap_or_default();
    if call.text("scope").is_none() && !defaults.contains("scope=") {
        let text = "Not passed as parameter and not defined in realm default sync options.";
        return Err(Fault::param("scope", text));
    }
    // A simulated node reaches no directory.
    let (name, node, user) = (name.to_owned(), call.node().to_owned(), call.caller.id());
    let server = realm.0.get("server1").and_then(Value::as_str).unwrap_or_default();
    let text = format!("unable to connect to '{server}': Net::LDAP: Connection refused");
    let new = NewTask { node: &node, kind: "auth-realm-sync", id: &name, user: &user };
    Ok(Reply::data(cluster.start_task(&new, |_| Err(text))))
}
