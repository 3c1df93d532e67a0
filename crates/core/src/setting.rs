//! The settings of an account that have a meaning, and what values they take. Any other key is stored as it is.

use serde_json::Value;

use crate::{ClusterHost, Invalid, SettingKey};

/// The largest value of a setting, in bytes of its JSON text.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// A checked pair of key and value.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The key.
    pub key: SettingKey,
    /// The value, as it is stored.
    pub value: Value,
}

/// Checks a value against what its key means.
///
/// # Errors
/// The value's JSON is larger than 8 KiB, or has the wrong type for a key with a meaning.
pub fn check_setting(key: SettingKey, value: Value) -> Result<Setting, Invalid> {
    let size = value.to_string().len();
    if size > MAX_VALUE_BYTES {
        return Err(Invalid::new("value", format!("{size} bytes of JSON; at most {MAX_VALUE_BYTES}")));
    }
    let wanted = match key.as_str() {
        "default_cluster" => {
            value.as_str().is_none_or(|host| ClusterHost::parse(host).is_err()).then_some("a cluster's host")
        }
        "default_node" | "default_storage" | "default_template" | "default_bunch" | "dns.default_provider" => {
            value.as_str().is_none_or(|text| !(1..=255).contains(&text.len())).then_some("a text of 1 to 255 bytes")
        }
        "ssh_keys" => (!texts(&value)).then_some("a list of at most 100 texts, one public key each"),
        "usage.retention_days" => (!whole(&value, 1, 3660)).then_some("a whole number of days from 1 to 3660"),
        key if key.starts_with("quota.") => quota(key, &value),
        _ => None,
    };
    match wanted {
        Some(wanted) => Err(Invalid::new("value", format!("setting {key} takes {wanted}"))),
        None => Ok(Setting { key, value }),
    }
}

/// The dimensions that quotas have.
const QUOTAS: &[&str] =
    &["cores", "memory_mib", "disk_gib", "instances", "ips", "databases", "database_gib", "backup_gib", "domains"];

fn quota(key: &str, value: &Value) -> Option<&'static str> {
    let known = key.strip_prefix("quota.").is_some_and(|dimension| QUOTAS.contains(&dimension));
    if !known {
        return Some(
            "one of cores, memory_mib, disk_gib, instances, ips, databases, database_gib, backup_gib, domains after 'quota.'",
        );
    }
    (!value.is_null() && !whole(value, 0, i64::MAX.cast_unsigned())).then_some("a whole number, or null for unlimited")
}

fn whole(value: &Value, least: u64, most: u64) -> bool {
    value.as_u64().is_some_and(|number| (least..=most).contains(&number))
}

fn texts(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.len() <= 100 && list.iter().all(Value::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(key: &str, value: Value) -> bool {
        check_setting(SettingKey::parse(key).unwrap(), value).is_ok()
    }

    #[test]
    fn keys_with_a_meaning_refuse_wrong_types() {
        assert!(
            check("default_node", json!("pve1"))
                && !check("default_node", json!(7))
                && !check("default_node", json!(""))
        );
        assert!(check("default_cluster", json!("pve.example.net:8006")) && !check("default_cluster", json!("a b")));
        assert!(check("ssh_keys", json!(["ssh-ed25519 AAAA"])) && !check("ssh_keys", json!("ssh-ed25519 AAAA")));
        assert!(
            check("quota.cores", json!(4)) && check("quota.cores", json!(null)) && !check("quota.cores", json!(-1))
        );
        assert!(!check("quota.unicorns", json!(1)));
        assert!(check("usage.retention_days", json!(30)) && !check("usage.retention_days", json!(0)));
    }

    #[test]
    fn other_keys_take_anything_up_to_the_size() {
        assert!(check("my.note", json!({"a": [1, 2]})));
        assert!(!check("my.note", json!("x".repeat(MAX_VALUE_BYTES))));
    }
}
