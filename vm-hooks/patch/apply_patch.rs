//! Applies a unified diff to a folder: `apply_patch PATCH FOLDER`.
//!
//! Invariant: strict. Every line that a hunk names must stand where the hunk says it stands;
//! there is no fuzz and no offset, and nothing is written unless the whole patch fits.
//! (Compiled by `rustc-wrapper` on the spot, so: one file, only std.)

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

fn main() {
    let args: Vec<String> = env::args().collect();
    let [_, patch, folder] = args.as_slice() else {
        fail("usage: apply_patch PATCH FOLDER");
    };
    let text = fs::read_to_string(patch).unwrap_or_else(|e| fail(&format!("{patch}: {e}")));
    let read = |path: &str| fs::read_to_string(PathBuf::from(folder).join(path));
    match patched_files(&text, read).and_then(|files| name_the_patch(files, patch, read)) {
        Ok(files) => {
            for (path, content) in files {
                let path = PathBuf::from(folder).join(path);
                write_at_its_time(&path, &content)
                    .unwrap_or_else(|e| fail(&format!("{}: {e}", path.display())));
            }
        }
        Err(why) => fail(&format!("{patch}: {why}")),
    }
}

/// Names the patch in the library, as a file that it is made of: so cargo compiles the library again
/// when the patch was edited. (Cargo itself knows nothing of the patch.)
fn name_the_patch(
    mut files: BTreeMap<String, String>,
    patch: &str,
    read: impl Fn(&str) -> std::io::Result<String>,
) -> Result<BTreeMap<String, String>, String> {
    const LIBRARY: &str = "src/lib.rs";
    if files.is_empty() {
        return Err("no hunk in it".to_owned());
    }
    let mut library = match files.remove(LIBRARY) {
        Some(content) => content,
        None => read(LIBRARY).map_err(|e| format!("{LIBRARY}: {e}"))?,
    };
    library.push_str(&format!("\nconst _: &[u8] = include_bytes!({patch:?});\n"));
    files.insert(LIBRARY.to_owned(), library);
    Ok(files)
}

/// The patched file keeps the time of the original: see the wrapper.
fn write_at_its_time(path: &Path, content: &str) -> std::io::Result<()> {
    let time = fs::metadata(path)?.modified()?;
    fs::write(path, content)?;
    fs::File::options()
        .write(true)
        .open(path)?
        .set_modified(time)
}

fn fail(why: &str) -> ! {
    eprintln!("error: {why}");
    process::exit(1);
}

/// The new content of each file that the patch changes.
fn patched_files(
    patch: &str,
    read: impl Fn(&str) -> std::io::Result<String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut files = BTreeMap::new();
    let mut lines = patch.lines().enumerate().peekable();
    while let Some((n, line)) = lines.next() {
        let Some(old) = line.strip_prefix("--- ") else {
            // Words between the files are for the reader.
            continue;
        };
        let path = old.split_once('/').map_or(old, |(_, path)| path).to_owned();
        match lines.next() {
            Some((_, new)) if new.starts_with("+++ ") => {}
            _ => return Err(format!("line {}: '+++' expected after '---'", n + 1)),
        }
        let original = read(&path).map_err(|e| format!("{path}: {e}"))?;
        let source: Vec<&str> = original.lines().collect();
        let mut result: Vec<&str> = Vec::new();
        let mut at = 0;
        while let Some((n, header)) = lines.next_if(|(_, line)| line.starts_with("@@ ")) {
            let (start, mut old_left, mut new_left) =
                hunk_header(header).ok_or(format!("line {}: bad hunk header", n + 1))?;
            if start < at + 1 || start > source.len() + 1 {
                return Err(format!("line {}: hunk out of place in {path}", n + 1));
            }
            result.extend(&source[at..start - 1]);
            at = start - 1;
            while old_left > 0 || new_left > 0 {
                let (n, line) = lines.next().ok_or("the last hunk is cut")?;
                let (kind, content) = match line.chars().next() {
                    None => (' ', ""),
                    Some(kind) => (kind, &line[kind.len_utf8()..]),
                };
                if matches!(kind, ' ' | '-') {
                    if source.get(at) != Some(&content) {
                        return Err(format!(
                            "line {}: {path}:{} is not {content:?}",
                            n + 1,
                            at + 1
                        ));
                    }
                    at += 1;
                    old_left = dec(old_left, n)?;
                }
                if matches!(kind, ' ' | '+') {
                    result.push(content);
                    new_left = dec(new_left, n)?;
                }
                if !matches!(kind, ' ' | '-' | '+') {
                    return Err(format!("line {}: not a line of a hunk", n + 1));
                }
            }
        }
        result.extend(&source[at..]);
        files.insert(path, result.join("\n") + "\n");
    }
    Ok(files)
}

fn dec(left: usize, n: usize) -> Result<usize, String> {
    left.checked_sub(1)
        .ok_or_else(|| format!("line {}: more lines than the hunk's header says", n + 1))
}

/// `@@ -start,old +start,new @@` as (start, old, new).
fn hunk_header(line: &str) -> Option<(usize, usize, usize)> {
    let mut parts = line.strip_prefix("@@ ")?.split(' ');
    let range = |part: &str| -> Option<(usize, usize)> {
        match part.split_once(',') {
            Some((start, len)) => Some((start.parse().ok()?, len.parse().ok()?)),
            None => Some((part.parse().ok()?, 1)),
        }
    };
    let (start, old) = range(parts.next()?.strip_prefix('-')?)?;
    let (_, new) = range(parts.next()?.strip_prefix('+')?)?;
    Some((start, old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "a\nb\nc\nd\n";

    fn apply(patch: &str) -> Result<String, String> {
        let files = patched_files(patch, |_| Ok(FILE.to_owned()))?;
        Ok(files.into_values().next().unwrap_or_default())
    }

    #[test]
    fn a_patch_that_fits_is_applied() {
        let patch = "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n a\n+x\n b\n@@ -4 +5 @@\n-d\n+e\n";
        assert_eq!(apply(patch).unwrap(), "a\nx\nb\nc\ne\n");
    }

    #[test]
    fn the_library_names_the_patch() {
        let patched = BTreeMap::from([("src/x.rs".to_owned(), "x\n".to_owned())]);
        let files = name_the_patch(patched, "/a \"b\"/p.patch", |_| Ok(FILE.to_owned())).unwrap();
        assert_eq!(files["src/x.rs"], "x\n");
        let line = r#"const _: &[u8] = include_bytes!("/a \"b\"/p.patch");"#;
        assert_eq!(files["src/lib.rs"], format!("{FILE}\n{line}\n"));
        assert!(name_the_patch(BTreeMap::new(), "p", |_| Ok(String::new())).is_err());
    }

    #[test]
    fn a_patch_that_does_not_fit_is_refused() {
        for bad in [
            "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-z\n+y\n",
            "--- a/f\n+++ b/f\n@@ -2,2 +2,2 @@\n a\n b\n",
            "--- a/f\n+++ b/f\n@@ -3,2 +3,2 @@\n c\n",
            "--- a/f\n+++ b/f\n@@ -9,1 +9,1 @@\n c\n",
            "--- a/f\n@@ -1,1 +1,1 @@\n a\n",
            "--- a/f\n+++ b/f\n@@ nonsense @@\n a\n",
        ] {
            assert!(apply(bad).is_err(), "{bad}");
        }
    }
}
