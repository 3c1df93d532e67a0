//! Multipart bodies of storage uploads, with the rules of the real parser: text parts first, the file last, in a part called `filename`.

use bytes::Bytes;
use serde_json::Value;

use crate::api::{Fault, RawParams, Upload};

/// Parts that may come before the file.
const FIELDS: &[&str] = &["content", "checksum", "checksum-algorithm"];

/// Takes an upload apart. What comes after the start of the file part belongs to the file, up to the last boundary.
///
/// # Errors
/// 400 for a part that may not be there, 500 for a file part of another name and for a body without one.
pub fn parse(body: &Bytes, boundary: &str, params: &mut RawParams) -> Result<Upload, Fault> {
    let delimiter = format!("--{boundary}");
    let mut at = find(body, delimiter.as_bytes(), 0).map(|at| at + delimiter.len());
    while let Some(start) = at {
        if body.get(start..start + 2) == Some(b"--") {
            break;
        }
        let Some(end) = find(body, b"\r\n\r\n", start) else { break };
        let header = String::from_utf8_lossy(body.get(start..end).unwrap_or_default()).into_owned();
        let content = end + 4;
        let name = attribute(&header, "name").unwrap_or_default();
        if let Some(filename) = attribute(&header, "filename") {
            if name != "filename" {
                let text = format!("wrong field name '{name}' for file upload, expected 'filename'");
                return Err(perl(&text, 1325));
            }
            let last = format!("\r\n--{boundary}--");
            let Some(stop) = rfind(body, last.as_bytes()).filter(|stop| *stop >= content) else { break };
            params.set("filename".to_owned(), Value::String(filename.clone()));
            return Ok(Upload { filename, bytes: body.slice(content..stop) });
        }
        if !FIELDS.contains(&name.as_str()) {
            return Err(Fault::bodyless(400, "Bad Request"));
        }
        let next = format!("\r\n--{boundary}");
        let Some(stop) = find(body, next.as_bytes(), content) else { break };
        let text = String::from_utf8_lossy(body.get(content..stop).unwrap_or_default()).into_owned();
        params.set(name, Value::String(text));
        at = Some(stop + next.len());
    }
    Err(perl("upload failed", 1370))
}

fn perl(text: &str, line: u32) -> Fault {
    Fault::plain(500, format!("{text} at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line {line}.\n"))
}

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let tail = haystack.get(from..)?;
    tail.windows(needle.len()).position(|window| window == needle).map(|at| at + from)
}

fn rfind(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).rposition(|window| window == needle)
}

/// `name="value"` of the `Content-Disposition` line.
fn attribute(header: &str, name: &str) -> Option<String> {
    let line = header.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    line.split(';').skip(1).find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        (key == name).then(|| value.trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::api::RawParams;

    fn body(parts: &[(&str, &str)]) -> bytes::Bytes {
        let parts = parts
            .iter()
            .map(|(header, text)| format!("--b\r\nContent-Disposition: form-data; {header}\r\n\r\n{text}\r\n"));
        (parts.collect::<String>() + "--b--\r\n").into()
    }

    #[test]
    fn fields_come_before_the_file_and_the_file_ends_at_the_last_boundary() {
        let body = body(&[
            ("name=\"content\"", "iso"),
            ("name=\"filename\"; filename=\"a.iso\"", "FAKE"),
            ("name=\"late\"", "1"),
        ]);
        let mut params = RawParams::default();
        let upload = parse(&body, "b", &mut params).unwrap();
        assert_eq!((upload.filename.as_str(), params.text("content")), ("a.iso", Some("iso")));
        assert!(upload.bytes.starts_with(b"FAKE\r\n--b") && params.text("late").is_none());
    }

    #[test]
    fn wrong_parts_are_refused_in_the_words_of_the_real_parser() {
        let refused = |parts: &[(&str, &str)]| parse(&body(parts), "b", &mut RawParams::default()).unwrap_err();
        assert_eq!(refused(&[("name=\"bogus\"", "1")]).status, 400);
        assert!(refused(&[("name=\"file\"; filename=\"a\"", "x")]).message.starts_with("wrong field name 'file'"));
        assert!(refused(&[("name=\"content\"", "iso")]).message.starts_with("upload failed at"));
    }
}
