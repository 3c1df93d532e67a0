//! Tab-separated records with the strictness of the library's reader (Go's `encoding/csv`, comments by `#`).
//!
//! Our own reader, because the `csv` crate forgives what must be an error here: a bare quote inside an unquoted field,
//! text after a closing quote, a quoted field that never ends. Fields are bytes: the library does not check UTF-8.
//!
//! - A line ends with `\n`; `\r\n` counts as `\n`, also inside quotes; a `\r` before the end of the file is dropped.
//! - A line whose first byte is `#` and an empty line are skipped, but not inside a quoted field.
//! - A field that starts with `"` runs to the closing quote, over lines; `""` is one quote.

/// One record and the line it starts on, counted from 1.
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<Vec<u8>>,
}

/// What is wrong with a record, and on which line it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyntaxError {
    /// A quote inside an unquoted field.
    BareQuote { line: usize },
    /// A quoted field with text after its closing quote, or without a closing quote.
    Quote { line: usize },
}

/// Reads records from a whole file. After an error it goes on with the next line, as the library's does.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, line: 0 }
    }

    /// The next line without its end, and whether it had one; nothing at the end of the file.
    fn next_line(&mut self) -> Option<(&'a [u8], bool)> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, ended, rest) = match self.rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let (line, rest) = self.rest.split_at(end);
                (line, true, rest.get(1..).unwrap_or_default())
            }
            None => (self.rest, false, &[][..]),
        };
        self.rest = rest;
        Some((line.strip_suffix(b"\r").unwrap_or(line), ended))
    }

    /// Parses the record that starts with `line`; quoted fields may draw further lines.
    fn record(&mut self, line: &'a [u8], ended: bool) -> Result<Record, SyntaxError> {
        let mut record = Record { line: self.line, fields: Vec::new() };
        let (mut line, mut ended) = (line, ended);
        loop {
            let Some(mut quoted) = line.strip_prefix(b"\"") else {
                let (field, rest) = split_at_tab(line);
                if field.contains(&b'"') {
                    return Err(SyntaxError::BareQuote { line: self.line });
                }
                record.fields.push(field.to_vec());
                match rest {
                    Some(rest) => line = rest,
                    None => return Ok(record),
                }
                continue;
            };
            let mut field = Vec::new();
            loop {
                let Some(end) = quoted.iter().position(|byte| *byte == b'"') else {
                    field.extend_from_slice(quoted);
                    if ended {
                        field.push(b'\n');
                    }
                    (quoted, ended) = self.next_line().ok_or(SyntaxError::Quote { line: self.line })?;
                    continue;
                };
                let (before, after) = quoted.split_at(end);
                field.extend_from_slice(before);
                let after = after.get(1..).unwrap_or_default();
                match after.first() {
                    Some(b'"') => {
                        field.push(b'"');
                        quoted = after.get(1..).unwrap_or_default();
                    }
                    Some(b'\t') => {
                        record.fields.push(field);
                        line = after.get(1..).unwrap_or_default();
                        break;
                    }
                    None => {
                        record.fields.push(field);
                        return Ok(record);
                    }
                    Some(_) => return Err(SyntaxError::Quote { line: self.line }),
                }
            }
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Record, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (line, ended) = self.next_line()?;
            if line.first() == Some(&b'#') || line.is_empty() {
                continue;
            }
            return Some(self.record(line, ended));
        }
    }
}

/// The bytes before the first tab, and what follows it.
fn split_at_tab(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| *byte == b'\t') {
        Some(tab) => {
            let (field, rest) = line.split_at(tab);
            (field, Some(rest.get(1..).unwrap_or_default()))
        }
        None => (line, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, SyntaxError};

    fn read(text: &str) -> Vec<Result<Vec<String>, SyntaxError>> {
        Reader::new(text.as_bytes())
            .map(|record| {
                record.map(|r| r.fields.into_iter().map(|f| String::from_utf8(f).unwrap()).collect::<Vec<_>>())
            })
            .collect()
    }

    fn fields(text: &[&str]) -> Result<Vec<String>, SyntaxError> {
        Ok(text.iter().map(|field| (*field).to_owned()).collect())
    }

    #[test]
    fn comments_and_blank_lines_are_skipped_outside_quotes_only() {
        assert_eq!(
            read("# c\n\r\na\tb\n#x\n\"q\n#not\n\nend\"\tz\n"),
            [fields(&["a", "b"]), fields(&["q\n#not\n\nend", "z"])]
        );
    }

    #[test]
    fn line_ends_are_normalised_also_inside_quotes() {
        assert_eq!(
            read("a\tb\r\n\"x\r\ny\"\t\r\nlast\r"),
            [fields(&["a", "b"]), fields(&["x\ny", ""]), fields(&["last"])]
        );
    }

    #[test]
    fn quotes_are_strict() {
        assert_eq!(read("a\tb\"c\nd\n"), [Err(SyntaxError::BareQuote { line: 1 }), fields(&["d"])]);
        assert_eq!(read("a\t\"b\"c\nd\n"), [Err(SyntaxError::Quote { line: 1 }), fields(&["d"])]);
        assert_eq!(read("a\t\"b\nc"), [Err(SyntaxError::Quote { line: 2 })]);
        assert_eq!(read("\"say \"\"hi\"\"\"\t \"\n"), [Err(SyntaxError::BareQuote { line: 1 })]);
        assert_eq!(read("\"say \"\"hi\"\"\"\t\n"), [fields(&["say \"hi\"", ""])]);
    }

    #[test]
    fn a_lone_carriage_return_stays_in_the_field() {
        assert_eq!(read("a\rb\tc\n"), [fields(&["a\rb", "c"])]);
        assert_eq!(read("a\n\r"), [fields(&["a"])]);
    }
}
