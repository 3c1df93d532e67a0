//! The whole API of PVE 9, described compactly: who may make each call and which parameters it takes.
//!
//! Calls that nobody has simulated are refused exactly like the others (permission, parameters) and answer `501` only after that; simulated ones take their
//! description from here when they come with a handler alone ([`describe`]). The texts beside this file are our own notation:
//!
//! ```text
//! props NAME                       a property string, named by parameters below
//!  KEY KIND ATTRIBUTES…
//! VERB /path/{param} FLAGS…        @node: runs on that node · !token: not for API tokens · open: takes more · since=9.2
//!  = PERMISSION                    root · all · world · (all PATH PRIV…) · (any …) · (and …) · (or …) · (given PARAM …) · (modify PATH) · (self) …
//!  PARAM KIND ATTRIBUTES…          KIND: s i n b x, or `a` and one of these for an array
//! ```
//!
//! Attributes: `?` optional, `default` (key of a property string), `requires=`, `format=`, `props=`, `min=`, `max=`, `minlen=`, `maxlen=`, `of=a|b` (`b@9.2`: since then),
//! `since=9.2`, `alias=`, and `pattern=`, which takes the rest of the line.

use std::collections::BTreeMap;

use crate::state::Cluster;
use crate::verify::property::PropertyString;
use crate::verify::{self, Param, Schema};

use super::check::{Check, GroupsParam};
use super::{Call, Endpoint, Fault, Handler, Outcome, Permission, Table};

/// The description of everything.
const TEXTS: &[&str] = &[
    include_str!("access.txt"),
    include_str!("ceph.txt"),
    include_str!("cluster.txt"),
    include_str!("firewall.txt"),
    include_str!("guest.txt"),
    include_str!("ha.txt"),
    include_str!("node.txt"),
    include_str!("sdn.txt"),
    include_str!("services.txt"),
];

/// All described calls; none of them does anything yet.
pub(super) fn endpoints() -> Vec<Endpoint> {
    TEXTS.iter().flat_map(|text| read(text)).collect()
}

impl Table {
    /// Gives calls that are described in the texts a handler. A call that is not described is left out; a test sees to it that there is none.
    pub(super) fn simulate<'a, C>(&mut self, calls: impl IntoIterator<Item = C>)
    where
        C: std::borrow::Borrow<(&'a str, &'a str, Handler)>,
    {
        for call in calls {
            let (method, template, handler) = call.borrow();
            if let Some(found) = self.find_template_mut(method, template) {
                found.handler = *handler;
                found.simulated = true;
            }
        }
    }
}

fn not_simulated(_: &mut Cluster, call: &Call) -> Outcome {
    Err(Fault::not_implemented(&call.method, &call.path))
}

/// Reads one text.
fn read(text: &'static str) -> Vec<Endpoint> {
    let mut strings: BTreeMap<&str, PropertyString> = BTreeMap::new();
    let mut found = Vec::new();
    let mut blocks: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix(' '), blocks.last_mut()) {
            (Some(line), Some((_, lines))) => lines.push(line),
            _ => blocks.push((line, Vec::new())),
        }
    }
    for (head, lines) in blocks {
        match head.strip_prefix("props ") {
            Some(name) => {
                let string = property_string(&lines, &strings);
                strings.insert(name, string);
            }
            None => found.extend(endpoint(head, &lines, &strings)),
        }
    }
    found
}

fn property_string(lines: &[&str], known: &BTreeMap<&str, PropertyString>) -> PropertyString {
    let word = |line: &str, key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)).map(str::to_owned);
    let real = lines.iter().filter(|line| word(line, "alias=").is_none());
    let mut string = PropertyString::new(real.filter_map(|line| param(line, known)).collect());
    for line in lines {
        let name = line.split(' ').next().unwrap_or_default();
        if line.split(' ').any(|word| word == "default") {
            string = string.default_key(name);
        }
        if let Some(key) = word(line, "alias=") {
            string = string.alias(name, &key, word(line, "key=").as_deref());
        }
    }
    string
}

fn endpoint(head: &'static str, lines: &[&str], strings: &BTreeMap<&str, PropertyString>) -> Option<Endpoint> {
    let mut words = head.split(' ');
    let (method, template) = (words.next()?, words.next()?);
    let mut endpoint = Endpoint::new(method, template, not_simulated);
    endpoint.simulated = false;
    let mut open = false;
    for flag in words {
        if let Some(name) = flag.strip_prefix('@') {
            endpoint.proxy = Some(name.to_owned().into());
        } else if let Some(version) = flag.strip_prefix("since=") {
            endpoint.since = version_of(version);
        } else {
            match flag {
                "!token" => endpoint.allow_token = false,
                "open" => open = true,
                _ => {}
            }
        }
    }
    let mut params = Vec::new();
    for line in lines {
        match line.strip_prefix("= ") {
            Some(text) => endpoint.permission = permission(text),
            None => params.extend(param(line, strings)),
        }
    }
    // The last parameter of these takes the rest of the path.
    for last in ["{volume}", "{cidr}"] {
        if let Some(base) = template.strip_suffix(last) {
            endpoint.template = format!("{base}{{*{}", last.trim_start_matches('{')).into();
        }
    }
    let schema = Schema::new(params);
    endpoint.schema = if open { schema.with_additional() } else { schema };
    Some(endpoint)
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn param(line: &str, strings: &BTreeMap<&str, PropertyString>) -> Option<Param> {
    let (line, pattern) = match line.split_once(" pattern=") {
        Some((line, pattern)) => (line, Some(pattern)),
        None => (line, None),
    };
    let mut words = line.split(' ');
    let (name, kind) = (words.next()?, words.next()?);
    let (base, is_numbered) = match name.strip_suffix("[n]") {
        Some(base) => (base, true),
        None => (name, false),
    };
    let of_kind = |kind: &str| match kind {
        "i" => verify::integer(base),
        "n" => verify::number(base),
        "b" => verify::boolean(base),
        "s" => verify::text(base),
        _ => verify::any(base),
    };
    let item = kind.strip_prefix('a');
    // Attributes of an array are those of its elements, but for whether it has to be there.
    let mut param = of_kind(item.unwrap_or(kind));
    let mut optional = false;
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "?" => optional = true,
            "requires" => param = param.requires(value),
            "format" => param = param.format(value),
            "props" => param = param.properties(strings.get(value).cloned().unwrap_or_default()),
            "min" => param.minimum = value.parse().ok(),
            "max" => param.maximum = value.parse().ok(),
            "minlen" => param.min_length = value.parse().ok(),
            "maxlen" => param.max_length = value.parse().ok(),
            "of" => {
                let values: Vec<(&str, Option<&str>)> = value
                    .split('|')
                    .map(|value| value.split_once('@').map_or((value, None), |(value, since)| (value, Some(since))))
                    .collect();
                param = param.one_of(&values.iter().map(|(value, _)| *value).collect::<Vec<_>>());
                let later =
                    values.iter().filter_map(|(value, since)| Some(((*value).to_owned(), version_of((*since)?)?)));
                param.values_since = later.collect();
            }
            "since" => param.since = version_of(value),
            _ => {}
        }
    }
    if let Some(pattern) = pattern {
        param = param.pattern(pattern);
    }
    let since = param.since;
    if item.is_some() {
        param = verify::array(base, param);
        param.since = since;
    }
    if is_numbered {
        param = param.numbered(last_number(base));
    }
    param.optional = optional;
    Some(param)
}

/// How far numbered parameters go.
fn last_number(base: &str) -> u32 {
    match base {
        "ide" => 3,
        "parallel" => 2,
        "serial" => 3,
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

fn permission(text: &str) -> Permission {
    match text {
        "root" => Permission::RootOnly,
        "all" => Permission::All,
        "world" => Permission::World,
        expression => check(expression).map_or(Permission::RootOnly, Permission::Check),
    }
}

/// `(any / Sys.Audit Sys.Modify)`, `(or (…) (…))`.
fn check(text: &str) -> Option<Check> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let (word, rest) = inner.split_once(' ').unwrap_or((inner, ""));
    let owned = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    Some(match word {
        "and" => Check::And(parts(rest).into_iter().filter_map(check).collect()),
        "or" => Check::Or(parts(rest).into_iter().filter_map(check).collect()),
        "all" | "any" => {
            let (path, privileges) = rest.split_once(' ')?;
            let any = word == "any";
            Check::Perm { path: path.to_owned(), privileges: owned(privileges), any, require_param: None }
        }
        "given" => {
            let (name, rest) = rest.split_once(' ')?;
            match check(rest)? {
                Check::Perm { path, privileges, any, .. } => {
                    Check::Perm { path, privileges, any, require_param: Some(name.to_owned()) }
                }
                other => other,
            }
        }
        "self" => Check::UserSelf,
        "realm" => Check::RealmAllocateUser,
        "groups" => {
            let (how, privileges) = rest.split_once(' ')?;
            let groups = match how {
                "create" => GroupsParam::Create,
                "update" => GroupsParam::Update,
                _ => GroupsParam::Ignored,
            };
            Check::UseridGroup { privileges: owned(privileges), groups }
        }
        "modify" => Check::PermModify(rest.to_owned()),
        _ => return None,
    })
}

/// The bracketed parts of a text, one level deep.
fn parts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    found.extend(text.get(start..=at));
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_understood() {
        for text in TEXTS {
            let heads = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
            let described = read(text);
            assert_eq!(heads.count(), described.len());
            for line in text.lines().filter(|line| line.starts_with(" = (")) {
                assert!(check(line.trim_start_matches(" = ")).is_some(), "{line}");
            }
        }
    }

    #[test]
    fn every_typed_call_is_simulated() {
        let table = Table::pve();
        let mut missing = Vec::new();
        for typed in proxmox_client::calls::all().filter(|call| call.product == proxmox_client::Product::Pve) {
            let shape = |template: &str| template.replace("{*", "{");
            let mut found = table.endpoints().filter(|endpoint| {
                endpoint.method == typed.method.as_str() && shape(&endpoint.template) == typed.template
            });
            let answers = |endpoint: &Endpoint| !std::ptr::fn_addr_eq(endpoint.handler, not_simulated as Handler);
            if !found.any(answers) {
                missing.push(format!("{typed:?}"));
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
    }

    #[test]
    fn permissions_nest() {
        let text = "(or (and (all /a A) (any /b B C)) (given pool (all /pool/{pool} P)))";
        let Some(Check::Or(all)) = check(text) else { panic!("not understood") };
        assert!(
            matches!(all.as_slice(), [Check::And(two), Check::Perm { require_param: Some(_), .. }] if two.len() == 2)
        );
    }
}
