//! The crate against CPython itself: each test does the same here and in every CPython that is
//! installed, and compares the texts. Where there is none, it says so and passes.

mod support;

use std::fmt::Write as _;

use snapshot::{
    DomainFilter, Filter, FrameFilter, KeyType, Pattern, Snapshot, StatisticDiff, Text, Traceback,
};
use support::{
    Python, Random, assert_same_lines, build, json_string, json_traces, pythons, random_traces,
};

const KINDS: [(KeyType, bool); 5] = [
    (KeyType::Traceback, false),
    (KeyType::Filename, false),
    (KeyType::Lineno, false),
    (KeyType::Filename, true),
    (KeyType::Lineno, true),
];

fn kind_line(out: &mut String, (key_type, cumulative): (KeyType, bool)) {
    let cumulative = if cumulative { "True" } else { "False" };
    writeln!(out, "{} {cumulative}", key_type.name()).unwrap();
}

fn frames_of(traceback: &Traceback) -> String {
    traceback
        .frames()
        .iter()
        .map(|frame| format!(" {frame}"))
        .collect()
}

/// What `show_all(snapshot.statistics)` of the Python side writes.
fn show_statistics(out: &mut String, snapshot: &Snapshot) {
    for kind in KINDS {
        kind_line(out, kind);
        for s in snapshot.statistics(kind.0, kind.1).unwrap() {
            let frames = frames_of(&s.traceback);
            writeln!(out, "{s} | {} {} |{frames}", s.size, s.count).unwrap();
        }
    }
}

/// What `show_all` writes of the differences.
fn show_diffs(out: &mut String, new: &Snapshot, old: &Snapshot) {
    for kind in KINDS {
        kind_line(out, kind);
        for s in new.compare_to(old, kind.0, kind.1).unwrap() {
            let StatisticDiff {
                size,
                size_diff,
                count,
                count_diff,
                ..
            } = s;
            let frames = frames_of(&s.traceback);
            writeln!(
                out,
                "{s} | {size} {size_diff} {count} {count_diff} |{frames}"
            )
            .unwrap();
        }
    }
}

#[test]
fn statistics_and_differences() {
    let mut random = Random(0x5EED_0001);
    let cases: Vec<_> = (0..40).map(|_| random_traces(&mut random, 40)).collect();
    let mut ours = String::new();
    for pair in cases.windows(2) {
        let (old, new) = (build(&pair[0], 25), build(&pair[1], 25));
        show_statistics(&mut ours, &new);
        show_diffs(&mut ours, &new, &old);
    }
    let input: Vec<String> = cases.iter().map(|case| json_traces(case)).collect();
    let script = r#"
cases = [snapshot_of(case) for case in data]
for old, new in zip(cases, cases[1:]):
    show_all(new.statistics)
    show_all(lambda *kind: new.compare_to(old, *kind))
"#;
    for python in pythons() {
        let theirs = python.run(script, &format!("[{}]", input.join(",")));
        assert_same_lines(&format!("{:?}", python.version), &ours, &theirs);
    }
}

/// A random filter, and the Python expression that makes the same one.
fn random_filter(random: &mut Random) -> (Filter, String) {
    let inclusive = random.flip();
    let python_bool = |value: bool| if value { "True" } else { "False" };
    let domain = *random.pick(&[0, 3, 4_000_000_000, -1]);
    if random.below(4) == 0 {
        let python = format!("DomainFilter({}, {domain})", python_bool(inclusive));
        return (DomainFilter::new(inclusive, domain).into(), python);
    }
    let patterns = [
        "a.py", "*.py", "*", "a.pyc", "*.pyc", "lib/*", "?.py", "[ab].py", "[[]x].py", "<*>", "",
    ];
    let pattern = *random.pick(&patterns);
    let mut filter = FrameFilter::new(inclusive, pattern);
    filter.lineno = [None, None, Some(1), Some(7), Some(-1)][random.below(5)];
    filter.all_frames = random.flip();
    filter.domain = [None, None, Some(domain)][random.below(3)];
    let python_option = |value: Option<i64>| value.map_or("None".to_owned(), |v| v.to_string());
    let python = format!(
        "Filter({}, {pattern:?}, {}, {}, {})",
        python_bool(inclusive),
        python_option(filter.lineno),
        python_bool(filter.all_frames),
        python_option(filter.domain)
    );
    (filter.into(), python)
}

#[test]
fn filters() {
    let mut random = Random(0x5EED_0002);
    let mut ours = String::new();
    let mut script = String::from("from tracemalloc import Filter, DomainFilter\n");
    let mut input = Vec::new();
    for case in 0..150 {
        let mut traces = random_traces(&mut random, 30);
        // The size tells which trace it is.
        traces
            .iter_mut()
            .zip(1..)
            .for_each(|(trace, size)| trace.size = size);
        let (filters, python): (Vec<Filter>, Vec<String>) = (0..random.below(4))
            .map(|_| random_filter(&mut random))
            .unzip();
        let kept = build(&traces, 25).filter_traces(&filters);
        let sizes: Vec<String> = kept.sizes().iter().map(ToString::to_string).collect();
        writeln!(ours, "[{}]", sizes.join(", ")).unwrap();
        writeln!(
            script,
            "show([t.size for t in snapshot_of(data[{case}]).filter_traces([{}]).traces])",
            python.join(", ")
        )
        .unwrap();
        input.push(json_traces(&traces));
    }
    for python in pythons() {
        let theirs = python.run(&script, &format!("[{}]", input.join(",")));
        assert_same_lines(&format!("{:?}", python.version), &ours, &theirs);
    }
}

#[test]
fn sizes_as_text() {
    let mut random = Random(0x5EED_0003);
    let mut ours = String::new();
    let mut input = Vec::new();
    for _ in 0..4000 {
        let size = (random.0 as i64) >> random.below(64);
        let quarter = size as f64 / 4.0;
        let size = if random.flip() { size as f64 } else { quarter };
        random.below(2);
        writeln!(
            ours,
            "{} {}",
            snapshot::format_size(size, false),
            snapshot::format_size(size, true)
        )
        .unwrap();
        input.push(format!("{size:?}"));
    }
    let script = r#"
for size in data:
    show(tracemalloc._format_size(size, False), tracemalloc._format_size(size, True))
"#;
    for python in pythons() {
        let theirs = python.run(script, &format!("[{}]", input.join(",")));
        assert_same_lines(&format!("{:?}", python.version), &ours, &theirs);
    }
}

/// The newest CPython, if its `fnmatch` knows empty ranges (3.12 does).
fn newest_python() -> Option<Python> {
    let newest = pythons()
        .into_iter()
        .next_back()
        .filter(|python| python.version >= (3, 12));
    if newest.is_none() {
        println!("skipped: no python3 of 3.12 or later");
    }
    newest
}

/// A pattern made of the characters of a name: most stay, some become signs that match them, few
/// something else.
fn as_pattern(random: &mut Random, name: &[&Text], alphabet: &[Text]) -> Vec<u8> {
    let mut pattern = Vec::new();
    let mut rest = name.iter();
    while let Some(character) = rest.next() {
        let character = character.as_bytes();
        let other = random.pick(alphabet).as_bytes().to_vec();
        match random.below(16) {
            0 => pattern.push(b'?'),
            1 => pattern.push(b'*'),
            2 => {
                // Swallows some more.
                pattern.push(b'*');
                let more = random.below(3);
                rest.by_ref().take(more).for_each(drop);
            }
            3 => pattern.extend([b"[", character, b"]"].concat()),
            4 => pattern.extend([b"[", &other[..], character, b"]"].concat()),
            5 => pattern.extend([b"[!", &other[..], b"]"].concat()),
            6 => pattern.extend([b"[!-", character, b"]"].concat()),
            7 => pattern.extend(b"[!-~]"),
            8 => pattern.extend([&other[..], b"*"].concat()),
            _ => pattern.extend(character),
        }
    }
    pattern
}

#[test]
fn fnmatch_on_random_patterns() {
    let Some(python) = newest_python() else {
        return;
    };
    let mut random = Random(0x5EED_0004);
    let mut alphabet: Vec<Text> = [
        "a", "b", "z", "A", "!", "-", "]", "[", "^", "\\", "*", "?", "/", "\n", ".", "&", "~",
    ]
    .map(Text::from)
    .to_vec();
    alphabet.extend(["|", "é", "😀", "-", "[", "]", "!"].map(Text::from));
    alphabet.push(Text::new(b"\xED\xB2\x80"));
    let word = |random: &mut Random, length: usize| -> Vec<u8> {
        let count = random.below(length);
        (0..count)
            .flat_map(|_| random.pick(&alphabet).as_bytes().to_vec())
            .collect()
    };
    let mut pairs = Vec::new();
    // What is odd in a pattern, and names that have little to do with it.
    for _ in 0..10_000 {
        let mut pattern = word(&mut random, 5);
        // Most of what is odd is inside classes.
        if random.below(4) > 0 {
            pattern.push(b'[');
            pattern.extend(word(&mut random, 10));
            pattern.push(b']');
            pattern.extend(word(&mut random, 3));
        }
        for length in [2, 6, 3] {
            pairs.push((word(&mut random, length), pattern.clone()));
        }
        let without_signs = pattern.iter().copied();
        let name = without_signs.filter(|byte| !b"[]!*".contains(byte));
        pairs.push((name.collect(), pattern));
    }
    // Patterns that were names.
    for _ in 0..60_000 {
        let name: Vec<&Text> = (0..random.below(9))
            .map(|_| random.pick(&alphabet))
            .collect();
        let pattern = as_pattern(&mut random, &name, &alphabet);
        pairs.push((
            name.iter()
                .flat_map(|text| text.as_bytes().to_vec())
                .collect(),
            pattern,
        ));
    }
    let (mut ours, mut input, mut matched) = (String::new(), Vec::new(), 0);
    for (name, pattern) in &pairs {
        let matches = Pattern::new(pattern).matches(name);
        matched += usize::from(matches);
        let (name, pattern) = (Text::new(name), Text::new(pattern));
        writeln!(ours, "{name:?} {pattern:?} {}", i32::from(matches)).unwrap();
        input.push(format!(
            "[{},{}]",
            json_string(&name),
            json_string(&pattern)
        ));
    }
    println!("{matched} of {} pairs match", pairs.len());
    assert!(pairs.len() >= 100_000 && matched * 10 >= pairs.len() * 3);
    let script = r#"
import fnmatch
for name, pattern in data:
    show(int(fnmatch.fnmatchcase(text(name), text(pattern))))
"#;
    let theirs = python.run(script, &format!("[{}]", input.join(",")));
    // Python's answers behind our words, so that a difference shows its case.
    let theirs: String = ours
        .lines()
        .zip(theirs.lines())
        .map(|(ours, theirs)| format!("{}{theirs}\n", &ours[..ours.len() - 1]))
        .collect();
    assert_same_lines("fnmatch", &ours, &theirs);
}
