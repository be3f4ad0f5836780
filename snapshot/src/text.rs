//! Python strings: WTF-8 text that is cheap to clone.
//!
//! Invariant: the bytes of a [`Text`] are what Python's `s.encode('utf-8', 'surrogatepass')`
//! gives for some `str`, so that they can always be written to a dump; and their byte order is
//! Python's order of strings.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A Python string. It can hold lone surrogates, which a Rust `str` cannot; cloning it copies a
/// pointer. Compared byte by byte, which is Python's order by code points.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<[u8]>);

/// The name of a source file.
pub type FileName = Text;

impl Text {
    /// A text from bytes in WTF-8 (or UTF-8). A byte that is no part of a code point becomes the
    /// lone surrogate `U+DC00` + byte, as Python's `os.fsdecode` does with names of files.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        Self::from_wtf8(bytes).unwrap_or_else(|| {
            let mut escaped = Vec::with_capacity(bytes.len() + 16);
            code_points(bytes).for_each(|c| push(&mut escaped, c));
            Text(escaped.into())
        })
    }

    /// A text from bytes that are wholly WTF-8, or `None`.
    pub fn from_wtf8(bytes: &[u8]) -> Option<Self> {
        is_wtf8(bytes).then(|| Text(bytes.into()))
    }

    /// A text over bytes that are known to be WTF-8.
    pub(crate) fn from_shared(bytes: Arc<[u8]>) -> Self {
        Text(bytes)
    }

    /// The text as WTF-8 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text as a `str`, each lone surrogate replaced by `U+FFFD`.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(
                code_points(&self.0)
                    .map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect(),
            ),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(text.as_bytes().into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(text.into_bytes().into())
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Lossy: see [`Text::to_string_lossy`].
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}

/// Whether `bytes` are wholly WTF-8, pairs of encoded surrogates included (a Python `str` can
/// hold them).
pub(crate) fn is_wtf8(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(_) => return true,
            Err(error) => {
                rest = &rest[error.valid_up_to()..];
                match decode(rest) {
                    Some((_, length)) => rest = &rest[length..],
                    None => return false,
                }
            }
        }
    }
}

/// The code points of WTF-8; a byte that is no part of one counts as `U+DC00` + byte.
pub(crate) fn code_points(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (code_point, length) = code_point_at(bytes, at)?;
        at += length;
        Some(code_point)
    })
}

/// The code point at an offset and its length in bytes; `None` at the end.
#[inline]
pub(crate) fn code_point_at(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let rest = bytes.get(at..)?;
    let first = *rest.first()?;
    if first < 0x80 {
        return Some((u32::from(first), 1));
    }
    Some(decode(rest).unwrap_or((0xDC00 + u32::from(first), 1)))
}

/// Decodes the code point (surrogates included) that `bytes` begin with.
fn decode(bytes: &[u8]) -> Option<(u32, usize)> {
    let first = *bytes.first()?;
    let (length, bits, least) = match first {
        0x00..=0x7F => return Some((u32::from(first), 1)),
        0xC2..=0xDF => (2, first & 0x1F, 0x80),
        0xE0..=0xEF => (3, first & 0x0F, 0x800),
        0xF0..=0xF4 => (4, first & 0x07, 0x1_0000),
        _ => return None,
    };
    let mut code_point = u32::from(bits);
    for &byte in bytes.get(1..length)? {
        if byte & 0xC0 != 0x80 {
            return None;
        }
        code_point = code_point << 6 | u32::from(byte & 0x3F);
    }
    (least..=0x10_FFFF)
        .contains(&code_point)
        .then_some((code_point, length))
}

/// Appends a code point (surrogates included) as WTF-8. Anything above `U+10FFFF` becomes
/// `U+FFFD`.
pub(crate) fn push(out: &mut Vec<u8>, code_point: u32) {
    match char::from_u32(code_point) {
        Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None if code_point <= 0xFFFF => {
            // A surrogate: three bytes. Each cast keeps six bits.
            out.push(0xE0 | (code_point >> 12) as u8);
            out.push(0x80 | (code_point >> 6 & 0x3F) as u8);
            out.push(0x80 | (code_point & 0x3F) as u8);
        }
        None => out.extend_from_slice("\u{FFFD}".as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_wtf8_and_escapes_the_rest() {
        assert_eq!(Text::new("naïve €😀").as_bytes(), "naïve €😀".as_bytes());
        let lone = b"a\xED\xB2\x80b";
        assert_eq!(Text::new(lone).as_bytes(), lone);
        assert_eq!(Text::new(lone).to_string_lossy(), "a\u{FFFD}b");
        assert_eq!(Text::new(b"a\xFFb").as_bytes(), b"a\xED\xB3\xBFb");
        assert!(Text::from_wtf8(b"a\xFFb").is_none());
        // Overlong, beyond the last code point, cut short.
        for bad in [
            &b"\xC0\x80"[..],
            b"\xE0\x80\x80",
            b"\xF4\x90\x80\x80",
            b"\xE2\x82",
            b"\x80",
        ] {
            assert!(!is_wtf8(bad), "{bad:?}");
        }
    }

    #[test]
    fn every_code_point_survives() {
        for code_point in (0..=0x10_FFFF).step_by(7).chain(0xD7F0..0xE010) {
            let mut bytes = Vec::new();
            push(&mut bytes, code_point);
            assert_eq!(code_points(&bytes).collect::<Vec<_>>(), [code_point]);
            assert!(is_wtf8(&bytes));
        }
    }

    #[test]
    fn orders_by_code_point() {
        // UTF-16 would order these the other way round.
        assert!(Text::from("\u{FFFD}") < Text::from("\u{10000}"));
        assert!(Text::new(b"\xED\xA0\x80") < Text::from("\u{E000}"));
    }
}
