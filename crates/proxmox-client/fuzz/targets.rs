//! What hostile bytes are fed to. Each takes any bytes, must not panic and must hold its invariant.
//!
//! Used twice: by the cargo-fuzz programs of `fuzz_targets/`, and by `tests/fuzz_corpus.rs`, which CI runs for a bounded
//! time.

use bytes::Bytes;
use proxmox_client::error::{CallName, Class};
use proxmox_client::params::TextList;
use proxmox_client::pbs::definitions::Maintenance;
use proxmox_client::pbs::namespaces::Namespace;
use proxmox_client::permissions::{Access, Dialect, UserCfgWarning, parse_pbs_cfg, parse_user_cfg};
use proxmox_client::pve::cluster::Resource;
use proxmox_client::pve::cluster::ha::HaSid;
use proxmox_client::pve::cluster::replication::ReplicationId;
use proxmox_client::pve::guests::{
    Agent, Boot, CloudInitNet, Config, Disk, Features, GuestStatus, LxcNet, LxcOptions, MountPoint, Options, QemuNet,
    QemuOptions, SnapshotName, Startup, Usb, Vga,
};
use proxmox_client::transport::{Answer, read_answer};
use proxmox_client::{
    AclPath, AuthId, Error, Fingerprint, Method, PoolId, PropertyString, Retention, TokenId, Upid, UserId, Vmid,
    VolumeId, lenient,
};
use serde_json::Value;

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// A name, and what is fed.
pub const TARGETS: [(&str, Target); 7] = [
    ("upid", upid),
    ("property_string", property_string),
    ("lenient_number", lenient_number),
    ("answer", answer),
    ("acl_path", acl_path),
    ("identifier", identifier),
    ("user_cfg", user_cfg),
];

/// Task ids: what is read prints back to the same text, and its fields make an id that reads as the same.
pub fn upid(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(upid) = text.parse::<Upid>() else { return };
    assert_eq!(upid.as_str(), text);
    assert_eq!(upid.to_string(), text);
    assert!(!upid.to_path_segment().contains(['/', ':', '?', '#', '\\']), "one segment of a path");
    let task = upid.task();
    let written = match task.task_number {
        None => Upid::for_pve(task),
        Some(_) => Upid::for_pbs(task),
    };
    // Only the case of digits and what need not be escaped may differ. A field that was escaped may hold what cannot be written.
    if let Ok(written) = written {
        assert_eq!(written.task(), task);
    }
    let _ = upid.auth_id();
}

/// Property strings: what is read is written in a form that reads as the same, whatever type looks at it.
pub fn property_string(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(pairs) = text.parse::<PropertyString>() else { return };
    assert_eq!(pairs.to_string().parse::<PropertyString>().as_ref(), Ok(&pairs), "{pairs}");
    macro_rules! views {
        ($($view:ty),*) => {
            $(if let Ok(view) = text.parse::<$view>() {
                assert_eq!(view.to_string().parse::<$view>().as_ref(), Ok(&view));
            })*
        };
    }
    views!(QemuNet, LxcNet, Disk, MountPoint, Features, Agent, Boot, Startup, CloudInitNet, Vga, Usb);
    if let Ok(net) = text.parse::<QemuNet>() {
        let _ = net.model();
        let changed = net.with_tag(7);
        assert_eq!(changed.tag(), Some(7));
    }
    if let Ok(disk) = text.parse::<Disk>() {
        let _ = (disk.file(), disk.raw("size"));
    }
    if let Ok(mount) = text.parse::<MountPoint>() {
        let _ = (mount.source(), mount.raw("size"));
    }
}

/// Numbers, switches and lists as servers write them: no value panics, and a number that is read is the same as text.
pub fn lenient_number(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    whole::<u64>(&Value::from(text.as_ref()));
    whole::<i64>(&Value::from(text.as_ref()));
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    whole::<u64>(&value);
    whole::<i64>(&value);
    whole::<u16>(&value);
    let _ = lenient::from_value::<f64>(value.clone());
    let _ = lenient::from_value::<bool>(value.clone());
    let _ = lenient::from_value::<Option<String>>(value.clone());
    let _ = lenient::from_value::<TextList>(value.clone());
    let _ = lenient::from_value::<Vec<Resource>>(value.clone());
    let _ = lenient::from_value::<GuestStatus>(value.clone());
    config::<QemuOptions>(&value);
    config::<LxcOptions>(&value);
}

fn whole<T>(value: &Value)
where
    T: serde::de::DeserializeOwned + ToString + PartialEq + std::fmt::Debug,
{
    if let Ok(number) = lenient::from_value::<T>(value.clone()) {
        assert_eq!(lenient::from_value::<T>(Value::from(number.to_string())).ok(), Some(number));
    }
}

/// A configuration: nothing of it is lost, and every option that has a type survives being read and written.
fn config<O: Options>(value: &Value) {
    if let Ok(config) = lenient::from_value::<Config<O>>(value.clone()) {
        let _ = (config.options.misread(), config.further.len());
    }
}

/// Answers of any status, success or error: no body panics, no refusal reads as success, and no text grows beyond its bound.
pub fn answer(data: &[u8]) {
    let Some((head, body)) = data.split_at_checked(2) else { return };
    let status = 100 + (u16::from_be_bytes([head[0], head[1]]) % 600);
    let (reason, body) = match body.iter().position(|byte| *byte == b'\n') {
        Some(at) => (String::from_utf8_lossy(&body[..at]).into_owned(), &body[at + 1..]),
        None => (String::new(), body),
    };
    let call = CallName { method: Method::Get, template: "/x".to_owned() };
    let answer = Answer { status, reason, content_type: String::new(), body: Bytes::copy_from_slice(body) };
    match read_answer(&call, "host:8006", &answer) {
        Ok(envelope) => assert!((200..300).contains(&status) && envelope.status == status),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            match &error {
                Error::MaybeSent { .. } => assert!((595..600).contains(&status) && error.class() == Class::MaybeSent),
                Error::Unreadable { .. } => assert!((200..300).contains(&status)),
                Error::Answered(refusal) => {
                    assert!(!(200..300).contains(&status) && refusal.status == status);
                    assert!(refusal.message.as_ref().is_none_or(|text| text.chars().count() <= 8192));
                    let _ = (refusal.text(), refusal.is_missing(), refusal.is_existing(), refusal.is_locked());
                }
                other => panic!("no answer reads as {other}"),
            }
        }
    }
}

/// Paths of rights: the normal form is stable, and every ancestor is a path, the last the path itself.
pub fn acl_path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(path) = text.parse::<AclPath>() else { return };
    assert_eq!(path.as_str().parse::<AclPath>().as_ref(), Ok(&path));
    assert!(path.as_str().starts_with('/') && (path.is_root() || !path.as_str().ends_with('/')));
    let above: Vec<&str> = path.ancestors().collect();
    assert_eq!((above.first(), above.last()), (Some(&"/"), Some(&path.as_str())));
    assert_eq!(above.len(), path.parts().count() + 1);
    let _ = (path.is_known_to_pve(), path.is_known_to_pbs());
}

/// Every other name: what is read prints back to what was read, or to a form that reads as the same.
pub fn identifier(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    macro_rules! exact {
        ($($id:ty),*) => {
            $(if let Ok(id) = text.parse::<$id>() {
                assert_eq!(id.to_string(), text, stringify!($id));
            })*
        };
    }
    macro_rules! stable {
        ($($id:ty),*) => {
            $(if let Ok(id) = text.parse::<$id>() {
                assert_eq!(id.to_string().parse::<$id>().as_ref().ok(), Some(&id), stringify!($id));
            })*
        };
    }
    exact!(AuthId, UserId, TokenId, PoolId, VolumeId, SnapshotName, Namespace);
    stable!(Vmid, HaSid, ReplicationId, Fingerprint, Retention, Maintenance);
    if let Ok(volume) = text.parse::<VolumeId>() {
        assert_eq!(format!("{}:{}", volume.storage(), volume.name()), text);
    }
    if let Ok(AuthId::Token(token)) = text.parse::<AuthId>() {
        assert_eq!(format!("{}!{}", token.user(), token.token_name()), text);
    }
}

/// Files of users and rights of both products: what is not understood is left out, and every question about the rest has an answer.
pub fn user_cfg(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    examine(&text, Dialect::Pve, parse_user_cfg(&text));
    examine(&text, Dialect::Pbs, parse_pbs_cfg(&text));
}

fn examine(text: &str, dialect: Dialect, (access, warnings): (Access, Vec<UserCfgWarning>)) {
    assert!(warnings.iter().all(|warning| warning.line <= text.lines().count()));
    assert_eq!(access.dialect(), dialect);
    let entries = access.acl_entries();
    for user in access.users.keys().take(8) {
        let id = AuthId::User(user.clone());
        for entry in entries.iter().take(8) {
            let explained = access.explain(&id, &entry.path);
            let plain = access.permissions(&id, &entry.path);
            assert!(plain.iter().eq(explained.permissions.iter()), "explaining and answering agree");
            let _ = explained.why(&access, "VM.Audit");
        }
    }
}
