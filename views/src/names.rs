//! Short names of files.
//!
//! Invariant: different files get different names, each an end of its path.

use std::collections::HashMap;

/// For each file name, its shortest end that no other of them has. `__init__.py` and `__main__.py`
/// keep their folder, since alone they say nothing.
pub fn short(files: &[String]) -> Vec<String> {
    let least = |file: &str| {
        let last = file.rsplit(['/', '\\']).next().unwrap_or(file);
        1 + usize::from(matches!(last, "__init__.py" | "__main__.py"))
    };
    let mut parts: Vec<usize> = files.iter().map(|file| least(file)).collect();
    loop {
        let mut owners: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, file) in files.iter().enumerate() {
            owners.entry(end(file, parts[at])).or_default().push(at);
        }
        let mut longer = false;
        for (name, owners) in owners {
            let differ = owners.iter().any(|&at| files[at] != files[owners[0]]);
            for at in owners {
                if differ && name.len() < files[at].len() {
                    parts[at] += 1;
                    longer = true;
                }
            }
        }
        if !longer {
            let names = files.iter().zip(&parts);
            return names
                .map(|(file, &parts)| end(file, parts).to_owned())
                .collect();
        }
    }
}

/// The last parts of a path.
fn end(file: &str, parts: usize) -> &str {
    let separators = file.rmatch_indices(['/', '\\']);
    let start = separators.map(|(at, _)| at).nth(parts - 1);
    match start {
        // One more part would be the empty one before a leading slash.
        Some(at) => &file[at + 1..],
        None => file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_files_have_different_names() {
        let files = [
            "/lib/json/decoder.py",
            "/lib/xml/decoder.py",
            "/app/main.py",
            "/lib/json/__init__.py",
            "a.py",
            "x/a.py",
            "/x/a.py",
            "<unknown>",
            "/app/main.py",
            r"C:\b\c.py",
            "/",
            "",
        ];
        let names = short(&files.map(str::to_owned));
        assert_eq!(
            names,
            [
                "json/decoder.py",
                "xml/decoder.py",
                "main.py",
                "json/__init__.py",
                "a.py",
                "x/a.py",
                "/x/a.py",
                "<unknown>",
                "main.py",
                "c.py",
                "/",
                ""
            ]
        );
    }
}
