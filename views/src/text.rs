//! Texts from a dump on a terminal.
//!
//! Invariant: what is printed holds no control characters, so a name in a hostile dump can neither
//! move the cursor nor add a line.

use std::borrow::Cow;

use snapshot::Frame;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with control characters (and those that turn the direction of text) as escapes.
pub fn printable(text: &str) -> Cow<'_, str> {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if bad(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// `file:line`, or the file alone for line 0 of statistics by file.
pub fn location(frame: &Frame, with_line: bool) -> String {
    let name = frame.filename.to_string_lossy();
    let name = printable(&name);
    if with_line {
        format!("{name}:{}", frame.lineno)
    } else {
        name.into_owned()
    }
}

/// The end of a text, if it is wider than that many columns: the end of a path says the most.
pub fn shorten(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let mut start = text.len();
    for (at, _) in text.char_indices().rev() {
        if text[at..].width() > columns.saturating_sub(1) {
            break;
        }
        start = at;
    }
    Cow::Owned(format!("…{}", &text[start..]))
}

/// The beginning of a text, if it is wider than that many columns.
pub fn beginning(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        if cut.width() + c.width().unwrap_or(0) + 1 > columns {
            break;
        }
        cut.push(c);
    }
    cut + "…"
}

/// `1 block`, `2 blocks`.
pub fn plural(count: usize, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {one}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_characters() {
        assert_eq!(printable("a\x1b[2J\nb"), r"a\u{1b}[2J\nb");
        assert_eq!(printable("\u{202E}x"), r"\u{202e}x");
        assert_eq!(printable("é 😀"), "é 😀");
    }

    #[test]
    fn keeps_the_end() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdef", 4), "…def");
        assert_eq!(shorten("字字字", 4), "…字");
    }
}
