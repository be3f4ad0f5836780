//! Bad input, bad usage, exit statuses, pipes, colours, completions, the man page.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::util::{fixture, folder, program, run, synthetic, tracemalloc};

/// The commands that read one dump and print.
const READERS: [&[&str]; 2] = [&["top"], &["info"]];

#[test]
fn bad_input_is_one_line_with_the_name() {
    let folder = folder("bad");
    let good = fs::read(fixture()).expect("the fixture is there");
    let newer = [&[0x80, 6][..], &good[2..]].concat();
    let hostile = b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.".to_vec();
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("empty", Vec::new(), "empty"),
        (
            "text",
            b"hello, this is no dump\n".to_vec(),
            "not a snapshot",
        ),
        ("cut", good[..good.len() / 2].to_vec(), "truncated"),
        ("newer", newer, "protocol 6"),
        ("code", hostile, "os.system"),
    ];
    for (name, bytes, why) in cases {
        let file = folder.join(name);
        fs::write(&file, bytes).expect("a file can be written");
        let name = file.display().to_string();
        for command in READERS {
            run(program().args(command).arg(&file)).refuses(2, &[&name, why]);
        }
        run(program().arg("diff").arg(fixture()).arg(&file)).refuses(2, &[&name, why]);
        run(program().arg("diff").args([&file, &file, &file])).refuses(2, &[&name, why]);
    }
    let missing = folder.join("missing").display().to_string();
    tracemalloc(["top", &missing]).refuses(2, &[&missing, "No such file"]);
    let is_folder = folder.display().to_string();
    tracemalloc(["top", &is_folder]).refuses(2, &[&is_folder, "folder"]);
    tracemalloc(["top", "a\nb"]).refuses(2, &[r"a\nb: "]);
}

#[test]
fn bad_usage_is_status_2() {
    let dump = fixture().display().to_string();
    let cases: [&[&str]; 6] = [
        &["top"],
        &["tip", &dump],
        &["top", "--by", "size", &dump],
        &["diff", &dump],
        &["diff", "--fail-above", "lots", &dump, &dump],
        &["completions", "tcsh"],
    ];
    for args in cases {
        let out = tracemalloc(args).code(2);
        assert!(out.stderr.starts_with("error: "), "{}", out.stderr);
        assert!(out.stdout.is_empty());
    }
}

#[test]
fn standard_input_is_a_dump_too() {
    let mut command = program();
    command
        .args(["top", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let bytes = fs::read(fixture()).expect("the fixture is there");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&bytes).expect("it reads all");
    drop(stdin);
    let out = child.wait_with_output().expect("it ends");
    let ours: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let from_file = run(program().args(["top", "--json"]).arg(fixture())).json();
    assert_eq!(ours["groups"], from_file["groups"]);
}

/// `tracemalloc top … | head -1`
#[test]
fn a_reader_that_stops_is_no_error() {
    let mut command = program();
    command
        .args(["top", "-n0", "--json", "-b", "traceback"])
        .arg(synthetic());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    // A small buffer, so that most of the output is still to come.
    let mut reader = BufReader::with_capacity(16, stdout);
    reader.read_line(&mut line).expect("a line");
    drop(reader);
    let out = child.wait_with_output().expect("it ends");
    assert_eq!(line, "{\n");
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
}

#[test]
fn a_full_disk_is_status_1() {
    let Ok(full) = fs::File::options().write(true).open("/dev/full") else {
        super::util::skip("a full disk: there is no /dev/full");
        return;
    };
    let mut command = program();
    command
        .args(["top"])
        .arg(fixture())
        .stdout(full)
        .stderr(Stdio::piped());
    let out = command
        .spawn()
        .and_then(|child| child.wait_with_output())
        .expect("it runs");
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("standard output: cannot write"), "{stderr}");
}

#[test]
fn colours_are_for_terminals_or_on_request() {
    let dump = fixture();
    let has_colours = |out: super::util::Out| out.ok().text().contains('\x1b');
    assert!(!has_colours(run(program().arg("top").arg(&dump))));
    assert!(!has_colours(run(program()
        .args(["top", "--color=never"])
        .arg(&dump))));
    assert!(has_colours(run(program()
        .args(["top", "--color=always"])
        .arg(&dump))));
    let forced = run(program().env("CLICOLOR_FORCE", "1").arg("top").arg(&dump));
    assert!(has_colours(forced));
    let mut both = program();
    both.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!has_colours(run(both.arg("top").arg(&dump))));
}

#[test]
fn completions_and_manual() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = tracemalloc(["completions", shell]).ok().text();
        assert!(
            script.contains("tracemalloc") && script.contains("cumulative"),
            "{shell}"
        );
    }
    let page = tracemalloc(["man"]).ok().text();
    assert!(
        page.contains(".TH tracemalloc 1") && page.contains("Exit status"),
        "{page}"
    );
    let page = tracemalloc(["man", "diff"]).ok().text();
    assert!(page.contains("fail\\-above"), "{page}");
    tracemalloc(["man", "nothing"]).refuses(2, &["nothing"]);
}

#[test]
fn help_tells_the_exit_statuses() {
    let help = tracemalloc(["--help"]).ok().text();
    for word in [
        "Exit status",
        "fail-above",
        "NO_COLOR",
        "diff",
        "info",
        "top",
    ] {
        assert!(help.contains(word), "{word} is missing in\n{help}");
    }
    let version = tracemalloc(["--version"]).ok().text();
    assert_eq!(
        version,
        concat!("tracemalloc ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
