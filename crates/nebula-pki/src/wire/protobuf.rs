//! Protocol buffers (proto3), as far as version 1 certificates and encrypted keys need them.
//!
//! Reading follows Go's `protobuf-go`, which is what every Nebula uses: unknown fields are skipped, a known field with
//! another wire type counts as unknown, repeated numbers may be packed or not. Writing is the canonical form: ascending
//! field numbers, packed repeats, minimal varints, default values left out. The signature is made over that form.

use crate::error::FormatError;

/// How deep groups (an obsolete construct that an unknown field may still use) can nest; Go's limit.
const MAX_GROUP_DEPTH: usize = 10_000;
const MAX_FIELD_NUMBER: u64 = (1 << 29) - 1;

/// One field's value as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A fixed-size number or a group: no message of ours has such a field, so it was skipped.
    Other,
}

/// Reads the fields of one message in the order of the wire.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field and its number, or `None` at the end of the message.
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Value<'a>)>, FormatError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            0 => Value::Varint(self.varint()?),
            2 => Value::Bytes(self.bytes()?),
            3 => {
                self.skip_group(number)?;
                Value::Other
            }
            other => {
                self.skip_fixed(other)?;
                Value::Other
            }
        };
        Ok(Some((number, value)))
    }

    /// The numbers of a packed repeated field, or the bare ones of a field that is not packed.
    pub(crate) fn packed(bytes: &'a [u8]) -> Result<Vec<u64>, FormatError> {
        let mut reader = Self::new(bytes);
        let mut numbers = Vec::new();
        while !reader.rest.is_empty() {
            numbers.push(reader.varint()?);
        }
        Ok(numbers)
    }

    fn tag(&mut self) -> Result<(u32, u8), FormatError> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > MAX_FIELD_NUMBER {
            return Err(FormatError::Protobuf("a field number is out of range"));
        }
        let number = u32::try_from(number).map_err(|_| FormatError::Protobuf("a field number is out of range"))?;
        Ok((number, (tag & 7) as u8))
    }

    fn varint(&mut self) -> Result<u64, FormatError> {
        let mut value = 0_u64;
        for position in 0..10 {
            let (&byte, rest) = self.rest.split_first().ok_or(FormatError::Protobuf("a varint is cut short"))?;
            self.rest = rest;
            if position == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(FormatError::Protobuf("a varint is longer than 64 bits"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], FormatError> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| FormatError::Protobuf("a length exceeds the message"))?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or(FormatError::Protobuf("a length exceeds the message"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn skip_fixed(&mut self, wire_type: u8) -> Result<(), FormatError> {
        match wire_type {
            1 => self.take(8).map(|_| ()),
            5 => self.take(4).map(|_| ()),
            4 => Err(FormatError::Protobuf("a group ends that never began")),
            _ => Err(FormatError::Protobuf("a wire type is reserved")),
        }
    }

    fn skip_group(&mut self, number: u32) -> Result<(), FormatError> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => self.varint().map(|_| ())?,
                2 => self.bytes().map(|_| ())?,
                3 if open.len() >= MAX_GROUP_DEPTH => return Err(FormatError::Protobuf("groups nest too deep")),
                3 => open.push(number),
                4 if number == innermost => {
                    open.pop();
                }
                4 => return Err(FormatError::Protobuf("a group ends under another number")),
                other => self.skip_fixed(other)?,
            }
        }
        Ok(())
    }
}

/// Writes one message; fields must be written in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity) }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn tag(&mut self, field: u32, wire_type: u8) {
        self.varint(u64::from(field) << 3 | u64::from(wire_type));
    }

    /// A number; zero is the default and is left out.
    pub(crate) fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, 0);
            self.varint(value);
        }
    }

    /// A string or bytes; empty is the default and is left out.
    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.message(field, value);
        }
    }

    /// An element of a repeated field or an embedded message: written even when empty.
    pub(crate) fn message(&mut self, field: u32, value: &[u8]) {
        self.tag(field, 2);
        self.varint(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    /// A packed repeated field of numbers; left out when there are none.
    pub(crate) fn packed(&mut self, field: u32, values: impl Iterator<Item = u32>) {
        let mut inner = Self::default();
        for value in values {
            inner.varint(u64::from(value));
        }
        self.bytes(field, &inner.out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_bounded_to_64_bits() {
        let mut longest = vec![0xff; 9];
        longest.push(0x01);
        assert_eq!(Reader::new(&longest).varint().unwrap(), u64::MAX);
        longest[9] = 0x02;
        assert!(Reader::new(&longest).varint().is_err());
        assert!(Reader::new(&[0x80; 20]).varint().is_err());
    }

    #[test]
    fn unknown_groups_are_skipped_and_must_be_closed_by_their_own_number() {
        // field 7 group { field 1 varint 5 } then field 2 = "x"
        let ok = [0x3b, 0x08, 0x05, 0x3c, 0x12, 0x01, b'x'];
        let mut reader = Reader::new(&ok);
        assert_eq!(reader.field().unwrap(), Some((7, Value::Other)));
        assert_eq!(reader.field().unwrap(), Some((2, Value::Bytes(b"x"))));
        let wrong = [0x3b, 0x44];
        assert!(Reader::new(&wrong).field().is_err());
        let deep = vec![0x3b; 20_000];
        assert!(Reader::new(&deep).field().is_err());
    }

    #[test]
    fn defaults_are_left_out_and_elements_are_not() {
        let mut writer = Writer::default();
        writer.bytes(1, b"");
        writer.message(4, b"");
        writer.number(5, 0);
        writer.number(6, 300);
        assert_eq!(writer.finish(), [0x22, 0x00, 0x30, 0xac, 0x02]);
    }
}
