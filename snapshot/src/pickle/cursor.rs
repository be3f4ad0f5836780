//! Reading the arguments of instructions from a slice.
//!
//! Invariant: no read goes past the end, and a length is compared with what is left before
//! anything is done with it.

use std::borrow::Cow;

use super::error::LoadErrorKind;
use crate::text;

type Result<T> = std::result::Result<T, LoadErrorKind>;

/// The most digits that an integer in decimal may have: Python's own limit.
const MAX_DIGITS: usize = 4300;

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// An integer: as it is, or as little-endian two's complement, as short as it can be.
pub(super) enum Int<'a> {
    Small(i64),
    Big(Cow<'a, [u8]>),
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes, at: 0 }
    }

    pub fn offset(&self) -> usize {
        self.at
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The number of all bytes.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    pub fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let length = usize::try_from(length).map_err(|_| LoadErrorKind::Truncated)?;
        let taken = rest.get(..length).ok_or(LoadErrorKind::Truncated)?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let rest = &self.bytes[self.at..];
        let taken = *rest.first_chunk().ok_or(LoadErrorKind::Truncated)?;
        self.at += N;
        Ok(taken)
    }

    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or(LoadErrorKind::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn f64_big_endian(&mut self) -> Result<f64> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    /// The length of what a FRAME holds; it must be there.
    pub fn frame(&mut self) -> Result<()> {
        let length = self.u64()?;
        let rest = (self.bytes.len() - self.at) as u64;
        if length <= rest {
            Ok(())
        } else {
            Err(LoadErrorKind::Truncated)
        }
    }

    /// Up to a line end, which is passed over.
    pub fn line(&mut self) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let end = rest
            .iter()
            .position(|&b| b == b'\n')
            .ok_or(LoadErrorKind::Truncated)?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    /// A number in decimal, on a line of its own: the index of a memo entry.
    pub fn index_line(&mut self) -> Result<u64> {
        let line = std::str::from_utf8(self.line()?).ok();
        line.and_then(|line| line.trim().parse().ok())
            .ok_or(LoadErrorKind::Malformed("a memo index is not a number"))
    }

    pub fn float_line(&mut self) -> Result<f64> {
        let line = std::str::from_utf8(self.line()?).ok();
        line.and_then(|line| line.trim().parse().ok())
            .ok_or(LoadErrorKind::Malformed("a float is not a number"))
    }
}

/// Checks that the bytes of a string are what Python's `surrogatepass` decodes.
pub(super) fn wtf8(bytes: &[u8]) -> Result<&[u8]> {
    let valid = text::is_wtf8(bytes);
    if valid {
        Ok(bytes)
    } else {
        Err(LoadErrorKind::Malformed("a string is not UTF-8"))
    }
}

/// Decodes `raw-unicode-escape`, which protocol 0 writes strings in.
pub(super) fn raw_unicode_escape(line: &[u8]) -> Result<Vec<u8>> {
    const BAD: LoadErrorKind = LoadErrorKind::Malformed("a string has an escape that is cut off");
    let mut decoded = Vec::with_capacity(line.len());
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        at += 1;
        let digits = match (byte, line.get(at)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            (b'\\', Some(&second)) => {
                // Only the first of two backslashes could begin an escape.
                text::push(&mut decoded, u32::from(byte));
                text::push(&mut decoded, u32::from(second));
                at += 1;
                continue;
            }
            _ => {
                text::push(&mut decoded, u32::from(byte));
                continue;
            }
        };
        let hex = line.get(at + 1..at + 1 + digits).ok_or(BAD)?;
        at += 1 + digits;
        let mut code_point = 0_u32;
        for &digit in hex {
            let digit = char::from(digit).to_digit(16).ok_or(BAD)?;
            code_point = code_point << 4 | digit;
        }
        if code_point > 0x10_FFFF {
            return Err(LoadErrorKind::Malformed(
                "a string has a code point that is too large",
            ));
        }
        text::push(&mut decoded, code_point);
    }
    Ok(decoded)
}

/// An integer in decimal, as protocol 0 writes it.
pub(super) fn decimal(line: &[u8]) -> Result<Int<'static>> {
    const BAD: LoadErrorKind = LoadErrorKind::Malformed("an integer is not a number");
    let text = std::str::from_utf8(line).map_err(|_| BAD)?.trim();
    if let Ok(small) = text.parse() {
        return Ok(Int::Small(small));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return Err(BAD);
    }
    let mut magnitude: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u16::from(char::from(digit).to_digit(10).ok_or(BAD)? as u8);
        for byte in &mut magnitude {
            let value = u16::from(*byte) * 10 + carry;
            *byte = (value & 0xFF) as u8;
            carry = value >> 8;
        }
        if carry > 0 {
            magnitude.push(carry as u8);
        }
    }
    magnitude.push(0);
    if negative {
        // Two's complement: invert and add one.
        let mut carry = true;
        for byte in &mut magnitude {
            let (value, overflow) = (!*byte).overflowing_add(u8::from(carry));
            *byte = value;
            carry = overflow;
        }
    }
    Ok(match twos_complement(&magnitude) {
        Int::Small(small) => Int::Small(small),
        Int::Big(big) => Int::Big(Cow::Owned(big.into_owned())),
    })
}

/// An integer from little-endian two's complement of any length.
pub(super) fn twos_complement(bytes: &[u8]) -> Int<'_> {
    let mut short = bytes;
    // The last byte says nothing if it only repeats the sign of the one before.
    while let [rest @ .., before, last] = short {
        let repeats = (*last == 0 && *before < 0x80) || (*last == 0xFF && *before >= 0x80);
        if !repeats {
            break;
        }
        short = &short[..rest.len() + 1];
    }
    if short.len() > 8 {
        return Int::Big(Cow::Borrowed(short));
    }
    let negative = short.last().is_some_and(|&last| last >= 0x80);
    let mut wide = if negative { [0xFF; 8] } else { [0; 8] };
    wide[..short.len()].copy_from_slice(short);
    Int::Small(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(int: Int<'_>) -> i64 {
        match int {
            Int::Small(value) => value,
            Int::Big(bytes) => panic!("{bytes:?} is big"),
        }
    }

    #[test]
    fn integers() {
        assert_eq!(small(twos_complement(&[])), 0);
        assert_eq!(small(twos_complement(&[0xFF])), -1);
        assert_eq!(small(twos_complement(&[0xFF, 0])), 255);
        assert_eq!(small(twos_complement(&[0; 20])), 0);
        assert_eq!(small(twos_complement(&[0xFF; 20])), -1);
        for value in [0, 1, -1, 255, -128, i64::MAX, i64::MIN] {
            assert_eq!(small(twos_complement(&value.to_le_bytes())), value);
            assert_eq!(small(decimal(value.to_string().as_bytes()).unwrap()), value);
        }
        let Int::Big(big) = decimal(b"9223372036854775808").unwrap() else {
            panic!()
        };
        assert_eq!(*big, [0, 0, 0, 0, 0, 0, 0, 0x80, 0]);
        let Int::Big(big) = decimal(b"-9223372036854775809").unwrap() else {
            panic!()
        };
        assert_eq!(*big, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF]);
        assert!(decimal(&[b'9'; 5000]).is_err());
        assert!(decimal(b"-").is_err() && decimal(b"1x").is_err());
    }

    #[test]
    fn escapes() {
        assert_eq!(
            raw_unicode_escape(b"a\xE9\\u20ac\\U0001f600").unwrap(),
            "aé€😀".as_bytes()
        );
        assert_eq!(raw_unicode_escape(b"\\\\u12").unwrap(), b"\\\\u12");
        assert_eq!(raw_unicode_escape(b"\\udc80").unwrap(), b"\xED\xB2\x80");
        for bad in [&b"\\u12"[..], b"\\u12zz", b"\\U00110000"] {
            assert!(raw_unicode_escape(bad).is_err());
        }
    }

    #[test]
    fn lengths_are_bounded_by_the_input() {
        let mut cursor = Cursor::new(b"abc");
        assert!(cursor.take(u64::MAX).is_err());
        assert!(cursor.u32().is_err());
        assert_eq!(cursor.take(3).unwrap(), b"abc");
        assert!(cursor.is_at_end() && cursor.u8().is_err());
    }
}
