//! The configuration as text: the commented file that `bnpd init` writes and the table that `bnpd check-config` prints.

use std::fmt::Write as _;

use super::keys::{KEYS, Key, SECTIONS};
use super::read::Shown;

/// The commented configuration file; `set` gives values that differ from the defaults.
pub fn file(set: &[(&str, &str, String)]) -> String {
    let mut out = String::from(
        "# Configuration of bnpd. Every key stands here with its default; a line without '#' is in force.\n\
         # Order of authority: this file < environment (BNNA_SECTION__KEY=value) < flags.\n\
         # `bnpd check-config --config FILE` prints every value and where it came from.\n",
    );
    for (section, about) in SECTIONS {
        let list = *section == "clusters";
        let _ = write!(out, "\n# {about}\n");
        let _ = writeln!(out, "{}", if list { format!("# [[{section}]]") } else { format!("[{section}]") });
        for key in KEYS.iter().filter(|key| key.section == *section) {
            let _ = writeln!(out, "# {}", key.doc);
            let given =
                set.iter().find(|(s, name, _)| s == section && *name == key.name).map(|(_, _, value)| value.as_str());
            let _ = writeln!(out, "{}", line(key, given));
        }
    }
    out
}

fn line(key: &Key, given: Option<&str>) -> String {
    match (given, key.default) {
        (Some(value), _) => format!("{} = {value}", key.name),
        (None, Some(default)) => format!("# {} = {default}", key.name),
        (None, None) => format!("# {} = {}", key.name, key.example),
    }
}

/// Every value and where it came from, one a line.
pub fn table(shown: &[Shown]) -> String {
    let width =
        |of: fn(&Shown) -> &str| shown.iter().map(|row| of(row).chars().count()).max().unwrap_or_default().min(48);
    let (keys, values) = (width(|row| &row.key), width(|row| &row.value));
    let mut out = String::new();
    for row in shown {
        let _ = writeln!(out, "{:keys$}  {:values$}  {}", row.key, row.value, row.source);
    }
    out
}

/// The defaults as TOML, for the lowest layer.
pub(super) fn defaults() -> String {
    let mut out = String::new();
    for (section, _) in SECTIONS.iter().filter(|(section, _)| *section != "clusters") {
        let _ = writeln!(out, "[{section}]");
        for key in KEYS.iter().filter(|key| key.section == *section) {
            if let Some(default) = key.default {
                let _ = writeln!(out, "{} = {default}", key.name);
            }
        }
    }
    out
}
