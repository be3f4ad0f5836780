//! Outputs that exist, devices, folders.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::util::{fixture, folder, program, run, skip};

/// The commands that write a file.
const WRITERS: [&[&str]; 4] = [
    &["convert", "--to", "pprof"],
    &["convert", "--to", "csv"],
    &["flamegraph"],
    &["flamegraph", "--html"],
];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there").flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn what_exists_stays() {
    let folder = folder("exists");
    let file = folder.join("out");
    for command in WRITERS {
        let write = |flags: &[&str]| {
            run(program()
                .args(command)
                .arg(fixture())
                .args(flags)
                .arg("-o")
                .arg(&file))
        };
        fs::write(&file, "mine").expect("a file can be written");
        write(&[]).refuses(2, &["out", "exists already; --force replaces it"]);
        assert_eq!(fs::read(&file).expect("it is there"), b"mine");
        write(&["--force"]).ok();
        assert_ne!(fs::read(&file).expect("it is there"), b"mine");
        fs::remove_file(&file).expect("it is there");
        write(&[]).ok();
        assert_eq!(names(&folder), ["out"], "nothing is left beside it");
    }
}

#[test]
fn on_bad_input_nothing_is_written() {
    let folder = folder("nothing");
    let (bad, out) = (folder.join("bad"), folder.join("out"));
    let good = fs::read(fixture()).expect("the fixture is there");
    fs::write(&bad, &good[..good.len() - 1]).expect("a file can be written");
    for command in WRITERS {
        run(program().args(command).arg(&bad).arg("-o").arg(&out)).refuses(2, &["bad: truncated"]);
        assert_eq!(names(&folder), ["bad"]);
        // An output that may be replaced stays, too.
        fs::write(&out, "mine").expect("a file can be written");
        let mut forced = program();
        forced
            .args(command)
            .arg(&bad)
            .arg("--force")
            .arg("-o")
            .arg(&out);
        run(&mut forced).refuses(2, &["bad: truncated"]);
        assert_eq!(fs::read(&out).expect("it is there"), b"mine");
        fs::remove_file(&out).expect("it is there");
    }
    let diff = ["flamegraph", "-o"];
    let mut command = program();
    command
        .args(diff)
        .arg(&out)
        .arg(fixture())
        .arg("--diff")
        .arg(&bad);
    run(&mut command).refuses(2, &["bad: truncated"]);
    assert_eq!(names(&folder), ["bad"]);
}

#[test]
fn where_nothing_can_be_written_is_status_1() {
    let folder = folder("nowhere");
    let out = folder.join("no/such/folder/out.svg");
    run(program()
        .arg("flamegraph")
        .arg(fixture())
        .arg("-o")
        .arg(&out))
    .refuses(
        1,
        &["out.svg", "cannot write", "no folder", "make it first"],
    );
    let mut command = program();
    command
        .arg("flamegraph")
        .arg(fixture())
        .arg("-o")
        .arg(&folder);
    run(&mut command).refuses(1, &["nowhere", "cannot write"]);
}

#[test]
fn a_picture_has_the_name_of_its_kind() {
    let folder = folder("kinds");
    let write = |name: &str, flags: &[&str]| {
        let mut command = program();
        command.arg("flamegraph").arg(fixture()).args(flags);
        run(command.arg("-o").arg(folder.join(name)))
    };
    write("x.png", &[]).refuses(2, &["x.png", ".svg and .html", "rsvg-convert"]);
    write("x.PDF", &["--html"]).refuses(2, &["x.PDF", ".svg and .html"]);
    write("x.json", &[]).refuses(2, &["x.json", "convert"]);
    write("x.svg", &["--html"]).refuses(2, &["x.svg", "ends in .html"]);
    assert!(names(&folder).is_empty());
    for (name, flags, start) in [
        ("x.SVG", &[][..], "<svg"),
        ("x", &[], "<svg"),
        ("x.htm", &[], "<!doctype html>"),
        ("y", &["--html"], "<!doctype html>"),
        ("x.json", &["--json"], "{"),
    ] {
        write(name, flags).ok();
        let text = fs::read_to_string(folder.join(name)).expect("it is written");
        assert!(text.to_lowercase().starts_with(start), "{name}");
    }
}

/// On a terminal, which `script` makes.
#[test]
fn what_is_no_text_is_not_for_terminals() {
    if Command::new("script").arg("--version").output().is_err() {
        skip("outputs on a terminal: script (of util-linux) is not installed");
        return;
    }
    let on_terminal = |args: &str| {
        let dump = fixture().display().to_string();
        let line = format!("'{}' {args} '{dump}'", env!("CARGO_BIN_EXE_tracemalloc"));
        let mut command = Command::new("script");
        run(command.args(["-qec", &line, "/dev/null"]))
    };
    for (args, name) in [
        ("convert --to pprof", "-o OUT.pb.gz"),
        ("flamegraph", "-o OUT.svg"),
        ("flamegraph --html", "-o OUT.html"),
    ] {
        let text = on_terminal(args).code(2).text();
        assert!(text.contains("nothing for a terminal"), "{text}");
        assert!(text.contains(name) && text.lines().count() == 1, "{text}");
    }
    for args in ["convert --to csv", "flamegraph --json"] {
        on_terminal(args).code(0);
    }
    // A pipe takes all.
    let piped = run(program().args(["convert", "--to=pprof"]).arg(fixture())).ok();
    assert!(piped.stdout.starts_with(&[0x1F, 0x8B]));
}

#[test]
fn devices_are_written_to() {
    if !Path::new("/dev/stdout").exists() {
        return;
    }
    let plain = run(program().args(["convert", "--to=csv"]).arg(fixture())).ok();
    let device = run(program()
        .args(["convert", "--to=csv", "-o/dev/stdout"])
        .arg(fixture()))
    .ok();
    assert_eq!(device.stdout, plain.stdout);
}
