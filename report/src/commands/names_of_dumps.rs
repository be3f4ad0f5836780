//! What the names of dumps tell: their times, and whether they are of one process.
//!
//! `-X tracemalloc_dump=PATH` writes names with the time (`20261121T140322.125Z`) where PATH has
//! `{time}`, and with the process where it has `{pid}`.
//!
//! Invariant: nothing is said of names that do not show it. Without a time in them, a number can be
//! that of a step as well as that of a process.

use views::text::printable;

/// The length of a time in a name.
const STAMP: usize = "20261121T140322.125Z".len();

/// That two dumps are not in the order of time.
pub fn disorder(names: &[String]) -> Option<String> {
    let pair = names.windows(2).find(|pair| {
        let stamp = |at: usize| split(&pair[at]).map(|(_, stamp, _)| stamp);
        matches!((stamp(0), stamp(1)), (Some(a), Some(b)) if b < a)
    })?;
    let (first, second) = (printable(&pair[0]), printable(&pair[1]));
    Some(format!(
        "the dumps are not in the order of time: {second} was taken before {first}"
    ))
}

/// That dumps are of different processes.
pub fn mixture(names: &[String]) -> Option<String> {
    let processes: Vec<(String, Vec<&str>)> = names
        .iter()
        .map(|name| process(name))
        .collect::<Option<_>>()?;
    let (shape, first) = processes.first()?;
    if !processes.iter().all(|(other, _)| other == shape) {
        return None;
    }
    let (_, other) = processes.iter().find(|(_, numbers)| numbers != first)?;
    let differs = first.iter().zip(other).find(|(a, b)| a != b);
    let (a, b) = differs?;
    Some(format!(
        "the dumps are of different processes ({a} and {b}): growth from one to the other says little"
    ))
}

/// The shape of a name with a time, and the numbers in it: those of the file, or, if it has none, of
/// its folder.
fn process(name: &str) -> Option<(String, Vec<&str>)> {
    let (before, _, after) = split(name)?;
    let (folders, start) = before.rsplit_once('/').unwrap_or(("", before));
    let in_file: Vec<&str> = numbers(start).chain(numbers(after)).collect();
    if !in_file.is_empty() {
        return Some((shape(start) + "@" + &shape(after), in_file));
    }
    let folder = folders.rsplit('/').next().unwrap_or_default();
    let in_folder: Vec<&str> = numbers(folder).collect();
    Some((shape(folder), in_folder))
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !c.is_ascii_digit());
    parts.filter(|part| !part.is_empty())
}

/// The text without its digits.
fn shape(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// What is before the last time in a name, the time, and what is after it.
fn split(name: &str) -> Option<(&str, &str, &str)> {
    let bytes = name.as_bytes();
    let is_stamp = |at: usize| {
        let of = |place: usize, byte: u8| match place {
            8 => byte == b'T',
            15 => byte == b'.',
            19 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        };
        let stamp = bytes[at..at + STAMP].iter().enumerate();
        stamp.into_iter().all(|(place, &byte)| of(place, byte))
    };
    let last = bytes.len().checked_sub(STAMP)?;
    let at = (0..=last).rev().find(|&at| is_stamp(at))?;
    // All of it is ASCII, so these are borders of characters.
    Some((&name[..at], &name[at..at + STAMP], &name[at + STAMP..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "20261121T140322.125Z";
    const B: &str = "20261121T140322.126Z";

    fn names(names: &[&str]) -> Vec<String> {
        let time = |name: &&str| name.replace('A', A).replace('B', B);
        names.iter().map(time).collect()
    }

    #[test]
    fn the_order_of_time() {
        let wrong = disorder(&names(&["x/é-A.dump", "x/é-B.dump", "x/é-A.dump"]));
        let expected = names(&[
            "the dumps are not in the order of time: x/é-A.dump was taken before x/é-B.dump",
        ]);
        assert_eq!(wrong.as_ref(), expected.first());
        for right in [["A", "B"], ["A", "A"], ["2.dump", "1.dump"], ["B", "1"]] {
            assert_eq!(disorder(&names(&right)), None, "{right:?}");
        }
        assert_eq!(disorder(&names(&["20261121T140322,125Z", ""])), None);
    }

    #[test]
    fn processes() {
        let found = |of: &[&str]| mixture(&names(of));
        let text = found(&["d/7-A.dump", "d/7-B.dump", "d/12-B.dump"]).expect("two processes");
        assert!(text.starts_with("the dumps are of different processes (7 and 12)"));
        assert!(found(&["shop-A-41", "shop-B-42"]).is_some());
        assert!(found(&["out/41/A.dump", "out/42/B.dump"]).is_some());
        for one in [
            &["d/7-A.dump", "d/7-B.dump"][..],
            &["1/7-A.dump", "2/7-B.dump"],
            &["step-1.dump", "step-2.dump"],
            &["41.dump", "42.dump"],
            &["7-A.dump", "end.dump"],
            &["a-7-A.dump", "b-8-B.dump"],
        ] {
            assert_eq!(found(one), None, "{one:?}");
        }
    }
}
