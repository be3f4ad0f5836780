//! Packages and domains: two more keys to group memory by, which Python's module does not have.
//!
//! Invariant: every trace belongs to exactly one package and one domain, so their sums are those of
//! the snapshot (but for the cumulative mode, where a trace counts for each package in its
//! traceback, once).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use crate::hash::SeededMap;
use crate::{Snapshot, Usage};

/// Where a file comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PackageKind {
    /// The program's own code: whatever is none of the others.
    Program,
    /// Installed below a `site-packages` or `dist-packages` folder.
    Installed,
    /// The standard library of Python, frozen modules included.
    Standard,
    /// No file: `<unknown>`, `<string>` and the like.
    NoFile,
}

/// What a file belongs to, judged by its name alone.
///
/// For installed packages and the standard library it is the top-level package or module
/// (`numpy`, `json`), for the program's own files their folder, for what is no file its name
/// (`<string>`).
///
/// ```
/// use snapshot::{Package, PackageKind};
///
/// let package = Package::of("/venv/lib/python3.13/site-packages/requests/models.py");
/// assert_eq!((package.name(), package.kind()), ("requests", PackageKind::Installed));
/// assert_eq!(Package::of("/srv/app/main.py").name(), "/srv/app");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Package {
    kind: PackageKind,
    name: String,
}

impl Package {
    /// The package of a file.
    pub fn of(filename: &str) -> Self {
        let (kind, name) = classify(filename);
        Package {
            kind,
            name: name.to_owned(),
        }
    }

    /// Where it comes from.
    pub fn kind(&self) -> PackageKind {
        self.kind
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn classify(filename: &str) -> (PackageKind, &str) {
    if let Some(inside) = filename
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return match inside.strip_prefix("frozen ") {
            Some(module) => (
                PackageKind::Standard,
                module.split('.').next().unwrap_or(module),
            ),
            None => (PackageKind::NoFile, filename),
        };
    }
    let separators = ['/', '\\'];
    let parts: Vec<&str> = filename.split(separators).collect();
    let folders = &parts[..parts.len() - 1];
    let after = |at: usize| module_name(parts[at + 1]);
    let is_installed = |part: &str| matches!(part, "site-packages" | "dist-packages");
    if let Some(at) = folders.iter().rposition(|part| is_installed(part)) {
        let egg = parts[at + 1].ends_with(".egg") && at + 2 < parts.len();
        return (PackageKind::Installed, after(at + usize::from(egg)));
    }
    let is_library = |at: usize| {
        let part = folders[at].to_ascii_lowercase();
        let before = at.checked_sub(1).map(|at| folders[at].to_ascii_lowercase());
        let before = before.as_deref().unwrap_or("");
        // lib/python3.13/, Python313\Lib\, python313.zip/
        (is_python(&part) && matches!(before, "lib" | "lib64"))
            || (part == "lib" && is_python(before))
            || part.strip_suffix(".zip").is_some_and(is_python)
    };
    if let Some(at) = (0..folders.len()).rev().find(|&at| is_library(at)) {
        return (PackageKind::Standard, after(at));
    }
    let folder = filename.rfind(separators).map_or(".", |end| {
        if end == 0 {
            &filename[..1]
        } else {
            &filename[..end]
        }
    });
    (PackageKind::Program, folder)
}

/// `python3`, `python3.13`, `python3.14t`, `python313`
fn is_python(part: &str) -> bool {
    part.strip_prefix("python")
        .is_some_and(|version| version.starts_with('3'))
}

fn module_name(part: &str) -> &str {
    let stem = part.strip_suffix(".pyc").or(part.strip_suffix(".py"));
    stem.unwrap_or(part)
}

impl Snapshot {
    /// The traces grouped by the [`Package`] of their most recent frame, the largest first.
    ///
    /// In cumulative mode a trace counts for every package in its traceback, once for each
    /// (unlike a file in [`statistics`](Self::statistics), which counts for each frame).
    pub fn by_package(&self, cumulative: bool) -> Vec<(Package, Usage)> {
        let tables = self.tables();
        let mut ids: SeededMap<Package, usize> = SeededMap::default();
        let mut of_file = Vec::with_capacity(tables.files.len());
        for file in &tables.files {
            let next = ids.len();
            let package = Package::of(&file.to_string_lossy());
            of_file.push(*ids.entry(package).or_insert(next));
        }
        let mut usages = vec![Usage::default(); ids.len()];
        let mut seen: Vec<usize> = Vec::new();
        for (id, sum) in (0_u32..).zip(self.sums_by_traceback()) {
            if sum.count == 0 {
                continue;
            }
            let stack = tables.stack(id);
            let counted = if cumulative { stack } else { &stack[..1] };
            seen.clear();
            for frame in counted {
                let package = of_file[tables.frame(*frame).0 as usize];
                if !seen.contains(&package) {
                    seen.push(package);
                    usages[package].size += sum.size;
                    usages[package].count += sum.count;
                }
            }
        }
        let mut groups: Vec<(Package, Usage)> = ids
            .into_iter()
            .map(|(package, at)| (package, usages[at]))
            .filter(|(_, usage)| usage.count > 0)
            .collect();
        groups.sort_by(|(a, x), (b, y)| {
            let by_size = Reverse((x.size, x.count)).cmp(&Reverse((y.size, y.count)));
            by_size.then_with(|| a.cmp(b))
        });
        groups
    }

    /// The traces grouped by domain, the largest first. Domain 0 is Python's own memory.
    pub fn by_domain(&self) -> Vec<(u32, Usage)> {
        let mut usages: BTreeMap<u32, Usage> = BTreeMap::new();
        for (row, (&domain, &size)) in self.domains().iter().zip(self.sizes()).enumerate() {
            let usage = usages.entry(domain).or_default();
            usage.size += size;
            usage.count += self.count(row);
        }
        let mut groups: Vec<(u32, Usage)> = usages.into_iter().collect();
        groups.sort_by_key(|&(domain, usage)| (Reverse((usage.size, usage.count)), domain));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnapshotBuilder;

    #[test]
    fn names() {
        use PackageKind::{Installed, NoFile, Program, Standard};
        let cases = [
            ("/usr/lib/python3.13/json/decoder.py", Standard, "json"),
            ("/usr/lib64/python3/abc.py", Standard, "abc"),
            ("/tracepy/lib/python3.14/abc.py", Standard, "abc"),
            (r"C:\Python313\Lib\json\decoder.py", Standard, "json"),
            ("/app/python312.zip/json/x.pyc", Standard, "json"),
            ("<frozen importlib._bootstrap>", Standard, "importlib"),
            ("<frozen abc>", Standard, "abc"),
            ("/v/lib/python3.8/site-packages/six.py", Installed, "six"),
            (
                "/usr/lib/python3/dist-packages/yaml/a/b.py",
                Installed,
                "yaml",
            ),
            ("/v/site-packages/x-1.0.egg/x/a.py", Installed, "x"),
            ("/srv/app/models.py", Program, "/srv/app"),
            ("/python3.13/a.py", Program, "/python3.13"),
            ("/main.py", Program, "/"),
            ("main.py", Program, "."),
            ("", Program, "."),
            ("<unknown>", NoFile, "<unknown>"),
            ("<string>", NoFile, "<string>"),
            ("site-packages", Program, "."),
        ];
        for (file, kind, name) in cases {
            let package = Package::of(file);
            assert_eq!((package.kind(), package.name()), (kind, name), "{file}");
        }
    }

    #[test]
    fn sums() {
        let mut builder = SnapshotBuilder::new(25);
        let app = builder.file("/app/a.py".into());
        let more = builder.file("/app/b.py".into());
        let json = builder.file("/usr/lib/python3.13/json/decoder.py".into());
        let deep = builder.traceback([(json, 9), (app, 5), (more, 1), (app, 1)], None);
        let flat = builder.traceback([(more, 2)], None);
        builder.trace(0, 100, deep);
        builder.trace(7, 40, flat);
        builder.trace(0, 1, flat);
        let snapshot = builder.build().unwrap();
        let shown = |cumulative| -> Vec<(String, i64, i64)> {
            let groups = snapshot.by_package(cumulative).into_iter();
            groups
                .map(|(p, u)| (p.to_string(), u.size, u.count))
                .collect()
        };
        let row = |name: &str, size, count| (name.to_owned(), size, count);
        assert_eq!(shown(false), [row("json", 100, 1), row("/app", 41, 2)]);
        assert_eq!(shown(true), [row("/app", 141, 3), row("json", 100, 1)]);
        let domains = snapshot.by_domain();
        assert_eq!(
            domains[0],
            (
                0,
                Usage {
                    size: 101,
                    count: 2
                }
            )
        );
        assert_eq!(domains[1], (7, Usage { size: 40, count: 1 }));
    }
}
