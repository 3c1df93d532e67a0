//! The id of a task, of PVE and of PBS.

use std::fmt;
use std::str::FromStr;

use super::{AuthId, InvalidId, path_segment, serde_as_text};

/// The id of a task. It names the node that runs it, when it began and on whose behalf, and prints back to exactly
/// the text it was read from.
///
/// PVE: `UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:`; PBS has a task number before the start time, and escapes the
/// id (`:` as `\x3a`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upid {
    text: String,
    task: UpidTask,
}

/// What the fields of a [`Upid`] say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpidTask {
    /// The node that runs the task. Only this node answers for it.
    pub node: String,
    /// Process number on that node.
    pub pid: u32,
    /// Start of the process in kernel ticks since boot.
    pub pstart: u64,
    /// Number of the task within its process (PBS only).
    pub task_number: Option<u64>,
    /// When it began, Unix seconds.
    pub start_time: u64,
    /// The kind of work (`qmstart`, `vzdump`, …).
    pub kind: String,
    /// What it works on (a VMID, a volume), unescaped; empty when it is about no one thing.
    pub id: String,
    /// Who started it. PVE sometimes writes a user that is no longer a valid id; it is kept as text.
    pub user: String,
}

impl Upid {
    /// The fields.
    #[must_use]
    pub const fn task(&self) -> &UpidTask {
        &self.task
    }

    /// The node that runs the task.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.task.node
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text as one segment of a URL path.
    #[must_use]
    pub fn to_path_segment(&self) -> String {
        path_segment(&self.text)
    }

    /// Who started it, when the user field is a valid id.
    #[must_use]
    pub fn auth_id(&self) -> Option<AuthId> {
        self.task.user.parse().ok()
    }

    /// Writes the id of a task of PVE, as a server would.
    ///
    /// # Errors
    /// When a field holds a character that has a meaning of its own.
    pub fn for_pve(task: &UpidTask) -> Result<Self, InvalidId> {
        format!(
            "UPID:{}:{:08X}:{:08X}:{:08X}:{}:{}:{}:",
            task.node, task.pid, task.pstart, task.start_time, task.kind, task.id, task.user
        )
        .parse()
    }

    /// Writes the id of a task of PBS, as a server would: the id is escaped.
    ///
    /// # Errors
    /// When a field other than the id holds a character that has a meaning of its own.
    pub fn for_pbs(task: &UpidTask) -> Result<Self, InvalidId> {
        format!(
            "UPID:{}:{:08X}:{:08X}:{:08X}:{:08X}:{}:{}:{}:",
            task.node,
            task.pid,
            task.pstart,
            task.task_number.unwrap_or_default(),
            task.start_time,
            task.kind,
            escape(&task.id),
            task.user
        )
        .parse()
    }
}

/// A hexadecimal field of `min` to `max` digits.
fn hex(text: &str, min: usize, max: usize) -> Option<u64> {
    let digits = (min..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if digits { u64::from_str_radix(text, 16).ok() } else { None }
}

impl FromStr for Upid {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = |reason| InvalidId::new("UPID", text, reason);
        if text.len() > 1024 || text.chars().any(char::is_control) {
            return Err(bad("is too long or has control characters"));
        }
        let fields: Vec<&str> = text.split(':').collect();
        let (head, task_number, tail) = match fields.as_slice() {
            ["UPID", node, pid, pstart, start, kind, id, user, ""] => {
                ((node, pid, pstart), None, (start, kind, id, user))
            }
            ["UPID", node, pid, pstart, number, start, kind, id, user, ""] => {
                let number = hex(number, 8, 16).ok_or_else(|| bad("the task number is not hexadecimal"))?;
                ((node, pid, pstart), Some(number), (start, kind, id, user))
            }
            _ => return Err(bad("has not the fields of a task id of PVE or PBS")),
        };
        let (node, pid, pstart) = head;
        let (start, kind, id, user) = tail;
        if !super::is_safe_id(node) {
            return Err(bad("the node is not a host name"));
        }
        let pid = hex(pid, 8, 8).and_then(|n| u32::try_from(n).ok()).ok_or_else(|| bad("the process number is bad"))?;
        let pstart = hex(pstart, 8, 9).ok_or_else(|| bad("the process start is not hexadecimal"))?;
        let start_time = hex(start, 8, 8).ok_or_else(|| bad("the start time is not hexadecimal"))?;
        if kind.is_empty() || kind.contains([' ', '/']) || user.is_empty() || user.contains(' ') {
            return Err(bad("the type or the user is empty or has a blank"));
        }
        let id = if task_number.is_some() {
            unescape(id).ok_or_else(|| bad("the id is badly escaped"))?
        } else {
            (*id).to_owned()
        };
        let task = UpidTask {
            node: (*node).to_owned(),
            pid,
            pstart,
            task_number,
            start_time,
            kind: (*kind).to_owned(),
            id,
            user: (*user).to_owned(),
        };
        Ok(Self { text: text.to_owned(), task })
    }
}

/// systemd's unit escaping, as PBS uses it for the id.
fn escape(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for (at, byte) in id.bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if at == 0 => out.push_str("\\x2e"),
            b if b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.') => out.push(char::from(b)),
            b => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out
}

/// Takes the escaping back; `None` when it is malformed or not UTF-8.
fn unescape(id: &str) -> Option<String> {
    let mut out = Vec::with_capacity(id.len());
    let mut rest = id.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'-' => out.push(b'/'),
            b'\\' => {
                if rest.next() != Some(b'x') {
                    return None;
                }
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

serde_as_text!(Upid);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pve_fields() {
        let upid: Upid = "UPID:pve1:0000B1E5:1AB0002C3:69286A6F:qmstart:100:root@pam!lab:".parse().unwrap();
        assert_eq!(upid.node(), "pve1");
        assert_eq!(upid.task().pstart, 0x1_AB00_02C3, "nine digits after 497 days of uptime");
        assert_eq!(upid.task().kind, "qmstart");
        assert_eq!(upid.auth_id().unwrap(), "root@pam!lab".parse().unwrap());
        assert_eq!(
            upid.to_path_segment(),
            "UPID%3Apve1%3A0000B1E5%3A1AB0002C3%3A69286A6F%3Aqmstart%3A100%3Aroot%40pam%21lab%3A"
        );
    }

    #[test]
    fn pbs_fields_are_unescaped() {
        let text = r"UPID:pbs1:0000020C:000005B9:00000004:69286A6F:verificationjob:ds1\x3av\x2d1:root@pam!lab:";
        let upid: Upid = text.parse().unwrap();
        assert_eq!(upid.task().id, "ds1:v-1");
        assert_eq!(upid.task().task_number, Some(4));
        assert_eq!(upid.to_string(), text);
        assert_eq!(Upid::for_pbs(upid.task()).unwrap(), upid);
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in [
            "",
            "UPID",
            "UPID:pve:1:2:3:t:i:u:",
            "UPID:pve1:0000B1E5:000002C3:69286A6F:qmstart:100:root@pam",
            "UPID:pve1:0000B1EG:000002C3:69286A6F:qmstart:100:root@pam:",
            "UPID:p/1:0000B1E5:000002C3:69286A6F:qmstart:100:root@pam:",
            "UPID:pve1:0000B1E5:000002C3:69286A6F::100:root@pam:",
            r"UPID:pbs1:0000020C:000005B9:00000004:69286A6F:v:a\x3:root@pam:",
        ] {
            assert!(text.parse::<Upid>().is_err(), "{text:?}");
        }
    }

    prop_compose! {
        fn any_task()(
            node in "[a-z][a-z0-9-]{0,10}", pid: u32, pstart in 0u64..=0xF_FFFF_FFFF, number: u64,
            start_time in 0u64..=0xFFFF_FFFF, kind in "[a-z]{1,12}", id in "[a-zA-Z0-9@/. -]{0,12}",
            user in "[a-z]{1,8}@(pam|pve|pbs)(![a-z]{2,5})?",
        ) -> UpidTask {
            UpidTask { node, pid, pstart, task_number: Some(number), start_time, kind, id, user }
        }
    }

    proptest! {
        #[test]
        fn pbs_round_trip(task in any_task(), id in ".{0,10}") {
            let task = UpidTask { id: id.chars().filter(|c| !c.is_control()).collect(), ..task };
            let upid = Upid::for_pbs(&task).unwrap();
            prop_assert_eq!(upid.task(), &task);
            prop_assert_eq!(upid.to_string().parse::<Upid>().unwrap(), upid);
        }
        #[test]
        fn pve_round_trip(task in any_task()) {
            let task = UpidTask { task_number: None, ..task };
            let upid = Upid::for_pve(&task).unwrap();
            prop_assert_eq!(upid.task(), &task);
            prop_assert_eq!(upid.to_string().parse::<Upid>().unwrap(), upid);
        }
        #[test]
        fn never_panics(text in "(UPID)?[:A-Fa-f0-9xz\\\\@-]{0,80}") {
            if let Ok(parsed) = text.parse::<Upid>() {
                prop_assert_eq!(parsed.to_string(), text);
            }
        }
    }
}
