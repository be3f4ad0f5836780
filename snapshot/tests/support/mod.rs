//! What the tests share: traces as plain data, random ones, and CPython as an oracle.
//!
//! Invariant: nothing here uses the code under test but to build a `Snapshot` from plain data.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use snapshot::{FileName, Snapshot, SnapshotBuilder};

/// A trace in full; the frames are (file name, line), the most recent first.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainTrace {
    pub domain: u32,
    pub size: i64,
    pub frames: Vec<(FileName, u32)>,
    pub total_nframe: Option<u32>,
}

/// Builds a snapshot the simple way.
pub fn build(traces: &[PlainTrace], limit: u32) -> Snapshot {
    let mut builder = SnapshotBuilder::new(limit);
    for trace in traces {
        let mut frames = Vec::new();
        for (name, line) in &trace.frames {
            frames.push((builder.file(name.clone()), *line));
        }
        let traceback = builder.traceback(frames, trace.total_nframe);
        builder.trace(trace.domain, trace.size, traceback);
    }
    builder.build().expect("plain traces keep the rules")
}

/// What a snapshot holds, as plain data.
pub fn plain(snapshot: &Snapshot) -> Vec<PlainTrace> {
    let in_full = |trace: snapshot::Trace| {
        let frames = snapshot.raw_frames(trace.traceback);
        PlainTrace {
            domain: trace.domain,
            size: trace.size,
            frames: frames
                .map(|(file, line)| (snapshot.file(file).clone(), line))
                .collect(),
            total_nframe: snapshot.total_nframe(trace.traceback),
        }
    };
    snapshot.traces().map(in_full).collect()
}

/// A small random number generator (xorshift), so that failures can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    pub fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// File names that differ in ways that matter: order, suffix, case, beyond ASCII and UTF-16,
/// lone surrogates.
pub fn file_names() -> Vec<FileName> {
    let mut names: Vec<FileName> = [
        "a.py",
        "b.py",
        "a.pyc",
        "A.py",
        "lib/json/decoder.py",
        "<unknown>",
        "[x].py",
        "é.py",
    ]
    .map(FileName::from)
    .to_vec();
    names.extend(["\u{FFFD}.py", "\u{10000}.py", "a", "", "a\\b.py"].map(FileName::from));
    names.push(FileName::new(b"lone\xED\xB2\x80.py"));
    names
}

pub fn random_traces(random: &mut Random, at_most: usize) -> Vec<PlainTrace> {
    let names = file_names();
    let count = random.below(at_most + 1);
    // Few distinct tracebacks, so that traces share them.
    let tracebacks: Vec<Vec<(FileName, u32)>> = (0..count / 3 + 1)
        .map(|_| {
            let length = 1 + random.below(5);
            let frame = |random: &mut Random| {
                (
                    random.pick(&names).clone(),
                    *random.pick(&[0, 1, 2, 7, 300, 70_000]),
                )
            };
            (0..length).map(|_| frame(random)).collect()
        })
        .collect();
    let sizes = [
        0,
        1,
        10,
        10,
        56,
        512,
        10_240,
        70_000,
        3_000_000,
        5_000_000_000,
        1 << 45,
    ];
    (0..count)
        .map(|_| PlainTrace {
            domain: *random.pick(&[0, 0, 0, 3, 4_000_000_000]),
            size: *random.pick(&sizes),
            frames: random.pick(&tracebacks).clone(),
            total_nframe: Some(*random.pick(&[5, 5, 9, 400])),
        })
        .collect()
}

/// A string as JSON: escapes only, lone surrogates too.
pub fn json_string(text: &FileName) -> String {
    let mut json = String::from("\"");
    // Each byte as a code point; the Python side puts the bytes together again.
    for &byte in text.as_bytes() {
        write!(json, "\\u{byte:04x}").expect("writing to a String");
    }
    json.push('"');
    json
}

pub fn json_traces(traces: &[PlainTrace]) -> String {
    let trace = |trace: &PlainTrace| {
        let frame = |(name, line): &(FileName, u32)| format!("[{},{line}]", json_string(name));
        let frames: Vec<String> = trace.frames.iter().map(frame).collect();
        let total = trace
            .total_nframe
            .map_or("null".to_owned(), |total| total.to_string());
        format!(
            "[{},{},[{}],{total}]",
            trace.domain,
            trace.size,
            frames.join(",")
        )
    };
    format!(
        "[{}]",
        traces.iter().map(trace).collect::<Vec<_>>().join(",")
    )
}

/// An installed CPython.
pub struct Python {
    pub path: PathBuf,
    pub version: (u32, u32),
}

impl Python {
    /// Runs a script with some input; gives its output, with `U+FFFD` for lone surrogates.
    pub fn run(&self, script: &str, input: &str) -> String {
        let mut child = Command::new(&self.path)
            .args(["-I", "-W", "ignore", "-c", &format!("{PRELUDE}\n{script}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        stdin
            .write_all(input.as_bytes())
            .expect("python reads all of its input first");
        drop(stdin);
        let output = child.wait_with_output().expect("python ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} failed:\n{stderr}",
            self.path.display()
        );
        String::from_utf8(output.stdout).expect("the prelude writes UTF-8")
    }
}

/// What every script can use: `data` (the input), `text`, `snapshot_of`, `show`, `show_all`.
const PRELUDE: &str = r#"
import sys, json, pickle, tracemalloc
data = json.loads(sys.stdin.buffer.read() or b"null")

def text(escaped):
    return escaped.encode("latin1").decode("utf-8", "surrogatepass")

def trace_of(domain, size, frames, total):
    trace = (domain, size, tuple((text(name), line) for name, line in frames), total)
    return trace if sys.version_info >= (3, 9) else trace[:3]

def snapshot_of(traces, limit=25):
    return tracemalloc.Snapshot([trace_of(*trace) for trace in traces], limit)

def show(*what):
    line = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in " ".join(map(str, what)))
    sys.stdout.buffer.write(line.encode() + b"\n")

KINDS = [("traceback", False), ("filename", False), ("lineno", False),
         ("filename", True), ("lineno", True)]

def show_all(statistics):
    for kind in KINDS:
        show(*kind)
        for s in statistics(*kind):
            show(s, "|", *(getattr(s, name) for name in s.__slots__[1:]), "|", *s.traceback)
"#;

/// Every CPython from 3.8 on that is installed: those of pyenv, and the one on `PATH`. One of
/// each version. Says so if there is none.
pub fn pythons() -> Vec<Python> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".pyenv")));
    let versions = root.and_then(|root| std::fs::read_dir(root.join("versions")).ok());
    let mut paths: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/python3")))
        .filter(|path| path.exists())
        .collect();
    paths.push(PathBuf::from("python3"));
    let mut found = BTreeMap::new();
    for path in paths {
        let script = "import sys, _tracemalloc; assert sys.implementation.name == 'cpython'; \
                      print(*sys.version_info[:2])";
        let output = Command::new(&path).args(["-I", "-c", script]).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            continue;
        };
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut numbers = answer
            .split_whitespace()
            .filter_map(|number| number.parse().ok());
        if let (Some(major), Some(minor)) = (numbers.next(), numbers.next())
            && (major, minor) >= (3, 8)
        {
            found.entry((major, minor)).or_insert(path);
        }
    }
    if found.is_empty() {
        println!("skipped: no python3 (CPython 3.8 or later) found");
    }
    found
        .into_iter()
        .map(|(version, path)| Python { path, version })
        .collect()
}

/// Compares line by line, and shows the first lines that differ.
#[track_caller]
pub fn assert_same_lines(context: &str, ours: &str, theirs: &str) {
    let mut numbered = ours.lines().zip(theirs.lines()).enumerate();
    if let Some((at, (our, their))) = numbered.find(|(_, (our, their))| our != their) {
        panic!(
            "{context}, line {}:\n  ours:   {our}\n  Python: {their}",
            at + 1
        );
    }
    assert_eq!(
        ours.lines().count(),
        theirs.lines().count(),
        "{context}: number of lines"
    );
}
