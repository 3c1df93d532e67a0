//! The official API description (the file that every PVE ships with its documentation) as endpoints that are verified but not
//! simulated.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value};

use crate::state::Cluster;
use crate::verify::property::PropertyString;
use crate::verify::{self, Param, Schema};

use super::check::{Check, GroupsParam};
use super::{Call, Endpoint, Fault, Outcome, Permission, Table};

/// Why a schema file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It cannot be read.
    #[error("cannot read schema {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not JSON.
    #[error("schema {path} is not JSON")]
    Json {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Calls whose last component takes the rest of the path.
const REST: &[&str] = &["{volume}", "{cidr}"];

impl Table {
    /// Adds the calls of a schema file that are not in the table yet.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn extend_from_schema(&mut self, path: &Path) -> Result<(), SchemaError> {
        let read = || -> std::io::Result<Vec<u8>> {
            let bytes = std::fs::read(path)?;
            if !bytes.starts_with(&[0x1f, 0x8b]) {
                return Ok(bytes);
            }
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).take(1 << 28).read_to_end(&mut text)?;
            Ok(text)
        };
        let shown = || path.display().to_string();
        let text = read().map_err(|source| SchemaError::Read { path: shown(), source })?;
        let roots: Vec<Value> =
            serde_json::from_slice(&text).map_err(|source| SchemaError::Json { path: shown(), source })?;
        let mut found = Vec::new();
        for root in &roots {
            walk(root, &mut found);
        }
        found.retain(|endpoint| !self.has(&endpoint.method, &endpoint.template));
        self.extend(found);
        Ok(())
    }
}

fn walk(node: &Value, found: &mut Vec<Endpoint>) {
    let path = node.get("path").and_then(Value::as_str).unwrap_or_default();
    for (method, info) in node.get("info").and_then(Value::as_object).into_iter().flatten() {
        found.push(endpoint(method, path, info));
    }
    for child in node.get("children").and_then(Value::as_array).into_iter().flatten() {
        walk(child, found);
    }
}

fn endpoint(method: &str, path: &str, info: &Value) -> Endpoint {
    let mut template = path.to_owned();
    if let Some(last) = REST.iter().find(|last| path.ends_with(**last)) {
        template.truncate(path.len() - last.len());
        template.push_str("{*");
        template.push_str(last.get(1..).unwrap_or_default());
    }
    let mut endpoint = Endpoint::new(method.to_owned(), template, not_simulated);
    endpoint.simulated = false;
    endpoint.permission = permission(info.get("permissions"));
    endpoint.allow_token = info.get("allowtoken").is_none_or(truthy);
    endpoint.proxy = info.get("proxyto").and_then(Value::as_str).map(|name| name.to_owned().into());
    if let Some(parameters) = info.get("parameters") {
        let properties = parameters.get("properties").and_then(Value::as_object);
        let schema = Schema::new(properties.into_iter().flatten().map(|(name, about)| param(name, about)).collect());
        let closed = parameters.get("additionalProperties").is_some_and(|value| !truthy(value));
        endpoint.schema = if closed { schema } else { schema.with_additional() };
    }
    endpoint
}

fn not_simulated(_: &mut Cluster, call: &Call) -> Outcome {
    Err(Fault::not_implemented(&call.method, &call.path))
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "0",
        Value::Null => false,
        _ => true,
    }
}

fn permission(permissions: Option<&Value>) -> Permission {
    let Some(permissions) = permissions.filter(|value| !value.is_null()) else { return Permission::RootOnly };
    if let Some(check) = permissions.get("check").and_then(check) {
        return Permission::Check(check);
    }
    match permissions.get("user").and_then(Value::as_str) {
        Some("world") => Permission::World,
        Some("all") => Permission::All,
        _ => Permission::RootOnly,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn check(value: &Value) -> Option<Check> {
    let parts = value.as_array()?;
    let option = |name: &str| {
        let at = parts.iter().position(|part| part.as_str() == Some(name))?;
        parts.get(at + 1)
    };
    let path = || parts.get(1).and_then(Value::as_str).map(str::to_owned);
    Some(match parts.first()?.as_str()? {
        "and" => Check::And(parts.iter().skip(1).filter_map(check).collect()),
        "or" => Check::Or(parts.iter().skip(1).filter_map(check).collect()),
        "perm" => Check::Perm {
            path: path()?,
            privileges: texts(parts.get(2)),
            any: option("any").is_some_and(truthy),
            require_param: option("require_param").and_then(Value::as_str).map(str::to_owned),
        },
        "userid-param" => match parts.get(1)?.as_str()? {
            "self" => Check::UserSelf,
            _ => Check::RealmAllocateUser,
        },
        "userid-group" => Check::UseridGroup {
            privileges: texts(parts.get(1)),
            groups: match option("groups_param") {
                Some(Value::String(text)) if text == "create" => GroupsParam::Create,
                Some(value) if truthy(value) => GroupsParam::Update,
                _ => GroupsParam::Ignored,
            },
        },
        "perm-modify" => Check::PermModify(path()?),
        _ => return None,
    })
}

/// One parameter; `net[n]` stands for net0, net1 and so on.
fn param(name: &str, about: &Value) -> Param {
    let (base, numbered) = match name.strip_suffix("[n]") {
        Some(base) => (base, true),
        None => (name, false),
    };
    let text = |key: &str| about.get(key).and_then(Value::as_str);
    let mut param = match text("type") {
        Some("integer") => verify::integer(base),
        Some("number") => verify::number(base),
        Some("boolean") => verify::boolean(base),
        Some("array") => {
            verify::array(base, about.get("items").map_or_else(|| verify::text(""), |about| self::param("", about)))
        }
        Some("string") | None => verify::text(base),
        Some(_) => verify::any(base),
    };
    let figure = |key: &str| match about.get(key) {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let length = |key: &str| figure(key).map(|length| length as usize);
    param.optional = about.get("optional").is_some_and(truthy);
    param.minimum = figure("minimum");
    param.maximum = figure("maximum");
    param.min_length = length("minLength");
    param.max_length = length("maxLength");
    param.requires = text("requires").map(str::to_owned);
    param.values = about.get("enum").map(|values| texts(Some(values))).unwrap_or_default();
    if let Some(pattern) = text("pattern") {
        param = param.pattern(pattern);
    }
    if numbered {
        param = param.numbered(last_number(base));
    }
    match about.get("format") {
        Some(Value::String(name)) => param.format(name),
        Some(Value::Object(keys)) => param.properties(properties(keys)),
        _ => param,
    }
}

/// The schema does not say how far numbered parameters go.
fn last_number(base: &str) -> u32 {
    match base {
        "ide" | "parallel" | "serial" => 3,
        "sata" => 5,
        "usb" => 13,
        "hostpci" | "virtio" => 15,
        "scsi" => 30,
        "mp" | "dev" | "unused" => 255,
        "numa" => 7,
        "virtiofs" => 9,
        _ => 31,
    }
}

fn properties(keys: &Map<String, Value>) -> PropertyString {
    let real = keys.iter().filter(|(_, about)| about.get("alias").is_none());
    let mut string = PropertyString::new(real.map(|(name, about)| param(name, about)).collect());
    let mut seen = BTreeSet::new();
    for (name, about) in keys {
        if about.get("default_key").is_some_and(truthy) && seen.insert("default") {
            string = string.default_key(name);
        }
        if let Some(key) = about.get("alias").and_then(Value::as_str) {
            string = string.alias(name, key, about.get("keyAlias").and_then(Value::as_str));
        }
    }
    string
}
