//! Running commands, making dumps, asking Python.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Says that a test is skipped, past the harness, which captures `println!`.
pub fn skip(why: &str) {
    let line = format!("skipped: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// What a command did.
pub struct Out {
    line: String,
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Out {
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        panic!(
            "\n\n===== {why}\n\ncommand: {}\nstatus:  {:?}\n----- stdout\n{}\n----- stderr\n{}\n-----\n",
            self.line,
            self.code,
            String::from_utf8_lossy(&self.stdout).trim_end(),
            self.stderr.trim_end(),
        );
    }

    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        if self.code != Some(code) {
            self.fail(&format!("expected exit status {code}"));
        }
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        let out = self.code(0);
        if !out.stderr.is_empty() {
            out.fail("expected nothing on stderr");
        }
        out
    }

    /// It failed with a status and one line on stderr, with these words, and printed nothing.
    #[track_caller]
    pub fn refuses(self, code: i32, words: &[&str]) -> Self {
        let out = self.code(code);
        let lines = out.stderr.lines().count();
        if lines != 1 || !out.stdout.is_empty() {
            out.fail("expected one line on stderr, and nothing on stdout");
        }
        if let Some(word) = words.iter().find(|word| !out.stderr.contains(**word)) {
            out.fail(&format!("expected {word:?} on stderr"));
        }
        out
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("the output is UTF-8")
    }

    #[track_caller]
    pub fn json(self) -> Value {
        let out = self.ok();
        match serde_json::from_slice(&out.stdout) {
            Ok(value) => value,
            Err(error) => out.fail(&format!("not JSON: {error}")),
        }
    }
}

/// The program itself, ready to be given arguments.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracemalloc"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Out {
    let line = format!("{command:?}");
    let out = match command.stdin(Stdio::null()).output() {
        Ok(out) => out,
        Err(error) => panic!("cannot start {line}: {error}"),
    };
    Out {
        line,
        code: out.status.code(),
        stdout: out.stdout,
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

/// `tracemalloc ARGS…`
#[track_caller]
pub fn tracemalloc<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Out {
    run(program().args(args))
}

/// The folder of the tests.
pub fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// An empty folder of this test run.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder can be made");
    path
}

/// A dump of tracepy that is always there.
pub fn fixture() -> PathBuf {
    tests().join("data").join("tracepy.dump")
}

/// An installed CPython.
pub struct Python {
    pub path: PathBuf,
    pub version: (u32, u32),
}

impl Python {
    /// What `oracle.py` answers.
    #[track_caller]
    pub fn ask(&self, question: &str, args: &[&Path]) -> Value {
        let mut command = Command::new(&self.path);
        command.args(["-I", "-W", "ignore"]);
        command
            .arg(tests().join("oracle.py"))
            .arg(question)
            .args(args);
        run(&mut command).json()
    }
}

/// Every CPython from 3.8 on that is installed, one of each version, the oldest first.
pub fn pythons() -> &'static [Python] {
    static FOUND: OnceLock<Vec<Python>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
        let root = root.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".pyenv")));
        let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
        let entries = versions.into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|e| e.path().join("bin/python3")).collect();
        paths.sort();
        paths.push("python3".into());
        let mut found = BTreeMap::new();
        for path in paths {
            let script = "import sys, _tracemalloc; assert sys.implementation.name == 'cpython'; \
                          print(*sys.version_info[:2])";
            let out = Command::new(&path).args(["-I", "-c", script]).output();
            let Some(out) = out.ok().filter(|out| out.status.success()) else {
                continue;
            };
            let answer = String::from_utf8_lossy(&out.stdout).into_owned();
            let mut numbers = answer.split_whitespace().filter_map(|n| n.parse().ok());
            if let (Some(major), Some(minor)) = (numbers.next(), numbers.next())
                && (major, minor) >= (3, 8)
            {
                found.entry((major, minor)).or_insert(path);
            }
        }
        if found.is_empty() {
            skip("comparisons with Python: no CPython from 3.8 on is installed");
        }
        let python = |(version, path)| Python { path, version };
        found.into_iter().map(python).collect()
    })
}

/// tracepy, if it is there.
pub fn tracepy() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let named = std::env::var_os("TRACEPY").map(PathBuf::from);
        let built = Path::new(env!("CARGO_BIN_EXE_tracemalloc")).with_file_name("tracepy");
        let path = named.unwrap_or(built);
        if !path.exists() {
            skip("fresh dumps of tracepy: it is not built, and TRACEPY names none");
            return None;
        }
        Some(path)
    });
    found.as_deref()
}

/// Four dumps of one program, and a Python to ask about them.
pub struct Series {
    pub name: String,
    pub files: Vec<PathBuf>,
    pub python: &'static Python,
}

/// The dumps that `data/program.py` makes, by every interpreter there is; made once.
pub fn series() -> &'static [Series] {
    static MADE: OnceLock<Vec<Series>> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = folder("dumps");
        let make = |name: String, interpreter: &Path, python: &'static Python| {
            let mut command = Command::new(interpreter);
            command
                .arg(tests().join("data/program.py"))
                .arg(folder.join(&name));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            run(&mut command).ok();
            let file = |step| folder.join(format!("{name}-{step}.dump"));
            let files = (0..4).map(file).collect();
            Series {
                name,
                files,
                python,
            }
        };
        let cpython = |python: &'static Python| {
            let (major, minor) = python.version;
            make(format!("cpython-{major}.{minor}"), &python.path, python)
        };
        let mut all: Vec<Series> = pythons().iter().map(cpython).collect();
        if let (Some(python), Some(tracepy)) = (pythons().last(), tracepy()) {
            all.push(make("tracepy".to_owned(), tracepy, python));
        }
        all
    })
}

/// A dump with what real ones seldom have: several domains, blocks of no size, files of one name,
/// names beyond ASCII, more lines than fit a pipe.
pub fn synthetic() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let mut builder = snapshot::SnapshotBuilder::new(5);
        let names = [
            "/srv/app/program.py",
            "/srv/other/program.py",
            "/usr/lib/python3.13/json/decoder.py",
            "/v/lib/python3.13/site-packages/six.py",
            "<unknown>",
            "é, \"x\".py",
        ];
        let mut files: Vec<u32> = names
            .iter()
            .map(|&name| builder.file(name.into()))
            .collect();
        files.push(builder.file(snapshot::FileName::new(b"lone\xED\xB2\x80.py")));
        for number in 0..3000_u32 {
            let file = |of: u32| files[(number / of) as usize % files.len()];
            let frames = [(file(1), number % 700), (file(3), 7), (file(11), 1)];
            let length = 1 + number as usize % 3;
            // Few of them are cut.
            let total = length as u32 + number % 50 / 48;
            let traceback = builder.traceback(frames[3 - length..].to_vec(), Some(total));
            for (domain, size) in [
                (0, number % 97),
                (number % 2 * 3, number),
                (4_000_000_000, 1),
            ] {
                builder.trace(domain, size.into(), traceback);
            }
        }
        let path = folder("synthetic").join("synthetic.dump");
        let file = fs::File::create(&path).expect("a file can be made");
        builder
            .build()
            .expect("a snapshot")
            .dump(file)
            .expect("it is written");
        path
    });
    made.clone()
}

/// Every dump with a Python to ask about it: the last of each series, the fixture, the synthetic.
pub fn dumps() -> Vec<(PathBuf, &'static Python)> {
    let last = |series: &'static Series| (series.files[3].clone(), series.python);
    let mut dumps: Vec<_> = series().iter().map(last).collect();
    if let Some(python) = pythons().last().filter(|python| python.version >= (3, 9)) {
        dumps.push((fixture(), python));
        dumps.push((synthetic(), python));
    }
    dumps
}

/// Compares two JSON values, and shows where they first differ.
#[track_caller]
pub fn assert_same(context: &str, ours: &Value, theirs: &Value) {
    fn differ(at: &str, ours: &Value, theirs: &Value) -> Option<String> {
        match (ours, theirs) {
            (Value::Array(a), Value::Array(b)) => {
                let mut pairs = a.iter().zip(b).enumerate();
                let first = pairs.find_map(|(i, (a, b))| differ(&format!("{at}[{i}]"), a, b));
                first.or_else(|| {
                    let lengths = (a.len(), b.len());
                    (lengths.0 != lengths.1).then(|| format!("{at}: lengths {lengths:?}"))
                })
            }
            (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
                let mut pairs = a.iter().zip(b.values());
                pairs.find_map(|((key, a), b)| differ(&format!("{at}.{key}"), a, b))
            }
            _ => (ours != theirs).then(|| format!("{at}:\n  ours:   {ours}\n  Python: {theirs}")),
        }
    }
    if let Some(difference) = differ("", ours, theirs) {
        panic!("{context}: {difference}");
    }
}
