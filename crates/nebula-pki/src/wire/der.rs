//! Distinguished encoding rules, as far as version 2 certificates need them.
//!
//! Reading follows Go's `cryptobyte`: low tag numbers only, definite minimal lengths of at most four bytes, minimal
//! integers of at most eight bytes. What follows the last field that Nebula reads is ignored, as Nebula ignores it.

use crate::error::FormatError;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const UTF8_STRING: u8 = 0x0c;

/// The tag of a context-specific primitive field.
pub(crate) const fn field(number: u8) -> u8 {
    0x80 | number
}

/// The tag of a context-specific constructed field.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The contents of the next element, which must carry this tag.
    pub(crate) fn element(&mut self, tag: u8, what: &'static str) -> Result<&'a [u8], FormatError> {
        self.whole(tag, what).map(|(_, contents)| contents)
    }

    /// The next element with its header, and its contents.
    pub(crate) fn whole(&mut self, tag: u8, what: &'static str) -> Result<(&'a [u8], &'a [u8]), FormatError> {
        let malformed = FormatError::Der(what);
        let (&found, after_tag) = self.rest.split_first().ok_or(malformed)?;
        if found != tag {
            return Err(malformed);
        }
        let (&first, mut after_length) = after_tag.split_first().ok_or(malformed)?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let octets = usize::from(first & 0x7f);
            if octets == 0 || octets > 4 {
                return Err(malformed);
            }
            let (bytes, rest) = after_length.split_at_checked(octets).ok_or(malformed)?;
            let value = bytes.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
            if value < 128 || bytes.first() == Some(&0) {
                return Err(malformed);
            }
            length = usize::try_from(value).map_err(|_| malformed)?;
            after_length = rest;
        }
        let (contents, rest) = after_length.split_at_checked(length).ok_or(malformed)?;
        let size = self.rest.len() - rest.len();
        let (element, rest) = self.rest.split_at_checked(size).ok_or(malformed)?;
        self.rest = rest;
        Ok((element, contents))
    }

    /// The contents of the next element if it carries this tag.
    pub(crate) fn optional(&mut self, tag: u8, what: &'static str) -> Result<Option<&'a [u8]>, FormatError> {
        if self.rest.first() == Some(&tag) { self.element(tag, what).map(Some) } else { Ok(None) }
    }

    /// An optional element whose contents are exactly one byte.
    pub(crate) fn optional_byte(&mut self, tag: u8, what: &'static str) -> Result<Option<u8>, FormatError> {
        match self.optional(tag, what)? {
            None => Ok(None),
            Some(&[byte]) => Ok(Some(byte)),
            Some(_) => Err(FormatError::Der(what)),
        }
    }

    /// A signed integer of at most eight bytes, in its shortest form.
    pub(crate) fn integer(&mut self, tag: u8, what: &'static str) -> Result<i64, FormatError> {
        let bytes = self.element(tag, what)?;
        let minimal = match *bytes {
            [] => false,
            [0x00, second, ..] => second & 0x80 != 0,
            [0xff, second, ..] => second & 0x80 == 0,
            _ => true,
        };
        if !minimal || bytes.len() > 8 {
            return Err(FormatError::Der(what));
        }
        let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let start = if negative { -1_i64 } else { 0 };
        Ok(bytes.iter().fold(start, |sum, &byte| sum << 8 | i64::from(byte)))
    }
}

/// Appends one element.
pub(crate) fn write(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    out.push(tag);
    let length = contents.len();
    if length < 128 {
        out.push(length as u8);
    } else {
        let bytes = (length as u64).to_be_bytes();
        let significant = bytes.iter().skip_while(|byte| **byte == 0).count();
        out.push(0x80 | significant as u8);
        out.extend(bytes.iter().skip(bytes.len() - significant));
    }
    out.extend_from_slice(contents);
}

/// Appends a signed integer in its shortest form.
pub(crate) fn write_integer(out: &mut Vec<u8>, tag: u8, value: i64) {
    let bytes = value.to_be_bytes();
    let mut skip = 0;
    while skip < 7 {
        let (Some(&first), Some(&second)) = (bytes.get(skip), bytes.get(skip + 1)) else { break };
        let redundant = (first == 0x00 && second & 0x80 == 0) || (first == 0xff && second & 0x80 != 0);
        if !redundant {
            break;
        }
        skip += 1;
    }
    write(out, tag, bytes.get(skip..).unwrap_or(&bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_survive_and_only_their_shortest_form_is_read() {
        for value in [0, 1, -1, 127, 128, -128, -129, 255, 256, 1_795_230_072, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            write_integer(&mut out, field(5), value);
            assert_eq!(Reader::new(&out).integer(field(5), "test").unwrap(), value, "{out:02x?}");
        }
        for bad in [
            &[0x85, 0x00][..],
            &[0x85, 0x02, 0x00, 0x01],
            &[0x85, 0x02, 0xff, 0x80],
            &[0x85, 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        ] {
            assert!(Reader::new(bad).integer(field(5), "test").is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn lengths_are_minimal_and_definite() {
        for size in [0_usize, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let mut out = Vec::new();
            write(&mut out, OCTET_STRING, &vec![7; size]);
            assert_eq!(Reader::new(&out).element(OCTET_STRING, "test").unwrap().len(), size);
        }
        for bad in [
            &[0x04, 0x80, 0, 0][..],
            &[0x04, 0x81, 0x01, 0],
            &[0x04, 0x82, 0x00, 0x80],
            &[0x04, 0x85, 0, 0, 0, 0, 1],
            &[0x04, 5, 1],
        ] {
            assert!(Reader::new(bad).element(OCTET_STRING, "test").is_err(), "{bad:02x?}");
        }
    }
}
