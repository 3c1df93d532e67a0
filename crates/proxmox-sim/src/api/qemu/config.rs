//! Reading and changing the configuration of a VM.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::Value;

use crate::api::{Call, Fault, Outcome, Reply, Simulated, split_list};
use crate::guests::change::{self, Change};
use crate::guests::config::section_json;
use crate::guests::drive::Drive;
use crate::guests::nic::{QemuNic, random_mac};
use crate::guests::{GuestJob, GuestKind, Section, options};
use crate::state::Cluster;
use crate::storage::VolumeId;
use crate::tasks::{NewTask, Plan, SHORT};

use super::rights::{self, Place};
use super::target;

/// Parameters that are no options of the VM.
const NOT_OPTIONS: &[&str] =
    &["node", "vmid", "delete", "revert", "digest", "force", "skiplock", "background_delay", "import-working-storage"];

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/qemu/{vmid}/config", read_config),
    ("PUT", "/nodes/{node}/qemu/{vmid}/config", update_now),
    ("POST", "/nodes/{node}/qemu/{vmid}/config", update_later),
    ("GET", "/nodes/{node}/qemu/{vmid}/pending", pending),
    ("PUT", "/nodes/{node}/qemu/{vmid}/unlink", unlink),
];

fn read_config(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = cluster.guests.require(GuestKind::Qemu, call.node(), call.vmid()).map_err(Fault::die)?;
    let out = match call.text("snapshot") {
        None => guest.config.to_json(GuestKind::Qemu, call.flag("current") == Some(true)),
        Some(name) => {
            let section = guest.config.snapshots.get(name);
            let section = section.ok_or_else(|| Fault::die(format!("snapshot '{name}' does not exist")))?;
            let mut out = section_json(GuestKind::Qemu, section);
            out.insert("digest".into(), Value::String(guest.config.digest()));
            out
        }
    };
    Ok(Reply::data(Value::Object(out)))
}

fn pending(cluster: &mut Cluster, call: &Call) -> Outcome {
    let guest = cluster.guests.require(GuestKind::Qemu, call.node(), call.vmid()).map_err(Fault::die)?;
    Ok(Reply::data(guest.config.pending_json(GuestKind::Qemu)))
}

/// A password as cloud-init is given it; one that is hashed already stays.
pub(super) fn hashed_password(password: &str) -> String {
    if password.starts_with("$5$")
        || password.starts_with("$6$")
        || password.starts_with("$1$")
        || password.starts_with("$2")
    {
        return password.to_owned();
    }
    let salt = uuid::Uuid::new_v4().simple().to_string();
    let salt = salt.get(..8).unwrap_or("saltsalt");
    let sum = ring::digest::digest(&ring::digest::SHA256, format!("{salt}{password}").as_bytes());
    format!("$5${salt}${}", base64::engine::general_purpose::STANDARD_NO_PAD.encode(sum).replace('+', "."))
}

/// What is asked for, and the line that a task's log begins with.
fn parse(cluster: &Cluster, call: &Call) -> Result<(Change, String), Fault> {
    let mut set: Section = call
        .params
        .keys()
        .filter(|name| !NOT_OPTIONS.contains(&name.as_str()))
        .filter_map(|name| Some((name.clone(), call.text(name)?.to_owned())))
        .collect();
    if let Some(password) = set.get_mut("cipassword") {
        *password = hashed_password(password);
    }
    let mut line = format!("update VM {}:", call.vmid());
    for name in
        call.params.keys().filter(|name| !matches!(name.as_str(), "node" | "vmid" | "digest" | "background_delay"))
    {
        let shown = if name == "cipassword" { "<hidden>" } else { call.text(name).unwrap_or_default() };
        line.push_str(&format!(" -{name} {shown}"));
    }
    if call.flag("skiplock") == Some(true) && !call.caller.is_root() {
        return Err(Fault::param("skiplock", "Only root may use this option."));
    }
    rights::check_ssh_keys(call.text("sshkeys"))?;
    let delete_text = call.text("delete").unwrap_or_default();
    let revert_text = call.text("revert").unwrap_or_default();
    if let Some(name) = call.undefined.iter().find(|name| options::exists(GuestKind::Qemu, name)) {
        return Err(Fault::die(format!("unable to parse value of '{name}' - got undefined value")));
    }
    if set.is_empty() && delete_text.is_empty() && revert_text.is_empty() {
        return Err(Fault::die("no options specified"));
    }
    if let Some(cdrom) = set.remove("cdrom") {
        set.insert("ide2".into(), if cdrom.contains("media=") { cdrom } else { format!("{cdrom},media=cdrom") });
    }
    let revert: Vec<String> = split_list(revert_text).map(str::to_owned).collect();
    for key in &revert {
        if !options::exists(GuestKind::Qemu, key) {
            return Err(Fault::param("revert", format!("unknown option '{key}'")));
        }
        if set.contains_key(key) {
            return Err(Fault::param("delete", format!("you can't use '-{key}' and -revert {key}' at the same time")));
        }
    }
    let delete: Vec<String> =
        split_list(delete_text).map(|key| if key == "cdrom" { "ide2" } else { key }.to_owned()).collect();
    for key in &delete {
        if set.contains_key(key) {
            return Err(Fault::param("delete", format!("you can't use '-{key}' and -delete {key}' at the same time")));
        }
        if revert.contains(key) {
            return Err(Fault::param(
                "revert",
                format!("you can't use '-delete {key}' and '-revert {key}' at the same time"),
            ));
        }
        if !options::exists(GuestKind::Qemu, key) {
            return Err(Fault::param("delete", format!("unknown option '{key}'")));
        }
    }
    if let Some(script) = set.get("hookscript") {
        let there = VolumeId::parse(script).is_some_and(|id| cluster.storages.volume(&id, call.node()).is_some());
        if !there {
            return Err(Fault::param("hookscript", format!("script '{script}' does not exist\n")));
        }
    }
    normalise(&mut set);
    let change = Change {
        set,
        delete,
        revert,
        force: call.flag("force") == Some(true),
        digest: call.text("digest").map(str::to_owned),
        skip_lock: call.flag("skiplock") == Some(true),
    };
    Ok((change, line))
}

fn normalise(set: &mut Section) {
    for (key, value) in set.iter_mut() {
        if options::is_drive(key) {
            *value = Drive::parse(value).print();
        } else if options::numbered(key).is_some_and(|(family, _)| family == "net") {
            let mut nic = QemuNic::parse(value);
            nic.mac.get_or_insert_with(random_mac);
            *value = nic.print();
        } else if key == "vmgenid" && value == "1" {
            *value = uuid::Uuid::new_v4().to_string();
        }
    }
}

/// Everything that is checked before anything changes.
fn checked(cluster: &mut Cluster, call: &Call) -> Result<(Change, String), Fault> {
    let (change, line) = parse(cluster, call)?;
    let place = Place { vmid: call.vmid(), pool: None };
    rights::check_names(cluster, call, place, change.delete.iter())?;
    rights::check_names(cluster, call, place, change.set.keys())?;
    rights::check_storages(cluster, call, place, &change.set, None)?;
    rights::check_values(cluster, call, place, &change.set)?;
    change.check(cluster, target(call), call.node()).map_err(Fault::die)?;
    Ok((change, line))
}

/// What the change itself asks for, in the order in which the worker comes to it.
fn check_in_worker(cluster: &Cluster, call: &Call, change: &Change) -> Result<(), Fault> {
    let place = Place { vmid: call.vmid(), pool: None };
    let drives: BTreeMap<String, String> = change
        .delete
        .iter()
        .filter(|key| options::is_drive(key) || key.starts_with("unused"))
        .map(|key| (key.clone(), String::new()))
        .collect();
    if !drives.is_empty() {
        cluster.check_guest(call, place.vmid, None, &["VM.Config.Disk"])?;
    }
    rights::check_drives(cluster, call, place, &change.set)
}

fn update_now(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (change, line) = checked(cluster, call)?;
    cluster.log_call(call, line);
    check_in_worker(cluster, call, &change)?;
    let at = cluster.clock.now_ms();
    change::apply(cluster, target(call), call.node(), &change, at, &mut Vec::new())?;
    Ok(Reply::null())
}

fn update_later(cluster: &mut Cluster, call: &Call) -> Outcome {
    let (change, line) = checked(cluster, call)?;
    cluster.log_call(call, line.clone());
    let on = target(call);
    let node = call.node().to_owned();
    let user = call.caller.id();
    let refused = check_in_worker(cluster, call, &change).err();
    let new = NewTask { node: &node, kind: "qmconfig", id: &on.vmid.to_string(), user: &user };
    let upid = cluster.start_task(&new, |_| match refused {
        Some(fault) => Err(format!("{} {}", fault.status, fault.message.trim_end())),
        None => Ok(Plan::new(SHORT, GuestJob::Change { on, change }).line(line)),
    });
    Ok(Reply::data(upid))
}

fn unlink(cluster: &mut Cluster, call: &Call) -> Outcome {
    let delete: Vec<String> = split_list(call.required("idlist")).map(str::to_owned).collect();
    if let Some(key) = delete.iter().find(|key| !options::exists(GuestKind::Qemu, key)) {
        return Err(Fault::param("delete", format!("unknown option '{key}'")));
    }
    let change = Change { delete, force: call.flag("force") == Some(true), ..Change::default() };
    change.check(cluster, target(call), call.node()).map_err(Fault::die)?;
    let at = cluster.clock.now_ms();
    change::apply(cluster, target(call), call.node(), &change, at, &mut Vec::new())?;
    Ok(Reply::null())
}
