//! The names of our own `-X` options, in one place.
//!
//! CPython takes any name after `-X` and looks at those that it knows. So does `tracepy`, but for names
//! that begin with `tracemalloc_`: these are ours alone, and one that is misspelt would mean a run
//! without the dump it was made for.
//!
//! Invariant: a name that is read anywhere in `options` is in [`KNOWN`].

/// What the names of our options begin with.
const OURS: &str = "tracemalloc_";

/// The options, in the order of the help. A new option begins here.
const KNOWN: &[&str] = &[
    "tracemalloc_dump",
    "tracemalloc_signal",
    "tracemalloc_interval",
    "tracemalloc_keep",
    "tracemalloc_peak",
    "tracemalloc_peak_growth",
    "tracemalloc_http",
    "tracemalloc_http_file",
    "tracemalloc_http_token_file",
    // Refused, with a reason.
    "tracemalloc_http_token",
];

/// The line to print, with its end, for the first option that does not exist. `xoptions` are names
/// and values in order.
pub(super) fn fault(xoptions: &[(String, Option<String>)]) -> Option<String> {
    let mut names = xoptions.iter().map(|(name, _)| name.as_str());
    let name = names.find(|name| name.starts_with(OURS) && !KNOWN.contains(name))?;
    let near = KNOWN.iter().map(|known| (distance(name, known), known));
    let hint = match near.min() {
        Some((0..=3, known)) => format!("did you mean {known}?"),
        _ => "--help-xoptions lists them".to_owned(),
    };
    Some(format!(
        "tracemalloc: -X {name}: there is no such option; {hint}\n"
    ))
}

/// How many characters have to be put in, taken out or replaced to make one text of the other, in any
/// case of letters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, of_a) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (to, of_b) in b.iter().enumerate() {
            let kept = before + usize::from(!of_a.eq_ignore_ascii_case(of_b));
            before = row[to + 1];
            row[to + 1] = kept.min(row[to] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Option<String> {
        let options = names.iter().map(|name| ((*name).to_owned(), None));
        fault(&options.collect::<Vec<_>>())
    }

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("dump", "dump", 0),
            ("Dump", "dump", 0),
            ("dumps", "dump", 1),
            ("dupm", "dump", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn only_ours_are_looked_at() {
        assert_eq!(of(KNOWN), None);
        assert_eq!(
            of(&["tracemalloc", "dev", "tracemallocs", "anything"]),
            None
        );
    }

    #[test]
    fn what_was_meant() {
        for (name, hint) in [
            ("tracemalloc_dumps", "did you mean tracemalloc_dump?"),
            ("tracemalloc_Peak", "did you mean tracemalloc_peak?"),
            ("tracemalloc_sigal", "did you mean tracemalloc_signal?"),
            (
                "tracemalloc_peak_grow",
                "did you mean tracemalloc_peak_growth?",
            ),
            ("tracemalloc_colour", "--help-xoptions lists them"),
            ("tracemalloc_", "--help-xoptions lists them"),
        ] {
            let expected = format!("tracemalloc: -X {name}: there is no such option; {hint}\n");
            assert_eq!(of(&["dev", name, "tracemalloc_x"]), Some(expected));
        }
    }
}
