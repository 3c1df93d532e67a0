//! Reading a guest's configuration, changing it, writing the difference.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::options::Options;
use crate::call::Param;
use crate::params::{Field, Kind, Params};

/// A configuration as it was read: the options, and the digest that says whether somebody else has changed it since.
#[derive(Debug, Clone, PartialEq)]
pub struct Config<O> {
    /// Identifies this state of the configuration.
    pub digest: Option<String>,
    /// The options, those unknown here included.
    pub options: O,
    /// What is not text (raw `lxc` entries).
    pub further: BTreeMap<String, Value>,
}

impl<'de, O: Options> Deserialize<'de> for Config<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = Self { digest: None, options: O::default(), further: BTreeMap::new() };
        for (key, value) in BTreeMap::<String, Value>::deserialize(deserializer)? {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => u8::from(flag).to_string(),
                Value::Null => continue,
                other => {
                    config.further.insert(key, other);
                    continue;
                }
            };
            if key == "digest" {
                config.digest = Some(text);
            } else {
                config.options.entries_mut().insert(key, text);
            }
        }
        Ok(config)
    }
}

impl<O: Options> Config<O> {
    /// The change that makes these options `wanted`, valid only if nobody else changes them in between: the server
    /// refuses it then ([`crate::error::Refusal::is_lost_update`]).
    #[must_use]
    pub fn change_to(&self, wanted: &O) -> ConfigChange<O> {
        let mut set = O::default();
        let before = self.options.entries();
        for (key, value) in wanted.entries() {
            if before.get(key) != Some(value) {
                set.entries_mut().insert(key.clone(), value.clone());
            }
        }
        let delete = before.keys().filter(|key| !wanted.entries().contains_key(*key)).cloned().collect();
        ConfigChange { set, delete, digest: self.digest.clone() }
    }
}

/// A change of a configuration: options to set, options to remove.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigChange<O> {
    /// What to set. What is not named stays.
    pub set: O,
    /// What to remove.
    pub delete: Vec<String>,
    /// The state it is based on; without it the last write wins.
    pub digest: Option<String>,
}

impl<O: Options> ConfigChange<O> {
    /// Sets these options whatever the configuration was.
    #[must_use]
    pub const fn setting(set: O) -> Self {
        Self { set, delete: Vec::new(), digest: None }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.entries().is_empty() && self.delete.is_empty()
    }
}

impl<O: Options> crate::params::ParamSet for ConfigChange<O> {
    fn describe() -> Vec<Param> {
        let mut all = O::describe();
        for name in ["delete", "digest"] {
            all.push(Param { name, kind: Kind::Text, required: false, choices: &[] });
        }
        all
    }

    fn put(&self, out: &mut Params) {
        for (name, value) in self.set.entries() {
            out.push(name.as_str(), value.as_str());
        }
        Field::put(&self.delete, "delete", out);
        Field::put(&self.digest, "digest", out);
    }
}

/// An option with what it will be after the next start.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PendingRow {
    /// The option.
    pub key: String,
    /// What it is.
    pub value: Option<String>,
    /// What it will be.
    pub pending: Option<String>,
    /// 1 when it will be gone, 2 when by force.
    pub delete: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pve::guests::QemuOptions;

    #[test]
    fn only_the_difference_is_written_and_unknown_options_survive() {
        let read: Config<QemuOptions> = crate::lenient::from_value(serde_json::json!({
            "memory": 2048, "name": "a", "future": "x=1", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,new=1",
            "digest": "abc", "lxc": [["a", "b"]]
        }))
        .unwrap();
        assert_eq!(read.digest.as_deref(), Some("abc"));
        let mut wanted = read.options.clone();
        wanted.set_name("b".to_owned());
        let net = wanted.net(0).unwrap().with_bridge("vmbr1".to_owned());
        wanted.set_net(0, &net);
        wanted.remove("memory");
        let change = read.change_to(&wanted);
        assert_eq!(change.delete, ["memory"]);
        let mut out = Params::new();
        crate::params::ParamSet::put(&change, &mut out);
        let sent: BTreeMap<&str, &str> = out.iter().collect();
        let expected = [
            ("delete", "memory"),
            ("digest", "abc"),
            ("name", "b"),
            ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr1,new=1"),
        ];
        assert_eq!(sent, BTreeMap::from(expected));
        assert!(read.change_to(&read.options).is_empty());
    }
}
