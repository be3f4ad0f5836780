//! Python's `fnmatch`, over WTF-8.
//!
//! Invariant: a pattern matches exactly the names that `fnmatch.fnmatchcase` of Python 3.14
//! matches; that includes what its translation to a regular expression makes of odd classes.
//! Compiling is linear in the pattern (but for a sort within each class), matching takes at most
//! name × pattern steps and no memory.

use std::borrow::Cow;

use crate::text::{code_point_at, code_points};

/// A compiled pattern: `*`, `?`, `[seq]`, `[!seq]`; everything else stands for itself. There is
/// no escape character, and all of them match `/` and line ends too.
#[derive(Clone, Debug)]
pub struct Pattern {
    tokens: Vec<Token>,
    /// The ranges of all classes; sorted and apart within each class.
    ranges: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
enum Token {
    Char(u32),
    Any,
    Star,
    /// One of `ranges[start..end]`, or none of them.
    Class {
        start: u32,
        end: u32,
        negated: bool,
    },
}

impl Pattern {
    /// Compiles a pattern in WTF-8. Every text is a pattern.
    pub fn new(pattern: impl AsRef<[u8]>) -> Self {
        let chars: Vec<u32> = code_points(pattern.as_ref()).collect();
        // A `[` needs a `]` behind it; looked for once, not once for each `[`.
        let last_close = chars.iter().rposition(|&c| c == ']' as u32).unwrap_or(0);
        let mut compiled = Pattern {
            tokens: Vec::new(),
            ranges: Vec::new(),
        };
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            let token = match char::from_u32(c) {
                Some('*') if matches!(compiled.tokens.last(), Some(Token::Star)) => continue,
                Some('*') => Token::Star,
                Some('?') => Token::Any,
                Some('[') => match class_end(&chars, at, last_close) {
                    Some(end) => {
                        let class = compiled.class(&chars[at..end]);
                        at = end + 1;
                        class
                    }
                    None => Token::Char(c),
                },
                _ => Token::Char(c),
            };
            compiled.tokens.push(token);
        }
        compiled
    }

    /// Compiles what is between the brackets of a class; it is not empty.
    ///
    /// Python splits at the hyphens that make ranges, drops ranges that are empty (`z-a`) and
    /// only then looks for a leading `!`: so `[z-a!x]` is `[!x]`, and in `[z-a!-x]` the `!`
    /// negates, which leaves the hyphen and the `x`.
    fn class(&mut self, inside: &[u32]) -> Token {
        const HYPHEN: u32 = '-' as u32;
        const BANG: u32 = '!' as u32;
        let mut items: Vec<(u32, u32)> = Vec::new();
        let mut first_is_range = false;
        // Up to `done` everything is in `items`; the next hyphen that can make a range is at
        // `from` or later.
        let (mut done, mut from) = (0, if inside[0] == BANG { 2 } else { 1 });
        while let Some(offset) = inside.iter().skip(from).position(|&c| c == HYPHEN) {
            let hyphen = from + offset;
            let Some(&high) = inside.get(hyphen + 1) else {
                break;
            };
            let low = inside[hyphen - 1];
            items.extend(inside[done..hyphen - 1].iter().map(|&c| (c, c)));
            if low <= high {
                first_is_range |= items.is_empty();
                items.push((low, high));
            }
            (done, from) = (hyphen + 2, hyphen + 3);
        }
        items.extend(inside[done..].iter().map(|&c| (c, c)));

        let negated = items.first().is_some_and(|&(low, _)| low == BANG);
        if negated {
            let (_, high) = items.remove(0);
            if first_is_range {
                items.extend([(HYPHEN, HYPHEN), (high, high)]);
            }
        }
        items.sort_unstable();
        let start = self.ranges.len();
        for (low, high) in items {
            match self.ranges[start..].last_mut() {
                Some(last) if low <= last.1 => last.1 = last.1.max(high),
                _ => self.ranges.push((low, high)),
            }
        }
        // A pattern of 2³² classes does not fit in memory; saturate rather than wrap.
        let id = |index| u32::try_from(index).unwrap_or(u32::MAX);
        Token::Class {
            start: id(start),
            end: id(self.ranges.len()),
            negated,
        }
    }

    /// Whether the whole name, in WTF-8, matches, case included.
    pub fn matches(&self, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref();
        let (mut token, mut at) = (0, 0);
        // The token after the last `*`, and where the text that the `*` takes ends.
        let mut retry = None;
        loop {
            let next = code_point_at(name, at);
            match (self.tokens.get(token), next) {
                (Some(Token::Star), _) => {
                    token += 1;
                    if token == self.tokens.len() {
                        return true;
                    }
                    retry = Some((token, at));
                    continue;
                }
                (Some(wanted), Some((c, length))) if self.token_matches(*wanted, c) => {
                    token += 1;
                    at += length;
                    continue;
                }
                (None, None) => return true,
                // Whatever a `*` takes, too little of the name is left.
                (Some(_), None) => return false,
                _ => {}
            }
            // Let the last `*` take one more. An earlier one never has to: what lies between
            // two of them matched as early as it can.
            let Some((after_star, taken)) = retry else {
                return false;
            };
            let Some((_, length)) = code_point_at(name, taken) else {
                return false;
            };
            retry = Some((after_star, taken + length));
            (token, at) = (after_star, taken + length);
        }
    }

    #[inline]
    fn token_matches(&self, token: Token, c: u32) -> bool {
        match token {
            Token::Char(wanted) => wanted == c,
            Token::Any | Token::Star => true,
            Token::Class {
                start,
                end,
                negated,
            } => {
                let ranges = &self.ranges[start as usize..end as usize];
                let after = ranges.partition_point(|&(low, _)| low <= c);
                let inside = after > 0 && c <= ranges[after - 1].1;
                inside != negated
            }
        }
    }
}

/// Where the `]` is that closes the class whose inside begins at `start`. A `]` that comes first
/// (after a `!`, if there is one) does not close it.
fn class_end(chars: &[u32], start: usize, last_close: usize) -> Option<usize> {
    let mut at = start;
    at += usize::from(chars.get(at) == Some(&('!' as u32)));
    at += 1;
    if at > last_close {
        return None;
    }
    let offset = chars[at..].iter().position(|&c| c == ']' as u32)?;
    Some(at + offset)
}

/// Whether a name matches a pattern, as Python's `fnmatch.fnmatch` says: on Windows, case and
/// the kind of slash do not count. To match many names, compile a [`Pattern`].
///
/// ```
/// assert!(snapshot::fnmatch("/lib/json/decoder.py", "*/json/*"));
/// assert!(!snapshot::fnmatch("b.py", "[!b]*"));
/// ```
pub fn fnmatch(name: impl AsRef<[u8]>, pattern: impl AsRef<[u8]>) -> bool {
    Pattern::new(normcase(pattern.as_ref())).matches(normcase(name.as_ref()))
}

/// Python's `os.path.normcase` of this platform: nothing, but on Windows.
pub(crate) fn normcase(name: &[u8]) -> Cow<'_, [u8]> {
    if !cfg!(windows) {
        return Cow::Borrowed(name);
    }
    let mut lowered = Vec::with_capacity(name.len());
    for c in code_points(name) {
        match char::from_u32(c) {
            Some('/') => lowered.push(b'\\'),
            // One code point for one, as Windows does it.
            Some(c) => {
                let mut lower = c.to_lowercase();
                let single = lower.next().filter(|_| lower.next().is_none());
                crate::text::push(&mut lowered, u32::from(single.unwrap_or(c)));
            }
            None => crate::text::push(&mut lowered, c),
        }
    }
    Cow::Owned(lowered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        let compiled = Pattern::new(pattern);
        for name in matching {
            assert!(compiled.matches(name), "{pattern:?} must match {name:?}");
        }
        for name in other {
            assert!(
                !compiled.matches(name),
                "{pattern:?} must not match {name:?}"
            );
        }
    }

    #[test]
    fn wildcards() {
        check("", &[""], &["a"]);
        check("*", &["", "a/b\nc"], &[]);
        check("a?c", &["abc", "a/c", "a\nc", "aéc"], &["ac", "abbc"]);
        check("*.py", &["a.py", ".py", "x.py.py"], &["a.pyc", "py"]);
        check("*a*b", &["ab", "xaxb", "abab"], &["aba", "b"]);
        check("\\*", &["\\", "\\x"], &["*"]);
    }

    #[test]
    fn classes() {
        check("[abc]", &["a", "c"], &["d", "", "ab"]);
        check("[a-c]x", &["bx"], &["dx", "-x"]);
        check("[b-b]", &["b"], &["a", "-"]);
        check("[!a]", &["b", "/", "\n"], &["a", ""]);
        check("[]]", &["]"], &["[]]"]);
        check("[!]]", &["a"], &["]"]);
        check("[]-a]", &["]", "^", "a"], &["-", "b"]);
        check("[a-]", &["a", "-"], &["b"]);
        check("[-a]", &["a", "-"], &["b"]);
        check("[--0]", &["-", ".", "0"], &["1", ","]);
        check("[^a]", &["^", "a"], &["b"]);
        check("[[]", &["["], &["]"]);
        check("[\\a]", &["\\", "a"], &["b"]);
        check("[a&&~~||b]", &["&", "~", "|", "a"], &["c"]);
        check("[é-ü😀]", &["ê", "😀"], &["e"]);
    }

    #[test]
    fn unclosed_brackets_stand_for_themselves() {
        check("[", &["["], &[]);
        check("[]", &["[]"], &["]"]);
        check("[!]", &["[!]"], &["a"]);
        check("a[b*", &["a[bc"], &["ab"]);
    }

    #[test]
    fn empty_ranges() {
        check("[z-a]", &[], &["z", "a", "-", ""]);
        check("[!z-a]", &["z", "-", "\n"], &["", "zz"]);
        check("[bz-a]", &["b"], &["a", "z"]);
        check("[z-a!x]", &["a", "!"], &["x"]);
        check("[z-a!]", &["x", "!"], &[]);
        check("[z-a!-b]", &["!", "a"], &["-", "b"]);
        check("[z-a^b]", &["^", "b"], &["x"]);
        check("[a-c-e]", &["b", "-", "e"], &["d"]);
    }

    #[test]
    fn hostile_patterns_take_linear_time() {
        let million = 1_000_000;
        let stars = "*a".repeat(million / 2);
        assert!(Pattern::new(&stars).matches("a".repeat(million / 2)));
        assert!(!Pattern::new(&stars).matches("a".repeat(1000)));
        assert!(!Pattern::new("*a*a*a*a*a*a*a*a*a*a*a*b").matches("a".repeat(100_000)));
        // Brackets that never close, ranges that are all empty, classes of all sizes.
        assert!(Pattern::new("[".repeat(million)).matches("[".repeat(million)));
        assert!(!Pattern::new(format!("[{}]", "z-a".repeat(million))).matches("b"));
        assert!(Pattern::new(format!("[{}]", "a-z".repeat(million))).matches("m"));
    }
}
