//! Outputs that exist, devices, folders.

use std::fs;
use std::path::Path;

use super::util::{fixture, folder, program, run};

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
    .refuses(1, &["out.svg", "cannot write"]);
    let mut command = program();
    command
        .arg("flamegraph")
        .arg(fixture())
        .arg("-o")
        .arg(&folder);
    run(&mut command).refuses(1, &["nowhere", "cannot write"]);
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
