//! `watch`: folders, processes, a terminal.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::util::{assert_same, fixture, folder, program, pythons, run, series, skip, tracemalloc};

/// A child that does not outlive its test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `watch FOLDER --json`, which goes on.
fn follow(target: &str, flags: &[&str]) -> (Guard, BufReader<ChildStdout>) {
    let mut command = program();
    command
        .args(["watch", "--json", "--interval=0.02", "-n0", target])
        .args(flags);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let stdout = child.stdout.take().expect("piped");
    (Guard(child), BufReader::new(stdout))
}

fn next(lines: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

/// As a dump should appear: whole.
fn publish(dump: &Path, place: &Path) {
    let draft = place.with_file_name(".draft");
    fs::copy(dump, &draft).expect("a file can be written");
    fs::rename(draft, place).expect("a file can be renamed");
}

fn groups_by_name(groups: &Value) -> Value {
    let mut groups = groups.as_array().expect("a list").clone();
    groups.sort_by_key(|group| group["traceback"].to_string());
    groups.into()
}

#[test]
fn dumps_are_shown_as_they_appear() {
    for series in series() {
        let folder = folder(&format!("watch-{}", series.name));
        let (_child, mut lines) = follow(folder.to_str().expect("UTF-8"), &[]);
        fs::write(folder.join("notes.txt"), "no dump").expect("a file can be written");
        for (at, file) in series.files.iter().enumerate() {
            let place = folder.join(format!("{at}.dump"));
            publish(file, &place);
            let shown = next(&mut lines);
            assert_eq!(shown["file"], place.display().to_string());
            let mut diff = program();
            diff.args(["diff", "--json", "-n0", "--only=new,grown,shrunk,gone,same"]);
            let diff = run(diff.args([&series.files[0], file])).json();
            assert_same(&series.name, &shown["total"], &diff["total"]);
            let groups = groups_by_name(&shown["groups"]);
            assert_same(&series.name, &groups, &groups_by_name(&diff["groups"]));
            let growth = |name: &str| {
                let of = |total: &str| diff[total][name].as_i64().unwrap_or(0);
                of("total") - of("old_total")
            };
            assert_eq!(shown["size_diff"].as_i64(), Some(growth("size")));
            assert_eq!(shown["count_diff"].as_i64(), Some(growth("count")));
        }
        // One that is replaced is a new one.
        publish(&series.files[1], &folder.join("3.dump"));
        let shown = next(&mut lines);
        assert_eq!(shown["file"], folder.join("3.dump").display().to_string());
    }
}

#[test]
fn what_is_there_is_taken_in_the_order_of_time() {
    for series in series() {
        let folder = folder(&format!("watch-there-{}", series.name));
        // Names in another order than the times.
        for (file, name) in series.files.iter().zip(["c", "a", "d", "b"]) {
            publish(file, &folder.join(name));
            // File systems count time in steps.
            std::thread::sleep(std::time::Duration::from_millis(15));
        }
        let (_child, mut lines) = follow(folder.to_str().expect("UTF-8"), &[]);
        for name in ["c", "a", "d", "b"] {
            assert_eq!(
                next(&mut lines)["file"],
                folder.join(name).display().to_string()
            );
        }
    }
}

#[test]
fn what_is_there_counts_and_faulty_files_are_told() {
    let folder = folder("watch-faulty");
    let good = fs::read(fixture()).expect("the fixture is there");
    publish(&fixture(), &folder.join("1.dump"));
    fs::write(folder.join("2.dump"), &good[..good.len() - 5]).expect("a file can be written");
    let args = [
        "watch",
        "--json",
        "--interval=0.02",
        "--count=1",
        "--files=[13].dump",
    ];
    let out = run(program().args(args).arg(&folder)).ok();
    assert!(out.text().contains("1.dump"));

    let (folder_name, faulty) = (folder.display().to_string(), folder.join("2.dump"));
    let mut command = program();
    command.args(["watch", "--interval=0.02", "--count=2", &folder_name]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Guard(command.spawn().expect("it starts"));
    let mut errors = BufReader::new(child.0.stderr.take().expect("piped"));
    let mut line = String::new();
    errors.read_line(&mut line).expect("a line");
    let expected = format!("tracemalloc: {}: truncated", faulty.display());
    assert!(line.starts_with(&expected), "{line}");
    publish(&fixture(), &folder.join("3.dump"));
    let status = child.0.wait().expect("it ends after the second dump");
    assert_eq!(status.code(), Some(0));
    let mut text = BufReader::new(child.0.stdout.take().expect("piped"));
    let text = std::io::read_to_string(&mut text).expect("UTF-8");
    assert!(
        text.contains("3.dump: 92.2 KiB in 871 blocks, +0 B since the first dump"),
        "{text}"
    );
}

/// A program that writes dumps by the convention that `-X tracemalloc_dump` has.
const PROGRAM: &str = r#"
import os, sys, tracemalloc
template = sys._xoptions["tracemalloc_dump"]
tracemalloc.start(3)
kept = []
for step in range(3):
    sys.stdin.readline()
    kept.append(bytearray(100_000))
    time = "20261121T14032%d.125Z" % step
    path = template.replace("{pid}", str(os.getpid())).replace("{time}", time)
    tracemalloc.take_snapshot().dump(path + ".tmp")
    os.replace(path + ".tmp", path)
"#;

#[test]
fn a_process_says_where_its_dumps_are() {
    let Some(python) = pythons().last() else {
        return;
    };
    if !Path::new("/proc/self/cmdline").exists() {
        skip("watching a process: there is no /proc");
        return;
    }
    let folder = folder("watch-process");
    fs::write(
        folder.join("other-1.dump"),
        fs::read(fixture()).expect("it is there"),
    )
    .expect("a file");
    let mut command = Command::new(&python.path);
    command.args(["-X", "tracemalloc_dump={pid}-{time}.dump", "-c", PROGRAM]);
    let child = command
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut child = Guard(child);
    let pid = child.0.id().to_string();
    let mut stdin = child.0.stdin.take().expect("piped");
    // Until it has become Python, its command line is ours.
    let cmdline = || fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    while !cmdline()
        .windows(16)
        .any(|part| part == b"tracemalloc_dump")
    {
        std::thread::yield_now();
    }
    let (mut watch, mut lines) = follow(&pid, &[]);
    for step in 0..3_i64 {
        use std::io::Write;
        stdin.write_all(b"\n").expect("it reads");
        let shown = next(&mut lines);
        let name = shown["file"].as_str().unwrap_or("");
        let expected = format!("{pid}-20261121T14032{step}.125Z.dump");
        assert!(name.ends_with(&expected), "{name} is not {expected}");
        assert!(
            shown["size_diff"].as_i64() >= Some(step * 100_000),
            "{}",
            shown["size_diff"]
        );
    }
    drop(stdin);
    child.0.wait().expect("it ends");
    // And so does the watch.
    assert_eq!(watch.0.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_cannot_be_watched() {
    tracemalloc(["watch", "/no/such/folder"]).refuses(2, &["/no/such/folder", "no such folder"]);
    let file = fixture().display().to_string();
    tracemalloc(["watch", &file]).refuses(2, &[&file, "neither a folder nor a process id"]);
    if Path::new("/proc/self").exists() {
        tracemalloc(["watch", "4194999"]).refuses(2, &["4194999: there is no such process"]);
        let own = std::process::id().to_string();
        tracemalloc(["watch", &own]).refuses(2, &[&own, "tracemalloc_dump"]);
    }
    tracemalloc(["watch", ".", "--interval=0"]).code(2);
}

/// On a terminal it draws a screen, and puts the terminal back.
#[test]
fn a_terminal_gets_a_screen() {
    if Command::new("script").arg("--version").output().is_err() {
        skip("watch on a terminal: script (of util-linux) is not installed");
        return;
    }
    let folder = folder("watch-terminal");
    publish(&fixture(), &folder.join("1.dump"));
    let line: PathBuf = env!("CARGO_BIN_EXE_tracemalloc").into();
    let line = format!(
        "stty cols 100 rows 30; '{}' watch '{}' --count 1",
        line.display(),
        folder.display()
    );
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm-256color");
    let text = run(&mut command).code(0).text();
    // After the first picture only what differs is drawn, so words can be in pieces.
    for part in ["\x1b[?1049h", "\x1b[?1049l", "decoder.py:375"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}
