//! The `[[clusters]]` tables.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bnna_core::ClusterHost;
use figment::value::{Dict, Value};
use secrecy::SecretString;

use super::read::{Reader, text, texts};

/// A cluster as the configuration declares it.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// What the API calls it.
    pub host: ClusterHost,
    /// What people call it.
    pub name: String,
    /// Where it is asked, `host:port`; the host itself when empty.
    pub addresses: Vec<String>,
    /// Trusted fingerprints, as written.
    pub fingerprints: Vec<String>,
    /// PEM file of the CA.
    pub ca_file: Option<PathBuf>,
    /// bnpd's token id, `user@realm!name`.
    pub token_id: String,
    /// Its secret.
    pub token_secret: SecretString,
    /// Base domain of direct names.
    pub base_domain: Option<String>,
    /// Where tenants' networks come from.
    pub supernets: Vec<String>,
    /// Node for new guests.
    pub default_node: Option<String>,
    /// Storage that new accounts get.
    pub default_storage: Option<String>,
}

/// Reads all tables; hosts must differ.
pub(super) fn read(reader: &mut Reader) -> Vec<ClusterConfig> {
    let Some(value) = reader.list("clusters") else { return Vec::new() };
    let Some(list) = value.as_array().map(<[Value]>::to_vec) else {
        reader.mistake("clusters", Some(&value), "a list of tables is expected: [[clusters]]");
        return Vec::new();
    };
    let mut hosts = BTreeSet::new();
    let mut clusters = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let prefix = format!("clusters[{index}]");
        let Some(dict) = value.as_dict().cloned() else {
            reader.mistake(&prefix, Some(value), "a table is expected");
            continue;
        };
        reader.refuse_unknown_in("clusters", &prefix, &dict);
        if let Some(cluster) = one(reader, &prefix, value, &dict) {
            if !hosts.insert(cluster.host.clone()) {
                reader.mistake(&format!("{prefix}.host"), Some(value), format!("{} is declared twice", cluster.host));
            }
            clusters.push(cluster);
        }
    }
    clusters
}

fn one(reader: &mut Reader, prefix: &str, table: &Value, dict: &Dict) -> Option<ClusterConfig> {
    let mut field = Fields { reader, prefix, dict };
    let host = field.take("host", None, |value| ClusterHost::parse(text(value)?).map(Some).map_err(|e| e.message));
    if host.is_none() && !dict.contains_key("host") {
        field.missing("host", table, "every cluster needs a host");
    }
    let fingerprints = field.take("fingerprints", Vec::new(), |value| {
        let list = texts(value)?;
        match list.iter().find(|text| !is_fingerprint(text)) {
            Some(wrong) => Err(format!("{wrong:?} is not a SHA-256 fingerprint (64 hex digits, colons allowed)")),
            None => Ok(list),
        }
    });
    let ca_file = field.take("ca_file", None, |value| {
        let path = PathBuf::from(text(value)?);
        std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(Some(path))
    });
    let token_id = field.take("token_id", String::new(), |value| {
        let id = text(value)?;
        let fits = id.split_once('!').is_some_and(|(user, name)| user.contains('@') && !name.is_empty());
        if fits { Ok(id) } else { Err(format!("{id:?} is not a token id (user@realm!name)")) }
    });
    if !dict.contains_key("token_id") {
        field.missing("token_id", table, "bnpd needs an API token of the cluster, see docs/operator-token.md");
    }
    let token_secret = secret(&mut field, table, dict);
    let optional = |field: &mut Fields<'_>, name| {
        field.take(name, None, |value| Ok(Some(text(value)?).filter(|text| !text.is_empty())))
    };
    let (name, base_domain) = (optional(&mut field, "name"), optional(&mut field, "base_domain"));
    let (default_node, default_storage) =
        (optional(&mut field, "default_node"), optional(&mut field, "default_storage"));
    let addresses = field.take("addresses", Vec::new(), |value| {
        let list = texts(value)?;
        match list.iter().find_map(|address| ClusterHost::parse(address.as_str()).err()) {
            Some(wrong) => Err(wrong.message),
            None => Ok(list),
        }
    });
    let supernets = field.take("supernets", vec!["10.11.0.0/16".to_owned()], |value| {
        let list = texts(value)?;
        match list.iter().find(|net| !is_supernet(net)) {
            Some(wrong) => Err(format!("{wrong:?} is not an IPv4 network of 10.0.0.0/8 in CIDR form")),
            None => Ok(list),
        }
    });
    let host = host?;
    Some(ClusterConfig {
        name: name.unwrap_or_else(|| host.to_string()),
        host,
        addresses,
        fingerprints,
        ca_file,
        token_id,
        token_secret,
        base_domain,
        supernets,
        default_node,
        default_storage,
    })
}

/// The token's secret: given in the file, the environment, or a file of its own; exactly one of them.
fn secret(field: &mut Fields<'_>, table: &Value, dict: &Dict) -> SecretString {
    match (dict.contains_key("token_secret"), dict.contains_key("token_secret_file")) {
        (true, true) => field.missing("token_secret", table, "give token_secret or token_secret_file, not both"),
        (false, false) => field.missing("token_secret_file", table, "the token's secret is missing"),
        _ => {}
    }
    let inline = field.take("token_secret", String::new(), |value| match text(value)? {
        empty if empty.is_empty() => Err("the secret is empty".to_owned()),
        secret => Ok(secret),
    });
    let from_file = field.take("token_secret_file", String::new(), |value| {
        let path = PathBuf::from(text(value)?);
        let secret =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        match secret.trim() {
            "" => Err(format!("{} is empty", path.display())),
            secret => Ok(secret.to_owned()),
        }
    });
    SecretString::from(if inline.is_empty() { from_file } else { inline })
}

fn is_fingerprint(text: &str) -> bool {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_supernet(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let (Ok(address), Ok(length)) = (address.parse::<std::net::Ipv4Addr>(), length.parse::<u32>()) else {
        return false;
    };
    let bits = u32::from(address);
    address.octets()[0] == 10 && (8..=24).contains(&length) && bits.checked_shl(length).unwrap_or_default() == 0
}

/// The fields of one table.
struct Fields<'a> {
    reader: &'a mut Reader,
    prefix: &'a str,
    dict: &'a Dict,
}

impl Fields<'_> {
    fn take<T>(&mut self, name: &str, fallback: T, parse: impl FnOnce(&Value) -> Result<T, String>) -> T {
        let secret = super::keys::find("clusters", name).is_some_and(|key| key.secret);
        let key = format!("{}.{name}", self.prefix);
        self.reader.take_value(&key, secret, self.dict.get(name), fallback, parse)
    }

    fn missing(&mut self, name: &str, table: &Value, message: &str) {
        let key = format!("{}.{name}", self.prefix);
        self.reader.mistake(&key, Some(table), message);
    }
}
