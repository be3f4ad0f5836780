//! `Pattern` against a naive model of Python's `fnmatch`: the class in brackets is turned into the
//! marks that Python's translation writes and then read as its `re` reads them; matching tries
//! everything.

#![no_main]

use libfuzzer_sys::fuzz_target;
use snapshot::Pattern;

/// A part of a pattern.
enum Part {
    One(char),
    Any,
    Star,
    Class(Vec<Mark>),
}

/// What stands in a class of a regular expression.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Letter(char),
    /// A `-` that is not escaped.
    Dash,
    /// A `!` that begins: it negates.
    Not,
}

fn parts(pattern: &[char]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        parts.push(match c {
            '*' => Part::Star,
            '?' => Part::Any,
            '[' => {
                // The first `]` that is not the first letter, a `!` aside.
                let skipped = 1 + usize::from(after.first() == Some(&'!'));
                let end = (skipped..after.len()).find(|&at| after[at] == ']');
                match end {
                    Some(end) => {
                        rest = &after[end + 1..];
                        Part::Class(marks(&after[..end]))
                    }
                    None => Part::One('['),
                }
            }
            c => Part::One(c),
        });
    }
    parts
}

fn marks(inside: &[char]) -> Vec<Mark> {
    // Chunks between the hyphens that can make a range: one letter at least lies before each, and
    // two letters between two of them.
    let mut chunks: Vec<Vec<char>> = Vec::new();
    let mut begin = 0;
    let mut look = if inside[0] == '!' { 2 } else { 1 };
    while let Some(at) = (look..inside.len()).find(|&at| inside[at] == '-') {
        chunks.push(inside[begin..at].to_vec());
        begin = at + 1;
        look = at + 3;
    }
    if begin < inside.len() || chunks.is_empty() {
        chunks.push(inside[begin..].to_vec());
    } else {
        // It ends in a hyphen: a letter like others.
        chunks.last_mut().expect("one at least").push('-');
    }
    // Ranges from a later letter to an earlier one are dropped, from the last to the first.
    for at in (1..chunks.len()).rev() {
        let (low, high) = (*chunks[at - 1].last().expect("a letter"), chunks[at][0]);
        if low > high {
            let tail = chunks.remove(at);
            chunks[at - 1].pop();
            chunks[at - 1].extend(&tail[1..]);
        }
    }
    let mut marks = Vec::new();
    for (number, chunk) in chunks.iter().enumerate() {
        if number > 0 {
            marks.push(Mark::Dash);
        }
        marks.extend(chunk.iter().map(|&c| Mark::Letter(c)));
    }
    if marks.first() == Some(&Mark::Letter('!')) {
        marks[0] = Mark::Not;
    }
    marks
}

fn in_class(marks: &[Mark], c: char) -> bool {
    let (negated, mut rest) = match marks.split_first() {
        Some((Mark::Not, rest)) => (true, rest),
        _ => (false, marks),
    };
    let letter = |mark: Mark| match mark {
        Mark::Letter(c) => c,
        Mark::Dash | Mark::Not => '-',
    };
    let mut inside = false;
    while let Some((&first, after)) = rest.split_first() {
        match after {
            [Mark::Dash, high, others @ ..] => {
                inside |= (letter(first)..=letter(*high)).contains(&c);
                rest = others;
            }
            _ => {
                inside |= letter(first) == c;
                rest = after;
            }
        }
    }
    inside != negated
}

/// Row by row: whether the parts up to one match the letters up to one.
fn matches(parts: &[Part], name: &[char]) -> bool {
    let mut row = vec![false; name.len() + 1];
    row[0] = true;
    for part in parts {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match part {
                Part::Star => row[at] || (at > 0 && next[at - 1]),
                _ if at == 0 => false,
                Part::Any => row[at - 1],
                Part::One(c) => row[at - 1] && name[at - 1] == *c,
                Part::Class(marks) => row[at - 1] && in_class(marks, name[at - 1]),
            };
        }
        row = next;
    }
    row[name.len()]
}

const ALPHABET: [char; 16] = [
    '[', ']', '-', '!', '*', '?', 'a', 'b', 'z', '/', '^', '\\', '\n', 'é', '&', '😀',
];

fuzz_target!(|bytes: &[u8]| {
    let Some((&mode, text)) = bytes.split_first() else {
        return;
    };
    let text: Vec<char> = if mode & 1 == 0 {
        text.iter()
            .map(|&b| ALPHABET[usize::from(b & 15)])
            .collect()
    } else {
        String::from_utf8_lossy(text).chars().collect()
    };
    let split = usize::from(mode >> 1) % (text.len() + 1);
    let (pattern, name) = text.split_at(split);
    let as_text = |text: &[char]| text.iter().collect::<String>();
    let got = Pattern::new(as_text(pattern)).matches(as_text(name));
    let expected = matches(&parts(pattern), name);
    assert_eq!(got, expected, "{:?} {:?}", as_text(pattern), as_text(name));
});
