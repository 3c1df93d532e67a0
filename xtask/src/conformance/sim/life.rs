//! A scripted life: calls as data, in `fixtures/conformance/life-*.txt`, one a line.
//!
//! ```text
//! # a remark
//! POST /nodes/{node=alpha}/lxc vmid=200 hostname="one two" -> NAME      keeps the answer as $NAME
//! GET  /nodes/{node=alpha}/tasks/{upid=$NAME}/status
//! POST /nodes/{node=alpha}/qemu/{vmid=1}/agent/exec command=ls -> PID=/pid     keeps a part of it
//! POST /nodes/{node=alpha}/qemu/{vmid=2}/status/start ! TASK some text         the task fails with these words
//! GET  /nodes/{node=alpha}/x ! 500 some text                                    the call is refused with these words
//! ticket PUT /access/password userid=a@pve password=secret123                 as root with a ticket
//! upload POST /nodes/{node=alpha}/storage/{storage=local}/upload content=iso filename=a.iso
//! stream GET /nodes/{node=alpha}/…                                             the answer is no JSON
//! from 9.0 GET /cluster/ha/rules                                               left out in releases before
//! before 9.0 GET /cluster/ha/groups                                            left out from this release on
//! ```
//!
//! A task that a call starts is waited for, and has to succeed, unless the line begins with `leave`.

use std::collections::BTreeMap;

use proxmox_client::Method;
use proxmox_client::call::Since;
use serde_json::Value;

/// How a step is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As any call, with the token.
    Token,
    /// With a ticket of root.
    Ticket,
    /// With a file.
    Upload,
    /// The answer is a stream.
    Stream,
    /// As any call; its task is not waited for.
    Leave,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// 200, and the task succeeds.
    Success,
    /// This status with these words.
    Refusal(u16, String),
    /// 200, and the task fails with these words.
    TaskFails(String),
}

/// One call.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its line in the script.
    pub line: usize,
    /// How it is sent.
    pub way: Way,
    /// The method.
    pub method: Method,
    /// The path with its parameters as `{name}`.
    pub template: String,
    /// The values of the path's parameters, in order.
    pub path: Vec<String>,
    /// The other parameters.
    pub params: Vec<(String, String)>,
    /// What is kept of the answer: name and JSON pointer.
    pub keep: Option<(String, String)>,
    /// What comes back.
    pub expected: Expected,
    /// Which releases have it.
    pub since: Since,
}

/// Reads a script.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| step(number, line).map_err(|fault| format!("line {number}: {fault}"))).collect()
}

fn step(line: usize, text: &str) -> Result<Step, String> {
    let (text, expected) = match text.split_once(" ! ") {
        None => (text, Expected::Success),
        Some((call, words)) => {
            let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
            let rest = rest.to_owned();
            (
                call,
                first.parse().map_or_else(
                    |_| Expected::TaskFails(rest.clone()),
                    |status| Expected::Refusal(status, rest.clone()),
                ),
            )
        }
    };
    let (text, keep) = match text.split_once(" -> ") {
        None => (text, None),
        Some((call, keep)) => {
            let (name, pointer) = keep.trim().split_once('=').unwrap_or((keep.trim(), ""));
            (call, Some((name.to_owned(), pointer.to_owned())))
        }
    };
    let mut words = words(text)?.into_iter();
    let mut word = words.next().ok_or("no method")?;
    let since = match word.as_str() {
        "from" | "before" => {
            let (major, minor) = release(&words.next().ok_or("no release")?)?;
            let since = if word == "from" { Since::From(major, minor) } else { Since::Before(major, minor) };
            word = words.next().ok_or("no method")?;
            since
        }
        _ => Since::Always,
    };
    let way = match word.as_str() {
        "ticket" => Way::Ticket,
        "upload" => Way::Upload,
        "stream" => Way::Stream,
        "leave" => Way::Leave,
        _ => Way::Token,
    };
    if way != Way::Token {
        word = words.next().ok_or("no method")?;
    }
    let method = super::super::recorded::method(&word).ok_or_else(|| format!("{word} is no method"))?;
    let (template, path) = template(&words.next().ok_or("no path")?)?;
    let params = words
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(format!("{pair} is no parameter")),
        })
        .collect::<Result<_, _>>()?;
    Ok(Step { line, way, method, template, path, params, keep, expected, since })
}

/// `9.0`
fn release(text: &str) -> Result<(u16, u16), String> {
    let numbers = text.split_once('.').map(|(major, minor)| (major.parse(), minor.parse()));
    match numbers {
        Some((Ok(major), Ok(minor))) => Ok((major, minor)),
        _ => Err(format!("{text} is no release")),
    }
}

/// Words between blanks; double quotes keep blanks, and braces do.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted, mut depth) = (Vec::new(), String::new(), false, 0_u32);
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            blank if blank.is_whitespace() && !quoted && depth == 0 => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => {
                depth = match other {
                    '{' => depth + 1,
                    '}' => depth.saturating_sub(1),
                    _ => depth,
                };
                word.push(other);
            }
        }
    }
    if quoted || depth > 0 {
        return Err("a quote or brace is not closed".to_owned());
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

/// `/nodes/{node=a}/x` as `/nodes/{node}/x` and `[a]`.
fn template(text: &str) -> Result<(String, Vec<String>), String> {
    let (mut template, mut values) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, then) = after.split_once('}').ok_or("a brace is not closed")?;
        let (name, value) = inside.split_once('=').ok_or_else(|| format!("{{{inside}}} has no value"))?;
        template.push_str(before);
        template.push_str(&format!("{{{name}}}"));
        values.push(value.to_owned());
        rest = then;
    }
    template.push_str(rest);
    Ok((template, values))
}

/// What was kept of earlier answers.
#[derive(Debug, Default)]
pub struct Kept(BTreeMap<String, String>);

impl Kept {
    /// Keeps a part of an answer.
    pub fn keep(&mut self, name: &str, pointer: &str, data: &Value) -> Result<(), String> {
        let text = match data.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other @ (Value::Number(_) | Value::Bool(_))) => other.to_string(),
            _ => return Err(format!("there is nothing at {pointer:?} to keep as {name}")),
        };
        self.0.insert(name.to_owned(), text);
        Ok(())
    }

    /// A value with `$NAME` filled in.
    pub fn fill(&self, value: &str) -> Result<String, String> {
        let Some((before, name)) = value.split_once('$') else { return Ok(value.to_owned()) };
        let end = name.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(name.len());
        let (name, rest) = name.split_at(end);
        let known = self.0.get(name).ok_or_else(|| format!("nothing was kept as {name}"))?;
        Ok(format!("{before}{known}{rest}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_line_says_call_values_and_what_comes_back() {
        let text = r#"
            # remark
            POST /nodes/{node=a}/lxc vmid=200 comment="one two" -> TASK
            ticket PUT /access/password userid=a@pve
            GET /x/{id=$TASK}/y ! 500 no such thing
            GET /x -> PID=/pid
        "#;
        let steps = parse(text).unwrap();
        assert_eq!(steps[0].template, "/nodes/{node}/lxc");
        assert_eq!(steps[0].path, ["a"]);
        assert_eq!(steps[0].params[1], ("comment".to_owned(), "one two".to_owned()));
        assert_eq!(steps[0].keep, Some(("TASK".to_owned(), String::new())));
        assert_eq!(steps[1].way, Way::Ticket);
        assert_eq!(steps[2].expected, Expected::Refusal(500, "no such thing".to_owned()));
        assert_eq!(steps[3].keep, Some(("PID".to_owned(), "/pid".to_owned())));
        let mut kept = Kept::default();
        kept.keep("TASK", "", &Value::from("UPID:x")).unwrap();
        assert_eq!(kept.fill("$TASK").unwrap(), "UPID:x");
        assert!(kept.fill("$OTHER").is_err());
        assert!(parse("GET /x/{id}").is_err());
    }
}
