//! The permission maths against the vectors of PVE's own test suite, and hand-made cases for what those leave out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;

use proxmox_client::permissions::{
    Access, AclEntry, AclSubject, Dialect, NoLogin, Token, User, Verdict, parse_pbs_cfg, parse_user_cfg, pbs4, pve9,
};
use proxmox_client::{AclPath, AuthId, UserId, Vmid};

fn id(text: &str) -> AuthId {
    text.parse().unwrap()
}

fn path(text: &str) -> AclPath {
    text.parse().unwrap()
}

fn grant(access: &mut Access, at: &str, subject: &str, role: &str, propagate: bool) {
    let subject = match subject.strip_prefix('@') {
        Some(group) => AclSubject::Group(group.to_owned()),
        None => id(subject).into(),
    };
    access.grant(AclEntry { path: path(at), subject, role: role.to_owned(), propagate });
}

fn user(access: &mut Access, name: &str, tokens: &[(&str, bool)]) {
    let tokens =
        tokens.iter().map(|&(name, privsep)| (name.to_owned(), Token { privsep, ..Token::default() })).collect();
    access.users.insert(name.parse().unwrap(), User { tokens, ..User::default() });
}

fn names(access: &Access, subject: &str, at: &str) -> Vec<String> {
    access.permissions(&id(subject), &path(at)).iter().map(|(name, _)| name.to_owned()).collect()
}

fn shared() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contract")
}

/// Runs every check of the vectors in a directory; how many there were.
fn run_vectors(dir: &Path, parse: impl Fn(&str) -> Access) -> usize {
    let mut checks = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|ext| ext != "json") {
            continue;
        }
        let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let config = std::fs::read_to_string(dir.join(vectors["config"].as_str().unwrap())).unwrap();
        let access = parse(&config);
        for check in vectors["checks"].as_array().unwrap() {
            let (subject, at) = (id(check["auth_id"].as_str().unwrap()), path(check["path"].as_str().unwrap()));
            let got: BTreeSet<&str> = match check["check"].as_str().unwrap() {
                "roles" => access.roles(&subject, &at).into_keys().collect(),
                "permissions" => access.permissions(&subject, &at).iter().map(|(name, _)| name).collect(),
                other => panic!("{other}"),
            };
            let expected: BTreeSet<&str> =
                check["expect"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
            assert_eq!(got, expected, "{}: {check}", file.display());
            checks += 1;
        }
    }
    checks
}

#[test]
fn vectors_of_pve_agree() {
    let dir = shared().join("access-control");
    if !dir.is_dir() {
        eprintln!("SKIPPED: {} is absent", dir.display());
        return;
    }
    let checks = run_vectors(&dir, |config| parse_user_cfg(config).0);
    assert!(checks > 50, "only {checks} checks");
}

#[test]
fn vectors_of_pbs_agree() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/access-control");
    let checks = run_vectors(&dir, |config| {
        let (access, warnings) = parse_pbs_cfg(config);
        assert!(warnings.is_empty(), "{warnings:?}");
        access
    });
    assert!(checks >= 50, "only {checks} checks");
}

#[test]
fn predefined_roles_are_those_of_the_contract() {
    for (file, privileges, roles) in
        [("pve9-roles.json", pve9::PRIVILEGES, pve9::ROLES), ("pbs4-roles.json", pbs4::PRIVILEGES, pbs4::ROLES)]
    {
        let Ok(text) = std::fs::read(shared().join(file)) else {
            eprintln!("SKIPPED: {file} is absent");
            return;
        };
        let contract: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(serde_json::json!(privileges), contract["privileges"]);
        let roles: serde_json::Map<String, serde_json::Value> =
            roles.iter().map(|&(name, privileges)| (name.to_owned(), serde_json::json!(privileges))).collect();
        assert_eq!(serde_json::Value::Object(roles), contract["roles"]);
    }
}

#[test]
fn separated_token_has_what_it_and_its_owner_both_have() {
    let mut access = Access::new(Dialect::Pve);
    user(&mut access, "a@pve", &[("sep", true), ("full", false)]);
    grant(&mut access, "/vms", "a@pve", "PVEVMUser", true);
    grant(&mut access, "/vms/100", "a@pve!sep", "PVEVMAdmin", true);
    let owner = names(&access, "a@pve", "/vms/100");
    assert_eq!(names(&access, "a@pve!sep", "/vms/100"), owner, "all of the owner's are in the token's wider role");
    assert!(names(&access, "a@pve!sep", "/vms/101").is_empty(), "the token's own half is missing");
    assert_eq!(names(&access, "a@pve!full", "/vms/101"), owner);
    assert!(names(&access, "a@pve!gone", "/vms/100").is_empty());
    assert!(access.explain(&id("a@pve!gone"), &path("/vms/100")).unknown_token);
}

#[test]
fn propagation_of_a_token_needs_both_halves() {
    let mut access = Access::new(Dialect::Pve);
    user(&mut access, "a@pve", &[("t1", true)]);
    grant(&mut access, "/vms", "a@pve", "PVEVMUser", false);
    grant(&mut access, "/vms", "a@pve!t1", "PVEVMUser", true);
    let permissions = access.permissions(&id("a@pve!t1"), &path("/vms"));
    assert!(permissions.contains("VM.Audit"));
    assert!(!permissions.propagates("VM.Audit"));
}

#[test]
fn root_token_is_limited_by_nobody_but_is_not_root() {
    let mut access = Access::new(Dialect::Pve);
    user(&mut access, "root@pam", &[("sep", true), ("full", false)]);
    assert_eq!(names(&access, "root@pam", "/").len(), pve9::PRIVILEGES.len());
    assert_eq!(names(&access, "root@pam!full", "/").len(), pve9::PRIVILEGES.len());
    assert!(names(&access, "root@pam!sep", "/").is_empty());
    grant(&mut access, "/", "root@pam!sep", "PVEAuditor", true);
    assert!(names(&access, "root@pam!sep", "/vms/100").contains(&"VM.Audit".to_owned()));
}

#[test]
fn groups_count_for_users_and_never_for_tokens() {
    let mut access = Access::new(Dialect::Pve);
    user(&mut access, "a@pve", &[("t1", true)]);
    access.groups.insert("g".to_owned(), BTreeSet::from(["a@pve".parse::<UserId>().unwrap()]));
    grant(&mut access, "/", "@g", "PVEAuditor", true);
    assert!(access.allows(&id("a@pve"), &path("/vms/100"), &["VM.Audit", "Sys.Audit"]));
    assert!(access.roles(&id("a@pve!t1"), &path("/vms/100")).is_empty());
}

#[test]
fn no_access_of_a_group_is_ignored_beside_a_user_entry() {
    let mut access = Access::new(Dialect::Pve);
    user(&mut access, "a@pve", &[]);
    access.groups.insert("g".to_owned(), BTreeSet::from(["a@pve".parse::<UserId>().unwrap()]));
    grant(&mut access, "/vms", "@g", "NoAccess", true);
    assert!(names(&access, "a@pve", "/vms/100").is_empty());
    grant(&mut access, "/vms", "a@pve", "PVEVMUser", true);
    assert!(access.allows(&id("a@pve"), &path("/vms/100"), &["VM.Audit"]));
    let explanation = access.explain(&id("a@pve"), &path("/vms/100"));
    assert!(explanation.evidence.iter().any(|e| e.verdict == Verdict::HiddenByOwnEntry));
}

#[test]
fn rights_on_a_pool_reach_its_members_and_no_further() {
    let mut access = Access::new(Dialect::Pve);
    user(&mut access, "a@pve", &[]);
    access.pools.add_guest(&"p/q".parse().unwrap(), Vmid::MIN);
    access.pools.add_storage(&"p".parse().unwrap(), "s");
    grant(&mut access, "/pool/p", "a@pve", "PVEAdmin", true);
    let on_guest = access.permissions(&id("a@pve"), &path("/vms/100"));
    assert!(on_guest.contains("VM.Allocate"), "the parent pool reaches the nested pool's guest");
    assert!(!on_guest.propagates("VM.Allocate"));
    assert!(access.allows(&id("a@pve"), &path("/storage/s"), &["Datastore.Allocate"]));
    assert!(!access.allows(&id("a@pve"), &path("/vms/101"), &["VM.Audit"]));
    let explanation = access.explain(&id("a@pve"), &path("/vms/100"));
    let granting: Vec<_> = explanation.granting(&access, "VM.Allocate").collect();
    assert_eq!(granting.len(), 1);
    assert_eq!(granting[0].via_pool, Some("p/q".parse().unwrap()));
    assert_eq!(
        explanation.why(&access, "VM.Allocate"),
        "a@pve has VM.Allocate on /vms/100: PVEAdmin for a@pve on /pool/p through pool p/q"
    );

    grant(&mut access, "/vms/100", "a@pve", "NoAccess", false);
    assert!(names(&access, "a@pve", "/vms/100").is_empty(), "a pool does not trump NoAccess on the guest");
    let explanation = access.explain(&id("a@pve"), &path("/vms/100"));
    assert!(explanation.evidence.iter().any(|e| e.via_pool.is_some() && e.verdict == Verdict::BeatenByNoAccess));
}

#[test]
fn explanations_name_what_replaced_and_what_did_not_propagate() {
    let mut access = Access::new(Dialect::Pve);
    user(&mut access, "a@pve", &[("t1", true)]);
    grant(&mut access, "/", "a@pve", "PVEAdmin", true);
    grant(&mut access, "/vms", "a@pve", "PVEVMAdmin", false);
    grant(&mut access, "/vms/100", "a@pve", "PVEVMUser", true);
    let verdicts: Vec<_> = access
        .explain(&id("a@pve"), &path("/vms/100"))
        .evidence
        .into_iter()
        .map(|e| (e.entry.role, e.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("PVEAdmin".to_owned(), Verdict::ReplacedBelow),
            ("PVEVMAdmin".to_owned(), Verdict::NotPropagated),
            ("PVEVMUser".to_owned(), Verdict::Decides)
        ]
    );
    grant(&mut access, "/vms/100", "a@pve!t1", "PVEVMAdmin", true);
    let explanation = access.explain(&id("a@pve!t1"), &path("/vms/100"));
    assert_eq!(
        explanation.why(&access, "VM.Allocate"),
        "a@pve!t1 is given VM.Allocate on /vms/100 (PVEVMAdmin for a@pve!t1 on /vms/100), but it is limited to its owner: \
         a@pve lacks VM.Allocate on /vms/100: PVEAdmin for a@pve on /, replaced by an entry further down; \
         PVEVMAdmin for a@pve on /vms (not propagating), which does not reach below its path; PVEVMUser for a@pve on /vms/100"
    );
}

#[test]
fn pbs_tokens_are_always_limited_to_their_owner() {
    let mut access = Access::new(Dialect::Pbs);
    user(&mut access, "a@pbs", &[("t1", false)]);
    grant(&mut access, "/datastore/s", "a@pbs!t1", "DatastoreAdmin", true);
    assert!(names(&access, "a@pbs!t1", "/datastore/s/ns").is_empty());
    grant(&mut access, "/datastore/s", "a@pbs", "DatastoreBackup", true);
    assert_eq!(names(&access, "a@pbs!t1", "/datastore/s/ns"), ["Datastore.Backup"]);
    grant(&mut access, "/datastore/s/ns", "a@pbs", "NoAccess", true);
    assert!(names(&access, "a@pbs!t1", "/datastore/s/ns/deeper").is_empty());
    assert_eq!(names(&access, "root@pam", "/").len(), pbs4::PRIVILEGES.len());
}

#[test]
fn disabled_and_expired_credentials_are_not_heard() {
    let mut access = Access::new(Dialect::Pve);
    user(&mut access, "a@pve", &[("t1", true)]);
    let (who, token) = (id("a@pve"), id("a@pve!t1"));
    assert_eq!(access.may_authenticate(&token, 1000), Ok(()));
    assert_eq!(access.may_authenticate(&id("b@pve"), 1000), Err(NoLogin::UnknownUser));
    assert_eq!(access.may_authenticate(&id("a@pve!no"), 1000), Err(NoLogin::UnknownToken));
    let record = access.users.get_mut(who.user()).unwrap();
    record.tokens.get_mut("t1").unwrap().expire = 1000;
    assert_eq!(access.may_authenticate(&token, 999), Ok(()));
    assert_eq!(access.may_authenticate(&token, 1000), Err(NoLogin::Expired));
    access.users.get_mut(who.user()).unwrap().enabled = false;
    assert_eq!(access.may_authenticate(&who, 0), Err(NoLogin::Disabled));
}

#[test]
fn entries_come_and_go() {
    let mut access = Access::new(Dialect::Pve);
    grant(&mut access, "/vms", "a@pve", "PVEVMUser", true);
    grant(&mut access, "/vms", "a@pve", "PVEVMUser", false);
    grant(&mut access, "/vms", "@g", "PVEAuditor", true);
    assert_eq!(access.acl_entries().len(), 2);
    assert!(!access.acl_entries()[0].propagate, "the later flag holds");
    assert!(access.revoke(&path("/vms"), &id("a@pve").into(), "PVEVMUser"));
    assert!(!access.revoke(&path("/vms"), &id("a@pve").into(), "PVEVMUser"));
    access.retain_acl(|entry| !matches!(entry.subject, AclSubject::Group(_)));
    assert!(access.acl_entries().is_empty());
}

#[test]
fn roles_of_another_version_bring_their_privileges() {
    let mut access = Access::new(Dialect::Pve);
    access.set_role("old", ["VM.Monitor", "VM.Audit"]).unwrap();
    grant(&mut access, "/", "a@pve", "old", true);
    assert_eq!(names(&access, "a@pve", "/vms/100"), ["VM.Audit", "VM.Monitor"]);
    let many: Vec<String> = (0..200).map(|n| format!("X.{n}")).collect();
    assert!(access.set_role("many", many.iter().map(String::as_str)).is_err());
}
