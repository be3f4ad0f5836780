//! Times in names of files, and their dates: UTC, the Gregorian calendar, microseconds since 1970.

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// Reads `20261121T140322.125Z` (what `{time}` is in `-X tracemalloc_dump`), the same with `-` and `:`
/// as in ISO 8601, with or without a fraction and `Z`; or seconds since 1970, of 9 to 11 digits
/// (a date alone has 8).
pub fn parse(text: &str) -> Option<i64> {
    if (9..=11).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<i64>().ok()?.checked_mul(SECOND);
    }
    let (date, clock) = text.split_once(['T', ' ', '_'])?;
    let clock = clock.strip_suffix('Z').unwrap_or(clock);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let [year, month, day] = parts(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = parts(clock, ':', [2, 2, 2])?;
    let days = days(year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    let micros = match fraction {
        "" => 0,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<6}").get(..6)?.parse().ok()?
        }
        _ => return None,
    };
    let seconds = days * DAY + hour * 3600 + minute * 60 + second;
    Some(seconds * SECOND + micros)
}

/// Three numbers of so many digits, with `between` between all of them or none.
fn parts(text: &str, between: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let digits = match text.matches(between).count() {
        0 => text.to_owned(),
        2 => {
            let parts: Vec<&str> = text.split(between).collect();
            let fits = |(part, length): (&&str, &usize)| part.len() == *length;
            if !parts.iter().zip(&lengths).all(fits) {
                return None;
            }
            parts.concat()
        }
        _ => return None,
    };
    if digits.len() != lengths.iter().sum::<usize>() || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let (first, rest) = digits.split_at(lengths[0]);
    let (second, third) = rest.split_at(lengths[1]);
    Some([
        first.parse().ok()?,
        second.parse().ok()?,
        third.parse().ok()?,
    ])
}

/// Days from 1970-01-01 to a date.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        28 + i64::from(leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let before = usize::try_from(month - 1).ok()?;
    let length = lengths.get(before)?;
    if year < 1 || !(1..=*length).contains(&day) {
        return None;
    }
    let full = year - 1;
    let leaps = full / 4 - full / 100 + full / 400;
    let since_year_1 = full * 365 + leaps + lengths[..before].iter().sum::<i64>() + day - 1;
    Some(since_year_1 - 719_162)
}

/// The date of a moment, as `2026-11-21`.
pub fn date(micros: i64) -> String {
    let day = micros.div_euclid(SECOND * DAY);
    // A guess of the year that is never too early.
    let shortest = if day < 0 { 366 } else { 365 };
    let mut year = 1970 + day.div_euclid(shortest) + 1;
    let start = |year: i64| {
        let full = year - 1;
        full * 365 + full.div_euclid(4) - full.div_euclid(100) + full.div_euclid(400) - 719_162
    };
    while start(year) > day {
        year -= 1;
    }
    let mut rest = day - start(year);
    let mut month = 1;
    while month < 12 {
        let next = if month == 2 {
            28 + i64::from(start(year + 1) - start(year) == 366)
        } else {
            30 + (month + month / 8) % 2
        };
        if rest < next {
            break;
        }
        rest -= next;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_dumps_are_named_by() {
        let expected = Some(1_795_269_802_125_000);
        assert_eq!(parse("20261121T140322.125Z"), expected);
        assert_eq!(parse("2026-11-21T14:03:22.125"), expected);
        assert_eq!(parse("1795269802"), Some(1_795_269_802_000_000));
        assert_eq!(parse("20000229T000000Z"), Some(951_782_400_000_000));
        for wrong in [
            "",
            "20261321T140322Z",
            "20261121",
            "2026-1-21T14:03:22",
            "20250229T000000Z",
            "x",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_and_days_are_inverse() {
        for day in (-800_000..800_000).step_by(61) {
            let date = date(day * DAY * SECOND + 5);
            let Some((year, month, of_month)) = date.rsplit_once('-').and_then(|(ym, d)| {
                let (y, m) = ym.rsplit_once('-')?;
                Some((y.parse::<i64>().ok()?, m.parse().ok()?, d.parse().ok()?))
            }) else {
                panic!("{date}");
            };
            if year >= 1 {
                assert_eq!(days(year, month, of_month), Some(day), "{date}");
            }
        }
        assert_eq!(date(-1), "1969-12-31");
    }
}
