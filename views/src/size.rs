//! Sizes: written as Python's `tracemalloc` writes them, and read from the command line.

use snapshot::format_size;

/// A size in bytes, as in `419 KiB`.
pub fn size(bytes: i64) -> String {
    format_size(bytes as f64, false)
}

/// A difference in bytes, as in `+419 KiB`.
pub fn difference(bytes: i64) -> String {
    format_size(bytes as f64, true)
}

/// The average size of a block, or nothing if there are no blocks.
pub fn average(bytes: i64, count: i64) -> String {
    if count == 0 {
        return String::new();
    }
    format_size(bytes as f64 / count as f64, false)
}

/// A part of a whole, in percent.
pub fn share(part: i64, whole: i64) -> String {
    if whole == 0 {
        return String::new();
    }
    format!("{:.1}%", part as f64 * 100.0 / whole as f64)
}

/// Reads a size: a number of bytes, or a number and a unit (`B`, `KiB`, `MiB`, `GiB`, `TiB`, or the
/// first letter of one), of 1024 each.
pub fn parse(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not a size: a number and B, KiB, MiB, GiB or TiB is");
    let trimmed = text.trim();
    let digits = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = number * factor as f64;
    if bytes > i64::MAX as f64 / 2.0 {
        return Err(format!("{text:?} is too large"));
    }
    Ok(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("1500"), Ok(1500));
        assert_eq!(parse("24 MiB"), Ok(24 << 20));
        assert_eq!(parse("1.5kib"), Ok(1536));
        assert_eq!(parse("2G"), Ok(2 << 30));
        for bad in ["", "x", "1 kB", "1e3", "-1", "1.2.3", "MiB", "99999999 TiB"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares() {
        assert_eq!(share(1, 3), "33.3%");
        assert_eq!(share(0, 0), "");
    }
}
