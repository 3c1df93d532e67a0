//! Calendar events (`daily`, `mon..fri 02:30`, `*-*-01 04:00`, `*/15`): parsing and the next time that one is due.

use time::{Date, Duration, OffsetDateTime, Time};

/// A parsed calendar event. Times are UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEvent {
    /// Days of the week, Monday first; none means every day.
    weekdays: Vec<u8>,
    year: Field,
    month: Field,
    day: Field,
    hour: Field,
    minute: Field,
    second: Field,
}

/// The values that one field may have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Any,
    OneOf(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// From, to.
    Range(u32, u32),
    /// From, step.
    Step(u32, u32),
}

impl Field {
    fn only(value: u32) -> Self {
        Self::OneOf(vec![Part::Range(value, value)])
    }

    fn holds(&self, value: u32) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(parts) => parts.iter().any(|part| match part {
                Part::Range(from, to) => (*from..=*to).contains(&value),
                Part::Step(from, step) => value >= *from && (value - from).is_multiple_of(*step),
            }),
        }
    }

    fn parse(text: &str, min: u32, max: u32) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let number = |text: &str| -> Option<u32> {
            let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|n| digits && (min..=max).contains(n))
        };
        let mut parts = Vec::new();
        for part in text.split(',') {
            parts.push(if let Some((from, step)) = part.split_once('/') {
                let from = if from == "*" { min } else { number(from)? };
                Part::Step(from, step.parse().ok().filter(|step| *step > 0 && *step <= max)?)
            } else if let Some((from, to)) = part.split_once("..") {
                let (from, to) = (number(from)?, number(to)?);
                if from > to {
                    return None;
                }
                Part::Range(from, to)
            } else {
                let only = number(part)?;
                Part::Range(only, only)
            });
        }
        Some(Self::OneOf(parts))
    }
}

const WEEKDAYS: [(&str, &str); 7] = [
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("wed", "wednesday"),
    ("thu", "thursday"),
    ("fri", "friday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];

fn weekday(text: &str) -> Option<u8> {
    let text = text.to_ascii_lowercase();
    let at = WEEKDAYS.iter().position(|(short, long)| *short == text || *long == text)?;
    u8::try_from(at).ok()
}

fn weekdays(text: &str) -> Option<Vec<u8>> {
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once("..") {
            Some((from, to)) => {
                let (from, to) = (weekday(from)?, weekday(to)?);
                if from > to {
                    return None;
                }
                days.extend(from..=to);
            }
            None => days.push(weekday(part)?),
        }
    }
    Some(days)
}

impl CalendarEvent {
    /// Parses; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let midnight = Self {
            weekdays: Vec::new(),
            year: Field::Any,
            month: Field::Any,
            day: Field::Any,
            hour: Field::only(0),
            minute: Field::only(0),
            second: Field::only(0),
        };
        let first = Field::only(1);
        match text.trim().to_ascii_lowercase().as_str() {
            "" => return None,
            "minutely" => return Some(Self { hour: Field::Any, minute: Field::Any, ..midnight }),
            "hourly" => return Some(Self { hour: Field::Any, ..midnight }),
            "daily" => return Some(midnight),
            "weekly" => return Some(Self { weekdays: vec![0], ..midnight }),
            "monthly" => return Some(Self { day: first, ..midnight }),
            "yearly" | "annually" => return Some(Self { day: first.clone(), month: first, ..midnight }),
            "quarterly" => return Some(Self { day: first, month: Field::parse("1,4,7,10", 1, 12)?, ..midnight }),
            "semiannually" | "semi-annually" => {
                return Some(Self { day: first, month: Field::parse("1,7", 1, 12)?, ..midnight });
            }
            _ => {}
        }
        let mut event = midnight;
        let mut seen = (false, false, false);
        for word in text.split_whitespace() {
            if word.starts_with(|c: char| c.is_ascii_alphabetic()) && seen == (false, false, false) {
                event.weekdays = weekdays(word)?;
                seen.0 = true;
            } else if word.contains('-') && !seen.1 && !seen.2 {
                event.set_date(word)?;
                seen.1 = true;
            } else if !seen.2 && (word.contains(':') || !seen.1) {
                event.set_time(word)?;
                seen.2 = true;
            } else {
                return None;
            }
        }
        Some(event)
    }

    fn set_date(&mut self, word: &str) -> Option<()> {
        let mut fields = word.split('-').rev();
        self.day = Field::parse(fields.next()?, 1, 31)?;
        self.month = Field::parse(fields.next()?, 1, 12)?;
        if let Some(year) = fields.next() {
            self.year = Field::parse(year, 1970, 9999)?;
        }
        fields.next().is_none().then_some(())
    }

    fn set_time(&mut self, word: &str) -> Option<()> {
        let fields: Vec<&str> = word.split(':').collect();
        match fields.as_slice() {
            [minute] => {
                self.hour = Field::Any;
                self.minute = Field::parse(minute, 0, 59)?;
            }
            [hour, minute] | [hour, minute, _] => {
                self.hour = Field::parse(hour, 0, 23)?;
                self.minute = Field::parse(minute, 0, 59)?;
            }
            _ => return None,
        }
        if let [_, _, second] = fields.as_slice() {
            self.second = Field::parse(second, 0, 59)?;
        }
        Some(())
    }

    /// The next time after this one (Unix seconds) at which it is due; `None` when there is none in the next nine years.
    #[must_use]
    pub fn next_after(&self, now: i64) -> Option<i64> {
        let start = OffsetDateTime::from_unix_timestamp(now.saturating_add(1)).ok()?;
        let mut date = start.date();
        let mut from = start.time();
        for _ in 0..366 * 9 {
            if self.day_fits(date)
                && let Some(time) = self.time_from(from)
            {
                return Some(OffsetDateTime::new_utc(date, time).unix_timestamp());
            }
            date = date.checked_add(Duration::DAY)?;
            from = Time::MIDNIGHT;
        }
        None
    }

    fn day_fits(&self, date: Date) -> bool {
        let weekday = date.weekday().number_days_from_monday();
        (self.weekdays.is_empty() || self.weekdays.contains(&weekday))
            && self.year.holds(u32::try_from(date.year()).unwrap_or(0))
            && self.month.holds(u32::from(u8::from(date.month())))
            && self.day.holds(u32::from(date.day()))
    }

    fn time_from(&self, from: Time) -> Option<Time> {
        let mut second_of_day =
            u32::from(from.hour()) * 3600 + u32::from(from.minute()) * 60 + u32::from(from.second());
        while second_of_day < 86_400 {
            let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
            if !self.hour.holds(hour) {
                second_of_day = (hour + 1) * 3600;
            } else if !self.minute.holds(minute) {
                second_of_day = (hour * 60 + minute + 1) * 60;
            } else if !self.second.holds(second) {
                second_of_day += 1;
            } else {
                let part = |n: u32| u8::try_from(n).ok();
                return Time::from_hms(part(hour)?, part(minute)?, part(second)?).ok();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::CalendarEvent;

    /// 2026-11-21 02:07:12, a Saturday.
    const NOW: i64 = 1_795_226_832;

    fn next(text: &str) -> i64 {
        CalendarEvent::parse(text).unwrap().next_after(NOW).unwrap()
    }

    #[test]
    fn named_events_and_fields() {
        assert_eq!(next("daily"), 1_795_305_600);
        assert_eq!(next("hourly"), 1_795_230_000);
        assert_eq!(next("02:08"), NOW + 48);
        assert_eq!(next("mon..fri 00:00"), next("weekly"), "the next working day is Monday");
        assert_eq!(next("sat,sun 2:30"), NOW + 22 * 60 + 48);
        assert_eq!(next("*-12-24 12:00"), 1_798_113_600);
        assert_eq!(next("*/15"), NOW + 7 * 60 + 48);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "garbage !", "25:00", "mon..fri..sat", "12:60", "fri..mon", "1-2-3-4"] {
            assert_eq!(CalendarEvent::parse(text), None, "{text}");
        }
    }
}
