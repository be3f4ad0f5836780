//! The texts that Python's `str()` gives for sizes, frames, tracebacks and statistics.
//!
//! Invariant: character for character those of `Lib/tracemalloc.py`, save that a lone surrogate
//! in a file name shows as `U+FFFD`.

use std::fmt;

use crate::{Frame, Statistic, StatisticDiff, Traceback};

/// A size in bytes for people to read, as CPython's `_format_size` writes it: from 100 KiB on
/// without decimals, up to 10240 of a unit before the next one is taken.
///
/// With `sign`, a size that is not negative begins with `+`.
///
/// ```
/// assert_eq!(snapshot::format_size(10239.0, false), "10239 B");
/// assert_eq!(snapshot::format_size(10240.0, true), "+10.0 KiB");
/// ```
pub fn format_size(size: f64, sign: bool) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    if size.is_nan() {
        return if sign { "+nan TiB" } else { "nan TiB" }.to_owned();
    }
    let (mut size, mut unit) = (size, 0);
    // Small values of a larger unit keep one decimal.
    let decimals = loop {
        if unit > 0 && size.abs() < 100.0 {
            break 1;
        }
        if size.abs() < 10.0 * 1024.0 || unit == UNITS.len() - 1 {
            break 0;
        }
        size /= 1024.0;
        unit += 1;
    };
    let unit = UNITS[unit];
    if sign {
        format!("{size:+.decimals$} {unit}")
    } else {
        format!("{size:.decimals$} {unit}")
    }
}

/// `file:line`.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.filename, self.lineno)
    }
}

/// The oldest frame. (Nothing for a traceback without frames, where Python raises `IndexError`.)
impl fmt::Display for Traceback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frames().first().map_or(Ok(()), |frame| frame.fmt(f))
    }
}

/// `file:line: size=…, count=…, average=…`.
impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = format_size(self.size as f64, false);
        write!(f, "{}: size={size}, count={}", self.traceback, self.count)?;
        write_average(f, self.size, self.count)
    }
}

/// `file:line: size=… (+…), count=… (+…), average=…`.
impl fmt::Display for StatisticDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = format_size(self.size as f64, false);
        let size_diff = format_size(self.size_diff as f64, true);
        let (count, count_diff) = (self.count, self.count_diff);
        let traceback = &self.traceback;
        write!(
            f,
            "{traceback}: size={size} ({size_diff}), count={count} ({count_diff:+})"
        )?;
        write_average(f, self.size, self.count)
    }
}

fn write_average(f: &mut fmt::Formatter<'_>, size: i64, count: i64) -> fmt::Result {
    if count == 0 {
        return Ok(());
    }
    write!(
        f,
        ", average={}",
        format_size(size as f64 / count as f64, false)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        // (size, without sign, with sign), from CPython's `_format_size`.
        let cases = [
            (0.0, "0 B", "+0 B"),
            (-1.0, "-1 B", "-1 B"),
            (0.5, "0 B", "+0 B"),
            (1.5, "2 B", "+2 B"),
            (2.5, "2 B", "+2 B"),
            (10239.0, "10239 B", "+10239 B"),
            (10240.0, "10.0 KiB", "+10.0 KiB"),
            (-10240.0, "-10.0 KiB", "-10.0 KiB"),
            (102_348.0, "99.9 KiB", "+99.9 KiB"),
            (102_399.0, "100.0 KiB", "+100.0 KiB"),
            (102_400.0, "100 KiB", "+100 KiB"),
            (10_485_759.0, "10240 KiB", "+10240 KiB"),
            (10_485_760.0, "10.0 MiB", "+10.0 MiB"),
            (9_223_372_036_854_775_807.0, "8388608 TiB", "+8388608 TiB"),
        ];
        for (size, plain, signed) in cases {
            assert_eq!(format_size(size, false), plain);
            assert_eq!(format_size(size, true), signed);
        }
        assert_eq!(format_size(f64::NAN, true), "+nan TiB");
        assert_eq!(format_size(f64::INFINITY, false), "inf TiB");
    }

    #[test]
    fn statistics() {
        let traceback = Traceback::new([Frame::new("a.py", 5), Frame::new("b.py", 7)], Some(9));
        let statistic = Statistic {
            traceback: traceback.clone(),
            size: 30,
            count: 4,
        };
        assert_eq!(
            statistic.to_string(),
            "a.py:5: size=30 B, count=4, average=8 B"
        );
        let diff = StatisticDiff {
            traceback,
            size: 0,
            size_diff: -66,
            count: 0,
            count_diff: -1,
        };
        assert_eq!(diff.to_string(), "a.py:5: size=0 B (-66 B), count=0 (-1)");
        assert_eq!(Traceback::new([], None).to_string(), "");
    }
}
