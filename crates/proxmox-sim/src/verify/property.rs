//! Property strings: `key=value,key=value`, one key of which may be left out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Errors, Param, Schema, add_error, check_value, parse_boolean};

/// Description of a property string.
#[derive(Debug, Clone, Default)]
pub struct PropertyString {
    schema: Schema,
    keys: Vec<String>,
    default_key: Option<String>,
    aliases: BTreeMap<String, (String, Option<String>)>,
}

impl PropertyString {
    /// From the descriptions of its keys.
    #[must_use]
    pub fn new(params: Vec<Param>) -> Self {
        let keys = params.iter().map(|param| param.name.clone()).collect();
        Self { schema: Schema::new(params), keys, default_key: None, aliases: BTreeMap::new() }
    }

    /// The key that a value without one belongs to.
    #[must_use]
    pub fn default_key(mut self, key: &str) -> Self {
        self.default_key = Some(key.to_owned());
        self
    }

    /// Another name for a key; with `key_alias`, that key takes the name that was used (`virtio=MAC` → `model=virtio,macaddr=MAC`).
    #[must_use]
    pub fn alias(mut self, name: &str, key: &str, key_alias: Option<&str>) -> Self {
        self.aliases.insert(name.to_owned(), (key.to_owned(), key_alias.map(str::to_owned)));
        self
    }

    /// Takes a property string apart and checks it. `path` is the parameter's name, for the texts.
    ///
    /// # Errors
    /// What follows `invalid format - `, newline included.
    pub fn parse(&self, data: &str, path: &str) -> Result<BTreeMap<String, String>, String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        let mut used_default = false;
        let mut parts: Vec<&str> = data.split(',').collect();
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        for part in parts.into_iter().filter(|part| !part.trim().is_empty()) {
            match part.split_once('=') {
                Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                    if found.contains_key(key) {
                        return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                    }
                    let mut key = key.to_owned();
                    if let Some((real, key_alias)) = self.aliases.get(&key) {
                        if let Some(key_alias) = key_alias {
                            if found.contains_key(key_alias) {
                                return Err(format!("key alias '{key_alias}' is already defined\n"));
                            }
                            found.insert(key_alias.clone(), key.clone());
                        }
                        key.clone_from(real);
                    }
                    // A key that is not known is refused with all other errors below.
                    let kind = self.schema.get(&key).map(|param| &param.kind);
                    let value = match (kind, parse_boolean(value)) {
                        (Some(super::Kind::Boolean), Some(flag)) => if flag { "1" } else { "0" }.to_owned(),
                        _ => value.to_owned(),
                    };
                    found.insert(key, value);
                }
                Some(_) => return Err("missing key in comma-separated list property\n".to_owned()),
                None => {
                    let Some(key) = &self.default_key else {
                        return Err("value without key, but schema does not define a default key\n".to_owned());
                    };
                    if used_default || found.contains_key(key) {
                        return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                    }
                    used_default = true;
                    found.insert(key.clone(), part.to_owned());
                }
            }
        }
        self.check(&found, path)?;
        Ok(found)
    }

    fn check(&self, found: &BTreeMap<String, String>, path: &str) -> Result<(), String> {
        let mut errors = Errors::new();
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        for key in &self.keys {
            let Some(param) = self.schema.get(key) else { continue };
            let value = found.get(key).map(|text| Value::String(text.clone()));
            check_value(value.as_ref(), param, &below(key), &mut errors);
        }
        for key in found.keys() {
            if self.schema.get(key).is_none() {
                add_error(&mut errors, &below(key), super::NOT_DEFINED);
            }
            if let Some(required) = self.schema.get(key).and_then(|param| param.requires.as_ref())
                && !found.contains_key(required)
            {
                let text = format!("missing property required by '{}'", below(key));
                add_error(&mut errors, &below(required), text);
            }
        }
        if errors.is_empty() {
            return Ok(());
        }
        let mut text = "format error\n".to_owned();
        for (key, error) in errors {
            text.push_str(&format!("{key}: {error}\n"));
        }
        Err(text)
    }
}
