//! Whether the script of a command line can be opened.
//!
//! Invariant: only a script that the operating system refuses is a problem. A folder, a zip file
//! or a broken program is the interpreter's business, and nothing but regular files is opened
//! here: a pipe can be opened only once.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;

/// Why `script` cannot be opened, in CPython's words; `None` if it can.
pub(super) fn problem(script: &OsStr) -> Option<String> {
    // An empty name is the working directory.
    if script.is_empty() {
        return None;
    }
    let path = Path::new(script);
    let error = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => File::open(path).err()?,
        Ok(_) => return None,
        Err(error) => error,
    };
    let full = match std::env::current_dir() {
        Ok(directory) if !path.is_absolute() => directory.join(path),
        _ => path.to_owned(),
    };
    let errno = error.raw_os_error().unwrap_or(2);
    let reason = error.to_string();
    let reason = reason
        .strip_suffix(&format!(" (os error {errno})"))
        .unwrap_or(&reason);
    Some(format!(
        "can't open file {}: [Errno {errno}] {reason}",
        repr(&full.to_string_lossy())
    ))
}

/// Python's `repr` of a string, up to which letters count as printable.
fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if letter == quote => out.extend(['\\', letter]),
            _ if letter.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::repr;

    #[test]
    fn quotes_as_python_does() {
        for (text, expected) in [
            ("/a/b.py", "'/a/b.py'"),
            ("it's", "\"it's\""),
            ("'\"", r#"'\'"'"#),
            ("a\n\t\r\u{1}\u{7f}\\é", r"'a\n\t\r\x01\x7f\\é'"),
        ] {
            assert_eq!(repr(text), expected);
        }
    }
}
