//! `docs/compatibility.md` tells the truth about what holds it: every test that it names exists,
//! and every public name of the module is in it.

use std::fs;
use std::path::Path;

use super::util::{cpython_with_tests, root, skip, tracepy};

/// The words between backticks of the last column of each table.
fn named(document: &str) -> Vec<String> {
    let rows = document.lines().filter(|line| line.starts_with("| "));
    let last = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit(" | ").next());
    let words = last.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words.map(str::to_owned).collect()
}

fn document() -> String {
    let path = root().join("docs").join("compatibility.md");
    fs::read_to_string(path).expect("the document can be read")
}

/// Whether a file of a test exists.
fn is_file(name: &str) -> bool {
    [root().join("tests").join(name), root().join(name)]
        .iter()
        .any(|path| path.is_file())
}

fn is_path(name: &str) -> bool {
    name.contains('/') && (name.ends_with(".py") || name.ends_with(".rs"))
}

#[test]
fn the_named_files_exist() {
    let document = document();
    let names: Vec<String> = named(&document)
        .into_iter()
        .filter(|n| is_path(n))
        .collect();
    assert!(names.len() > 50, "the tables were read: {names:?}");
    let missing: Vec<&String> = names.iter().filter(|name| !is_file(name)).collect();
    assert!(missing.is_empty(), "there is no {missing:?}");
    assert!(!is_file("scripts/no_such_test.py"));
}

/// Whether a file of Python has a class with that method.
fn has_test(source: &str, name: &str) -> bool {
    let Some((class, method)) = name.split_once('.') else {
        return false;
    };
    let start = source.find(&format!("\nclass {class}("));
    start.is_some_and(|start| {
        let body = &source[start + 1..];
        let end = body.find("\nclass ").unwrap_or(body.len());
        body[..end].contains(&format!("    def {method}(self"))
    })
}

#[test]
fn the_named_tests_of_cpython_exist() {
    let Some((_, package)) = cpython_with_tests() else {
        skip(
            module_path!(),
            "no CPython 3.13 with its `test` package was found",
        );
        return;
    };
    let source = fs::read_to_string(Path::new(&package).join("test_tracemalloc.py"))
        .expect("the tests of tracemalloc are in the package");
    let document = document();
    let names: Vec<String> = named(&document)
        .into_iter()
        .filter(|name| name.starts_with("Test"))
        .collect();
    assert!(names.len() > 25, "the tables were read: {names:?}");
    let missing: Vec<&String> = names.iter().filter(|n| !has_test(&source, n)).collect();
    assert!(missing.is_empty(), "CPython has no {missing:?}");
    assert!(!has_test(&source, "TestFilters.test_no_such"));
}

#[test]
fn every_public_name_is_documented() {
    let code = "import tracemalloc\n\
                for name in sorted(vars(tracemalloc)):\n\
                \x20   value = getattr(tracemalloc, name)\n\
                \x20   if name[0] != '_' and getattr(value, '__module__', None) != 'functools' \\\n\
                \x20           and callable(value) and 'abc' not in str(value):\n\
                \x20       print(name)\n";
    let out = tracepy().args(["-c", code]).run().success();
    let document = document();
    let names: Vec<&str> = out.stdout.lines().collect();
    assert!(names.len() >= 19, "{names:?}");
    for name in names {
        assert!(
            document.contains(&format!("| `{name}` |")),
            "no row of {name}"
        );
    }
}
