//! Which backups a retention policy keeps.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::guests::property::Property;

/// A retention policy: how many backups of each period stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    keep_all: bool,
    last: u64,
    hourly: u64,
    daily: u64,
    weekly: u64,
    monthly: u64,
    yearly: u64,
}

impl Policy {
    /// Reads `keep-last=3,keep-daily=7`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let property = Property::parse(text, "");
        let number = |key: &str| property.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        let mut policy = Self {
            keep_all: property.is_on("keep-all", false),
            last: number("keep-last"),
            hourly: number("keep-hourly"),
            daily: number("keep-daily"),
            weekly: number("keep-weekly"),
            monthly: number("keep-monthly"),
            yearly: number("keep-yearly"),
        };
        if [policy.last, policy.hourly, policy.daily, policy.weekly, policy.monthly, policy.yearly]
            .iter()
            .all(|n| *n == 0)
        {
            policy.keep_all = true;
        }
        policy
    }
}

/// One backup to decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub volid: String,
    /// Unix seconds.
    pub ctime: i64,
    /// Never removed and not counted.
    pub protected: bool,
}

/// `keep`, `remove` or `protected` for each backup of one group.
#[must_use]
pub fn marks(policy: Policy, backups: &[Candidate]) -> BTreeMap<String, &'static str> {
    let mut out = BTreeMap::new();
    let mut rest: Vec<&Candidate> = Vec::new();
    for backup in backups {
        if backup.protected {
            out.insert(backup.volid.clone(), "protected");
        } else {
            rest.push(backup);
        }
    }
    rest.sort_by(|a, b| b.ctime.cmp(&a.ctime).then(b.volid.cmp(&a.volid)));
    if policy.keep_all {
        out.extend(rest.iter().map(|backup| (backup.volid.clone(), "keep")));
        return out;
    }
    #[allow(clippy::type_complexity)]
    let periods: [(u64, &dyn Fn(&Candidate) -> String); 6] = [
        (policy.last, &|backup| format!("{}{}", backup.ctime, backup.volid)),
        (policy.hourly, &|backup| period(backup.ctime, Period::Hour)),
        (policy.daily, &|backup| period(backup.ctime, Period::Day)),
        (policy.weekly, &|backup| period(backup.ctime, Period::Week)),
        (policy.monthly, &|backup| period(backup.ctime, Period::Month)),
        (policy.yearly, &|backup| period(backup.ctime, Period::Year)),
    ];
    for (count, key) in periods {
        let kept: BTreeSet<String> =
            rest.iter().filter(|backup| out.get(&backup.volid) == Some(&"keep")).map(|backup| key(backup)).collect();
        let mut found = BTreeSet::new();
        for backup in &rest {
            if out.contains_key(&backup.volid) {
                continue;
            }
            let id = key(backup);
            if kept.contains(&id) {
                continue;
            }
            if !found.contains(&id) {
                if found.len() as u64 >= count {
                    break;
                }
                found.insert(id);
                out.insert(backup.volid.clone(), "keep");
            } else if count > 0 {
                out.insert(backup.volid.clone(), "remove");
            }
        }
    }
    for backup in rest {
        out.entry(backup.volid.clone()).or_insert("remove");
    }
    out
}

#[derive(Clone, Copy)]
enum Period {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

fn period(ctime: i64, period: Period) -> String {
    let at = OffsetDateTime::from_unix_timestamp(ctime).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    match period {
        Period::Hour => format!("{}/{}/{}/{}", at.hour(), at.day(), at.month(), at.year()),
        Period::Day => format!("{}/{}/{}", at.day(), at.month(), at.year()),
        Period::Week => {
            let (year, week, _) = at.to_iso_week_date();
            format!("{week}/{year}")
        }
        Period::Month => format!("{}/{}", at.month(), at.year()),
        Period::Year => at.year().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(volid: &str, ctime: i64, protected: bool) -> Candidate {
        Candidate { volid: volid.into(), ctime, protected }
    }

    #[test]
    fn the_newest_stays_and_protected_ones_do_not_count() {
        let all = [backup("a", 100, false), backup("b", 200, false), backup("c", 300, true)];
        let marks = marks(Policy::parse("keep-last=1"), &all);
        assert_eq!((marks["a"], marks["b"], marks["c"]), ("remove", "keep", "protected"));
    }

    #[test]
    fn one_a_day_keeps_the_last_of_each_day() {
        let day = 86_400;
        let all = [backup("a", day, false), backup("b", day + 60, false), backup("c", 2 * day, false)];
        let marks = marks(Policy::parse("keep-daily=2"), &all);
        assert_eq!((marks["a"], marks["b"], marks["c"]), ("remove", "keep", "keep"));
    }

    #[test]
    fn no_policy_keeps_everything() {
        assert_eq!(marks(Policy::parse(""), &[backup("a", 1, false)])["a"], "keep");
    }
}
