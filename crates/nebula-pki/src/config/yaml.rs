//! YAML, as much of it as a configuration needs.
//!
//! Nebula reads YAML 1.1, in which `on`, `no`, `0x1f`, `1:30` and `2026-11-21` are not texts. So a text stands bare only
//! if it cannot be anything else, and in double quotes otherwise; PEM stands in literal blocks.

use std::borrow::Cow;
use std::fmt::Write as _;

use zeroize::Zeroizing;

/// A document. Texts are borrowed where they can be, so that a key is not copied about.
pub(super) enum Node<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    Flag(bool),
    List(Vec<Node<'a>>),
    /// Entries in the order in which they are written.
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// What a value shows as.
    pub(super) fn shown(value: &impl ToString) -> Self {
        Self::Text(Cow::Owned(value.to_string()))
    }

    pub(super) fn shown_list<T: ToString>(values: impl IntoIterator<Item = T>) -> Self {
        Self::List(values.into_iter().map(|value| Self::shown(&value)).collect())
    }

    /// An upper bound of the bytes it is written in, at this depth.
    fn bound(&self, depth: usize) -> usize {
        let indent = 2 * depth + 8;
        match self {
            Self::Text(text) => 6 * text.len() + (text.matches('\n').count() + 2) * indent,
            Self::Number(_) | Self::Flag(_) => 24,
            Self::List(items) => items.iter().map(|item| indent + item.bound(depth + 1)).sum::<usize>() + 8,
            Self::Map(entries) => {
                entries.iter().map(|(key, value)| 6 * key.len() + indent + value.bound(depth + 1)).sum::<usize>() + 8
            }
        }
    }
}

/// The text of a document. It is never moved while it grows, so that no copy of a key stays behind.
pub(super) fn write(document: &Node<'_>) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(document.bound(0)));
    if let Node::Map(entries) = document {
        map(&mut out, entries, 0, false);
    }
    out
}

fn map(out: &mut String, entries: &[(Cow<'_, str>, Node<'_>)], depth: usize, mut begun: bool) {
    for (key, value) in entries {
        if !begun {
            indent(out, depth);
        }
        begun = false;
        scalar(out, key);
        out.push(':');
        after_key(out, value, depth);
    }
}

fn after_key(out: &mut String, value: &Node<'_>, depth: usize) {
    match value {
        Node::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            map(out, entries, depth + 1, false);
        }
        Node::List(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                indent(out, depth);
                out.push('-');
                match item {
                    // The first entry stands on the line of the dash.
                    Node::Map(entries) if !entries.is_empty() => {
                        out.push(' ');
                        map(out, entries, depth + 1, true);
                    }
                    other => after_key(out, other, depth + 1),
                }
            }
        }
        Node::Text(text) if is_block(text) => {
            out.push_str(" |\n");
            for line in text.lines() {
                if !line.is_empty() {
                    indent(out, depth + 1);
                }
                out.push_str(line);
                out.push('\n');
            }
        }
        single => {
            out.push(' ');
            match single {
                Node::Text(text) => scalar(out, text),
                Node::Number(number) => {
                    let _ = write!(out, "{number}");
                }
                Node::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
                Node::List(_) => out.push_str("[]"),
                Node::Map(_) => out.push_str("{}"),
            }
            out.push('\n');
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// Lines of plain characters with one newline at the end, the first not indented: what a literal block keeps as it is.
fn is_block(text: &str) -> bool {
    let plain = |line: &str| line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let lines = text.strip_suffix('\n');
    lines.is_some_and(|lines| {
        lines.contains('\n')
            && !lines.ends_with('\n')
            && !lines.starts_with([' ', '\n'])
            && lines.split('\n').all(plain)
    })
}

fn scalar(out: &mut String, text: &str) {
    if is_bare(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(character),
            other if u32::from(other) > 0xffff => {
                let _ = write!(out, "\\U{:08x}", u32::from(other));
            }
            other => {
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
        }
    }
    out.push('"');
}

/// Whether a text can be nothing but a text: it begins with a letter or a slash, has no character that YAML knows, and
/// is no word that some YAML takes for true, false, nothing or a number. Addresses with dots are told from numbers too.
fn is_bare(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let address = |text: &str| {
        text.bytes().filter(|byte| *byte == b'.').count() == 3
            && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'/'))
    };
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'/');
    (begins && text.bytes().all(inside) && !WORDS.contains(&text.to_ascii_lowercase().as_str())) || address(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        write(&Node::Map(vec![("a".into(), Node::text(text))])).to_string()
    }

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        for text in [
            "on",
            "No",
            "y",
            "null",
            "~",
            "12",
            "1e3",
            "0x1f",
            "1:30",
            "2026-11-21",
            "",
            " a",
            "a ",
            "a: b",
            "#a",
            "- a",
            "'",
            "[::]:1",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a",
            "é",
        ] {
            assert!(line(text).starts_with("a: \""), "{}", line(text));
        }
        for text in ["web1", "10.42.0.1", "10.42.0.0/16", "/etc/nebula/ca.crt", "any", "on-call"] {
            assert_eq!(line(text), format!("a: {text}\n"));
        }
        assert_eq!(line("a\u{1}\"\\\u{2028}\u{1f600}"), "a: \"a\\u0001\\\"\\\\\\u2028\\U0001f600\"\n");
    }

    #[test]
    fn only_texts_that_a_block_keeps_as_they_are_stand_in_one() {
        assert_eq!(line("a\nb\n"), "a: |\n  a\n  b\n");
        for text in ["a\nb", "a\n\n", " a\nb\n", "a\r\nb\n", "a\tb\nc\n"] {
            assert!(line(text).starts_with("a: \""), "{text:?}");
        }
    }

    #[test]
    fn the_text_never_outgrows_its_first_allocation() {
        let deep = Node::List(vec![Node::Map(vec![("\u{1}\"".into(), Node::text("\u{2}\u{3}\"\n\u{1f600}"))])]);
        let document = Node::Map(vec![("list".into(), deep), ("empty".into(), Node::List(Vec::new()))]);
        let bound = document.bound(0);
        assert!(write(&document).len() <= bound);
    }
}
