//! Tests of the archive format, and of the archive that the build script made.

use super::archive::{Archive, Damaged, ENTRY_LEN, HEADER_LEN};
use super::archive_writer::{AT_START, File, write};
use super::{ARCHIVE, ROOT, layout};

fn file(name: &str, code: &[u8], data: &[u8]) -> File {
    File {
        name: name.to_owned(),
        code: code.to_vec(),
        data: data.to_vec(),
    }
}

fn sample() -> Vec<u8> {
    let long = "line\n".repeat(500);
    let files = vec![
        file("b/__init__.py", b"code", long.as_bytes()),
        file("b/data/x.bin", b"", &[0, 1, 2, 255]),
        file("b.py", b"shadowed", b""),
        file("a.py", b"", b"x = 1\n"),
        file("a.py", b"second", b"dropped"),
        file("b-c/d.txt", b"", b"between b and b/"),
    ];
    write(files, &["b.py", "no such file"]).expect("it fits")
}

#[test]
fn files_come_back() {
    let bytes = sample();
    let archive = Archive::open(&bytes).expect("a sound archive");
    let init = archive.find("b/__init__.py").expect("there");
    assert_eq!(init.code(), Some(&b"code"[..]));
    assert_eq!(init.data(), Ok("line\n".repeat(500).into_bytes()));
    assert_eq!(archive.find("b.py").expect("there").data(), Ok(vec![]));
    let first = archive.find("a.py").expect("there");
    assert_eq!(
        (first.code(), first.data()),
        (None, Ok(b"x = 1\n".to_vec()))
    );
    for missing in [
        "",
        "b",
        "b/",
        "b/data",
        "c.py",
        "a.pyc",
        "/a.py",
        "b//__init__.py",
    ] {
        assert!(archive.find(missing).is_none(), "{missing}");
    }
}

#[test]
fn directories() {
    let bytes = sample();
    let archive = Archive::open(&bytes).expect("a sound archive");
    assert_eq!(
        archive.list(""),
        [("a.py", false), ("b-c", true), ("b.py", false), ("b", true)]
    );
    assert_eq!(archive.list("b"), [("__init__.py", false), ("data", true)]);
    assert_eq!(archive.list("b/data"), [("x.bin", false)]);
    for missing in ["a.py", "a", "b/d", "b/", "/", "z"] {
        assert_eq!(archive.list(missing), [], "{missing}");
        assert!(!archive.is_dir(missing), "{missing}");
    }
    assert!(archive.is_dir("") && archive.is_dir("b") && archive.is_dir("b/data"));
    assert!(
        Archive::open(&write(vec![], &[]).expect("it fits")).is_ok_and(|empty| !empty.is_dir(""))
    );
}

#[test]
fn order_does_not_matter() {
    let files = [
        file("x", b"1", b"2"),
        file("y", b"", b"3"),
        file("x/y", b"", b"4"),
    ];
    let mut other = files.to_vec();
    other.reverse();
    assert_eq!(write(files.to_vec(), &["y"]), write(other, &["y"]));
}

#[test]
fn the_code_of_every_start_lies_together_before_all_other() {
    let place = |name: &str| {
        let code = ARCHIVE.find(name).and_then(|entry| entry.code());
        code.unwrap_or_else(|| panic!("{name} has no code"))
            .as_ptr_range()
    };
    for pair in AT_START.windows(2) {
        assert_eq!(place(pair[0]).end, place(pair[1]).start, "{pair:?}");
    }
    let last = place(AT_START[AT_START.len() - 1]).end;
    for other in ["argparse.py", "json/__init__.py", "zipfile/__init__.py"] {
        assert!(place(other).start >= last, "{other}");
    }
}

/// Every shortened archive, and every archive with one byte changed, is either refused or read
/// without a panic.
#[test]
fn damage() {
    let bytes = sample();
    for len in 0..bytes.len() {
        assert!(Archive::open(&bytes[..len]).is_err(), "{len} bytes");
    }
    assert_eq!(Archive::open(b"not an archive").err(), Some(Damaged::Magic));
    for at in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= change;
            let Ok(archive) = Archive::open(&bytes) else {
                continue;
            };
            assert!(at >= 8, "the magic is looked at");
            for entry in archive.files_under("") {
                let _ = (entry.name(), entry.code(), entry.data());
            }
            let _ = archive.list("b");
        }
    }
}

#[test]
fn a_false_length_costs_no_memory() {
    let mut bytes = sample();
    let last_field = HEADER_LEN + 4 * ENTRY_LEN + 24;
    let archive = Archive::open(&bytes).expect("a sound archive");
    let index = archive
        .files_under("")
        .position(|entry| entry.name() == "b/__init__.py");
    assert_eq!(index, Some(3));
    bytes[last_field - ENTRY_LEN..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let archive = Archive::open(&bytes).expect("the table is sound");
    let entry = archive.find("b/__init__.py").expect("there");
    assert_eq!(entry.data(), Err(Damaged::Data));
}

#[test]
fn the_built_in_library() {
    let os = ARCHIVE.find("os.py").expect("there");
    assert!(
        os.data()
            .is_ok_and(|source| source.starts_with(b"r\"\"\"OS routines"))
    );
    for entry in ARCHIVE.files_under("") {
        let name = entry.name();
        assert!(
            !name.contains("__pycache__") && !name.ends_with(".pyc"),
            "{name}"
        );
        assert!(entry.data().is_ok(), "{name}");
        assert_eq!(entry.code().is_some(), name.ends_with(".py"), "{name}");
    }
    for own in ["_tracepy_stdlib.py", "_tracepy_resources.py"] {
        assert!(ARCHIVE.find(own).is_some(), "{own}");
    }
    assert!(ARCHIVE.is_dir("ensurepip/_bundled"));
}

/// No path of the machine that built the archive is in its code.
#[test]
fn no_path_of_the_build_machine() {
    for entry in ARCHIVE.files_under("") {
        let Some(code) = entry.code() else { continue };
        let code = lz4_flex::block::decompress_size_prepended(code).expect("sound");
        for path in [env!("CARGO_MANIFEST_DIR"), "/registry/src/"] {
            let found = code.windows(path.len()).any(|part| part == path.as_bytes());
            assert!(!found, "{path} in {}", entry.name());
        }
        let own = layout::code_file_name(entry.name());
        let found = code.windows(own.len()).any(|part| part == own.as_bytes());
        assert!(found, "{own} is not in its code");
    }
    assert!(ROOT.starts_with('/') && !ROOT.ends_with('/'));
}
