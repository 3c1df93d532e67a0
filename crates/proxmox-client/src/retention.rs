//! How many backups are kept, in the words that both products use.
//!
//! A backup server takes each number as a parameter of its own; PVE takes one text (`keep-last=3,keep-daily=7`), which is what
//! [`Retention`] prints as and is read from.

use std::fmt;
use std::str::FromStr;

use crate::ids::InvalidId;

/// What is kept of a group of backups. Without any number everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Retention {
    /// How many of the latest.
    pub last: Option<u32>,
    /// One an hour, for so many hours.
    pub hourly: Option<u32>,
    /// One a day, for so many days.
    pub daily: Option<u32>,
    /// One a week, for so many weeks.
    pub weekly: Option<u32>,
    /// One a month, for so many months.
    pub monthly: Option<u32>,
    /// One a year, for so many years.
    pub yearly: Option<u32>,
}

const KEEP_ALL: &str = "keep-all=1";

impl Retention {
    /// Keeps everything.
    #[must_use]
    pub const fn everything() -> Self {
        Self { last: None, hourly: None, daily: None, weekly: None, monthly: None, yearly: None }
    }

    /// Keeps so many of the latest.
    #[must_use]
    pub const fn last(count: u32) -> Self {
        Self { last: Some(count), ..Self::everything() }
    }

    /// Whether everything is kept.
    #[must_use]
    pub fn keeps_everything(&self) -> bool {
        *self == Self::everything()
    }

    /// The numbers that are set, by the server's words for them.
    pub fn numbers(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let Self { last, hourly, daily, weekly, monthly, yearly } = *self;
        NAMES.into_iter().zip([last, hourly, daily, weekly, monthly, yearly]).filter_map(|(name, n)| Some((name, n?)))
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<u32>> {
        Some(match name {
            "keep-last" => &mut self.last,
            "keep-hourly" => &mut self.hourly,
            "keep-daily" => &mut self.daily,
            "keep-weekly" => &mut self.weekly,
            "keep-monthly" => &mut self.monthly,
            "keep-yearly" => &mut self.yearly,
            _ => return None,
        })
    }
}

const NAMES: [&str; 6] = ["keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly"];

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.keeps_everything() {
            return f.write_str(KEEP_ALL);
        }
        for (at, (name, number)) in self.numbers().enumerate() {
            write!(f, "{}{name}={number}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Retention {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = |reason| InvalidId::new("retention", text, reason);
        let mut all = Self::everything();
        if text == KEEP_ALL {
            return Ok(all);
        }
        for part in text.split(',') {
            let (name, number) = part.split_once('=').ok_or_else(|| bad("must be keep-…=NUMBER, with commas"))?;
            let slot =
                all.slot(name).ok_or_else(|| bad("has a word that is none of keep-last, keep-daily and so on"))?;
            let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            let number = number.parse().ok().filter(|_| plain).ok_or_else(|| bad("has something that is no number"))?;
            if slot.replace(number).is_some() {
                return Err(bad("says the same twice"));
            }
        }
        Ok(all)
    }
}

#[cfg(feature = "pbs")]
impl crate::params::ParamSet for Retention {
    fn describe() -> Vec<crate::call::Param> {
        let kind = crate::params::Kind::Integer;
        NAMES.iter().map(|&name| crate::call::Param { name, kind, required: false, choices: &[] }).collect()
    }
    fn put(&self, out: &mut crate::params::Params) {
        for (name, number) in self.numbers() {
            out.push(name, number.to_string());
        }
    }
}

#[cfg(feature = "pbs")]
crate::params::nested!(Retention);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "3",
            "keep-last",
            "keep-last=",
            "keep-last=x",
            "keep-last=+1",
            "keep-last=1,",
            "keep-all=1,keep-last=1",
            "keep-last=1,keep-last=2",
            "keep-ever=1",
        ] {
            assert!(bad.parse::<Retention>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_set_keeps_everything() {
        assert_eq!(Retention::everything().to_string(), "keep-all=1");
        assert_eq!(Retention { daily: Some(7), ..Retention::last(3) }.to_string(), "keep-last=3,keep-daily=7");
    }

    proptest! {
        #[test]
        fn text_round_trip(numbers: [Option<u32>; 6]) {
            let [last, hourly, daily, weekly, monthly, yearly] = numbers;
            let all = Retention { last, hourly, daily, weekly, monthly, yearly };
            prop_assert_eq!(all.to_string().parse::<Retention>().unwrap(), all);
        }
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            if let Ok(parsed) = text.parse::<Retention>() {
                prop_assert_eq!(parsed.to_string().parse::<Retention>().unwrap(), parsed);
            }
        }
    }
}
