//! Reads typed values out of figment's layers and keeps every mistake instead of stopping at the first.

use std::collections::BTreeSet;
use std::str::FromStr;

use figment::Figment;
use figment::value::{Dict, Value};

use super::keys;
use super::mistake::Mistake;

/// A value as it stands after all layers, for `check-config`.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The key.
    pub key: String,
    /// The value as TOML, or `[redacted]`.
    pub value: String,
    /// Where it came from.
    pub source: String,
}

/// Reads a configuration and remembers what it saw.
pub(super) struct Reader {
    figment: Figment,
    /// What is wrong so far.
    pub mistakes: Vec<Mistake>,
    /// What was read, in order.
    pub shown: Vec<Shown>,
}

impl Reader {
    /// Starts on the layered values.
    pub(super) fn new(figment: Figment) -> Self {
        Self { figment, mistakes: Vec::new(), shown: Vec::new() }
    }

    /// Where a value came from, as a person would say it.
    fn source(&self, value: &Value) -> String {
        let Some(metadata) = self.figment.get_metadata(value.tag()) else { return "default".to_owned() };
        match &metadata.source {
            Some(figment::Source::File(path)) => format!("file {}", path.display()),
            _ => metadata.name.to_string(),
        }
    }

    /// Notes a mistake at a key.
    pub(super) fn mistake(&mut self, key: &str, value: Option<&Value>, message: impl Into<String>) {
        let source = value.map_or_else(|| "not given".to_owned(), |value| self.source(value));
        self.mistakes.push(Mistake { key: key.to_owned(), source, message: message.into() });
    }

    /// The raw value of a key of a section.
    pub(super) fn value(&self, section: &str, name: &str) -> Option<Value> {
        self.figment.find_value(&format!("{section}.{name}")).ok()
    }

    /// The raw value of a top-level key.
    pub(super) fn list(&self, section: &str) -> Option<Value> {
        self.figment.find_value(section).ok()
    }

    /// A value turned into what it stands for; `fallback` only fills the place of a mistaken value.
    pub(super) fn take<T>(
        &mut self,
        section: &'static str,
        name: &'static str,
        fallback: T,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> T {
        let value = self.value(section, name);
        let key = format!("{section}.{name}");
        self.take_value(&key, keys::find(section, name).is_some_and(|key| key.secret), value.as_ref(), fallback, parse)
    }

    /// The same for a value that was found elsewhere, as in a list's table.
    pub(super) fn take_value<T>(
        &mut self,
        key: &str,
        secret: bool,
        value: Option<&Value>,
        fallback: T,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> T {
        let Some(value) = value else { return fallback };
        let text = if secret { "[redacted]".to_owned() } else { render(value) };
        self.shown.push(Shown { key: key.to_owned(), value: text, source: self.source(value) });
        match parse(value) {
            Ok(parsed) => parsed,
            Err(message) => {
                self.mistake(key, Some(value), message);
                fallback
            }
        }
    }

    /// Notes every key that no part of the configuration knows.
    pub(super) fn refuse_unknown(&mut self) {
        let sections: BTreeSet<&str> = keys::SECTIONS.iter().map(|(name, _)| *name).collect();
        let Ok(all) = self.figment.extract::<Dict>() else { return };
        for (section, value) in &all {
            if !sections.contains(section.as_str()) {
                let hint = nearest(section, sections.iter().copied());
                self.mistake(section, Some(value), format!("no such section{hint}"));
            } else if section != "clusters" {
                match value.as_dict() {
                    Some(dict) => self.refuse_unknown_in(section, section, &dict.clone()),
                    None => self.mistake(section, Some(value), "a table is expected"),
                }
            }
        }
    }

    /// Notes the unknown keys of one table.
    pub(super) fn refuse_unknown_in(&mut self, section: &str, prefix: &str, dict: &Dict) {
        for (name, value) in dict {
            if keys::find(section, name).is_none() {
                let known = keys::KEYS.iter().filter(|key| key.section == section).map(|key| key.name);
                let hint = nearest(name, known);
                self.mistake(&format!("{prefix}.{name}"), Some(value), format!("no such key{hint}"));
            }
        }
    }
}

/// `; did you mean …?` where a known word is near.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, candidate)| format!("; did you mean {candidate:?}?"))
        .unwrap_or_default()
}

/// How many letters differ (Levenshtein), for words of a configuration.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        for ((y, above), left_above) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            next.push((above + 1).min(left + 1).min(left_above + usize::from(x != *y)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A value as it would stand in the file.
fn render(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => number
            .to_u128()
            .map(|n| n.to_string())
            .or_else(|| number.to_i128().map(|n| n.to_string()))
            .or_else(|| number.to_f64().map(|n| n.to_string()))
            .unwrap_or_default(),
        Value::Char(_, c) => format!("{:?}", c.to_string()),
        Value::Empty(..) => String::new(),
        Value::Array(_, list) => format!("[{}]", list.iter().map(render).collect::<Vec<_>>().join(", ")),
        Value::Dict(_, dict) => {
            format!("{{{}}}", dict.iter().map(|(k, v)| format!("{k} = {}", render(v))).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text; a number given through the environment is taken as the text it was.
pub(super) fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(_, text) => Ok(text.clone()),
        Value::Num(..) | Value::Bool(..) => Ok(render(value)),
        Value::Char(_, c) => Ok(c.to_string()),
        _ => Err("a text in quotes is expected".to_owned()),
    }
}

/// A text that is something more.
pub(super) fn parsed<T: FromStr>(expected: &'static str) -> impl FnOnce(&Value) -> Result<T, String> {
    move |value| {
        let text = text(value)?;
        text.parse().map_err(|_| format!("{text:?} is not {expected}"))
    }
}

/// A whole number between bounds.
pub(super) fn whole(least: u64, most: u64) -> impl FnOnce(&Value) -> Result<u64, String> {
    move |value| {
        let number = match value {
            Value::Num(_, number) => unsigned(*number),
            Value::String(_, text) => text.parse().ok(),
            _ => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("a whole number from {least} to {most} is expected, got {}", render(value)))
    }
}

/// A number that is whole and not negative; the layers give signed ones (TOML) and unsigned ones (environment).
fn unsigned(number: figment::value::Num) -> Option<u64> {
    number
        .to_u128()
        .and_then(|n| u64::try_from(n).ok())
        .or_else(|| number.to_i128().and_then(|n| u64::try_from(n).ok()))
}

/// A list of texts; one text stands for a list of one.
pub(super) fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(_, list) => list.iter().map(text).collect(),
        Value::String(_, one) => Ok(vec![one.clone()]),
        _ => Err("a list of texts is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_key() {
        assert_eq!(nearest("lisen", ["listen", "tls_key"].into_iter()), "; did you mean \"listen\"?");
        assert_eq!(nearest("zzzzzzzz", ["listen"].into_iter()), "");
    }
}
