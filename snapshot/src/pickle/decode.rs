//! The forms that numbers and strings have in a pickle.
//!
//! Invariant: a text that Python's own picklers do not write (`0x1F`, `1_000`, ` 7`) is refused,
//! though Python's unpickler reads some of them, each instruction by other rules.

use std::borrow::Cow;

use super::error::LoadErrorKind;
use crate::text;

type Result<T> = std::result::Result<T, LoadErrorKind>;

/// The most digits that an integer in decimal may have: Python's own limit.
const MAX_DIGITS: usize = 4300;

/// An integer: as it is, or as little-endian two's complement, as short as it can be.
pub(super) enum Int<'a> {
    Small(i64),
    Big(Cow<'a, [u8]>),
}

/// A number in decimal, on a line of its own: the index of a memo entry.
pub(super) fn index(line: &[u8]) -> Result<u64> {
    const BAD: LoadErrorKind = LoadErrorKind::Malformed("a memo index is not a number");
    digits(line, BAD)?.parse().map_err(|_| BAD)
}

/// Digits without a sign, and without a zero before them.
fn digits(line: &[u8], bad: LoadErrorKind) -> Result<&str> {
    let plain = match line {
        [] => false,
        [b'0', _, ..] => false,
        digits => digits.iter().all(u8::is_ascii_digit),
    };
    std::str::from_utf8(line).ok().filter(|_| plain).ok_or(bad)
}

/// A float, as Python's `repr` writes it.
pub(super) fn float(line: &[u8]) -> Result<f64> {
    const BAD: LoadErrorKind = LoadErrorKind::Malformed("a float is not a number");
    let text = std::str::from_utf8(line).map_err(|_| BAD)?;
    let number = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e'));
    let value: f64 = text.parse().map_err(|_| BAD)?;
    // Python refuses a number that is too large for a float.
    let known = if number {
        value.is_finite()
    } else {
        matches!(text, "inf" | "-inf" | "nan")
    };
    if known { Ok(value) } else { Err(BAD) }
}

/// Checks that the bytes of a string are what Python's `surrogatepass` decodes.
pub(super) fn check_wtf8(bytes: &[u8]) -> Result<()> {
    if text::is_wtf8(bytes) {
        Ok(())
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
    let (negative, rest) = match line.strip_prefix(b"-") {
        // Nobody writes "-0", and Python reads it as False in one place.
        Some(b"0") => return Err(BAD),
        Some(digits) => (true, digits),
        None => (false, line),
    };
    let digits = digits(rest, BAD)?;
    if digits.len() > MAX_DIGITS {
        return Err(BAD);
    }
    // In words of 32 bits, 9 digits at a time: the first part takes what is left over.
    let mut words: Vec<u32> = Vec::new();
    let mut rest = digits;
    while !rest.is_empty() {
        let (part, later) = rest.split_at((rest.len() - 1) % 9 + 1);
        rest = later;
        let mut carry = part.parse::<u64>().map_err(|_| BAD)?;
        for word in &mut words {
            let value = u64::from(*word) * 1_000_000_000 + carry;
            *word = value as u32;
            carry = value >> 32;
        }
        if carry > 0 {
            words.push(carry as u32);
        }
    }
    let mut magnitude: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    magnitude.push(0);
    if negative {
        negate(&mut magnitude);
    }
    Ok(match twos_complement(&magnitude) {
        Int::Small(small) => Int::Small(small),
        Int::Big(big) => Int::Big(Cow::Owned(big.into_owned())),
    })
}

/// The negative of little-endian two's complement: inverts and adds one.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        let (value, overflow) = (!*byte).overflowing_add(u8::from(carry));
        *byte = value;
        carry = overflow;
    }
}

/// The integer that a float is equal to, if there is one.
pub(super) fn integral(value: f64) -> Option<Int<'static>> {
    if !value.is_finite() || value.trunc() != value {
        return None;
    }
    let bits = value.abs().to_bits();
    let exponent = (bits >> 52) as usize;
    if exponent <= 1075 {
        // Below 2^53: the cast is exact.
        return Some(Int::Small(value as i64));
    }
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let shift = exponent - 1075;
    let mut bytes = vec![0; shift / 8];
    bytes.extend((u128::from(mantissa) << (shift % 8)).to_le_bytes());
    if value < 0.0 {
        negate(&mut bytes);
    }
    Some(match twos_complement(&bytes) {
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
        for bad in [
            "", "-", "-0", "1x", "+1", " 1", "1 ", "010", "0x1F", "1_000", "--1",
        ] {
            assert!(decimal(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["", "-1", "01", "1L", "18446744073709551616"] {
            assert!(index(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(index(b"18446744073709551615").unwrap(), u64::MAX);
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
    fn floats() {
        for (text, value) in [
            ("1.5", 1.5),
            ("-1e-05", -1e-5),
            ("1e+300", 1e300),
            ("inf", f64::INFINITY),
        ] {
            assert_eq!(float(text.as_bytes()).unwrap(), value);
        }
        assert!(float(b"nan").unwrap().is_nan());
        for bad in [
            "", " 1.5", "1e999", "infinity", "NaN", "1_0.5", "0x1p3", "1.5\0",
        ] {
            assert!(float(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn floats_that_are_integers() {
        for value in [0.0, -0.0, 1.0, -7.0, 2_f64.powi(53), -(2_f64.powi(62))] {
            assert_eq!(small(integral(value).unwrap()), value as i64);
        }
        for (value, text) in [
            (2_f64.powi(63), "9223372036854775808"),
            (-(2_f64.powi(64)), "-18446744073709551616"),
            (1e22, "10000000000000000000000"),
        ] {
            let (Int::Big(ours), Int::Big(expected)) =
                (integral(value).unwrap(), decimal(text.as_bytes()).unwrap())
            else {
                panic!("{text} is not big");
            };
            assert_eq!(ours, expected);
        }
        assert!(integral(f64::MAX).is_some());
        for none in [0.5, f64::NAN, f64::INFINITY, 1e-300] {
            assert!(integral(none).is_none());
        }
    }
}
