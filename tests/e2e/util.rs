use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// A command that has not ended by then is killed, and its test fails.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The interpreter under test: `TRACEPY`, or the binary that Cargo built for this test.
pub fn tracepy_path() -> PathBuf {
    match env::var_os("TRACEPY") {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => PathBuf::from(env!("CARGO_BIN_EXE_tracepy")),
    }
}

/// A run of the interpreter under test.
pub fn tracepy() -> Cmd {
    Cmd::new(tracepy_path())
}

/// Whether the interpreter under test is ours (and not, by way of `TRACEPY`, a CPython).
pub fn ours() -> bool {
    static OURS: OnceLock<bool> = OnceLock::new();
    *OURS.get_or_init(|| {
        let code = "import sys; print(sys.implementation.name)";
        let name = tracepy().args(["-c", code]).run().success().stdout;
        name.trim() != "cpython"
    })
}

/// Returns from the test, with a line that says so, where the interpreter is not ours.
macro_rules! ours_only {
    () => {
        if !$crate::e2e::util::ours() {
            $crate::e2e::util::skip(module_path!(), "it is about our own interpreter");
            return;
        }
    };
}

/// Says, past the capture of the test harness, that something is not tested here.
pub fn skip(what: &str, why: &str) {
    let line = format!("skipped: {what}: {why}\n");
    // The harness captures `eprintln!`, and a skipped test should be seen.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("the package lies in the repository")
        .to_path_buf()
}

/// The folder of the Python scripts of these tests.
pub fn scripts() -> PathBuf {
    root().join("tests").join("scripts")
}

/// A command to run: program, arguments, environment, folder, standard input, time limit.
///
/// Variables whose names start with `PYTHON` are taken away first, so that a test sees only those
/// that it sets itself.
pub struct Cmd {
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    dir: PathBuf,
    stdin: Vec<u8>,
    timeout: Duration,
}

impl Cmd {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            // No `__pycache__` beside the scripts.
            envs: vec![("PYTHONDONTWRITEBYTECODE".into(), "1".into())],
            dir: root(),
            stdin: Vec::new(),
            timeout: TIMEOUT,
        }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = dir.into();
        self
    }

    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    pub fn timeout(mut self, seconds: u64) -> Self {
        self.timeout = Duration::from_secs(seconds);
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Out {
        self.spawn().wait()
    }

    /// Starts it.
    #[track_caller]
    pub fn spawn(self) -> Running {
        let mut command = Command::new(&self.program);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PYTHON") {
                command.env_remove(name);
            }
        }
        command
            .args(&self.args)
            .envs(self.envs.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A group of its own: what it starts ends with it when the time is up.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let line = self.line();
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start {line}: {error}"),
        };
        let mut stdin = child.stdin.take().expect("piped");
        let text = self.stdin;
        // A program that ends without reading closes the pipe: no error of the test.
        thread::spawn(move || drop(stdin.write_all(&text)));
        let stdout = collect(child.stdout.take().expect("piped"));
        let stderr = collect(child.stderr.take().expect("piped"));
        Running {
            line,
            dir: self.dir,
            timeout: self.timeout,
            child: Guard(child),
            stdout,
            stderr,
        }
    }

    /// The command as one would type it.
    fn line(&self) -> String {
        let mut line = String::new();
        for (name, value) in &self.envs {
            let _ = write!(line, "{}={} ", name.to_string_lossy(), quote(value));
        }
        line += &quote(self.program.as_os_str());
        for arg in &self.args {
            let _ = write!(line, " {}", quote(arg));
        }
        line
    }
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

/// A child that does not outlive its test, whatever happens there.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // No effect, and no error that matters, where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command that runs.
pub struct Running {
    line: String,
    dir: PathBuf,
    timeout: Duration,
    child: Guard,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
}

impl Running {
    /// Its process id.
    #[cfg(unix)]
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Whether it has not ended.
    #[cfg(unix)]
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.0.try_wait(), Ok(None))
    }

    /// Sends it a signal by its name (`INT`, `TERM`, ...).
    #[cfg(unix)]
    #[track_caller]
    pub fn signal(&self, name: &str) {
        assert!(
            send(name, &self.child.0.id().to_string()),
            "kill -{name} failed: {}",
            self.line
        );
    }

    /// Waits for its end, or kills it when its time is up.
    #[track_caller]
    pub fn wait(mut self) -> Out {
        let start = Instant::now();
        let mut late = false;
        let status = loop {
            match self
                .child
                .0
                .try_wait()
                .expect("the status of a child can be asked for")
            {
                Some(status) => break status,
                None if start.elapsed() > self.timeout => {
                    late = true;
                    #[cfg(unix)]
                    send("KILL", &format!("-{}", self.child.0.id()));
                    let _ = self.child.0.kill();
                    break self.child.0.wait().expect("a killed child ends");
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let text = |reader: JoinHandle<Vec<u8>>| {
            let bytes = reader.join().expect("the reader does not panic");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (text(self.stdout), text(self.stderr));
        let out = Out {
            line: self.line,
            dir: self.dir,
            status,
            stdout,
            stderr,
        };
        if late {
            out.fail(&format!(
                "it had not ended after {} s",
                self.timeout.as_secs()
            ));
        }
        out
    }
}

#[cfg(unix)]
fn send(signal: &str, target: &str) -> bool {
    let command = format!("kill -s {signal} -- {target}");
    Command::new("sh")
        .args(["-c", &command])
        .status()
        .is_ok_and(|status| status.success())
}

/// What a command did.
#[derive(Clone)]
pub struct Out {
    line: String,
    dir: PathBuf,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Out {
    /// Ends the test with all there is to know about this run.
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        panic!(
            "\n\n===== {why}\n\ncommand: {}\nfolder:  {}\nstatus:  {}\n\
             ----- stdout\n{}\n----- stderr\n{}\n-----\n",
            self.line,
            self.dir.display(),
            self.status,
            self.stdout.trim_end(),
            self.stderr.trim_end(),
        );
    }

    #[track_caller]
    pub fn check(self, holds: bool, why: &str) -> Self {
        if !holds {
            self.fail(why);
        }
        self
    }

    /// It ended with exit status 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        let is = self.status.code() == Some(code);
        self.check(is, &format!("expected exit status {code}"))
    }

    #[track_caller]
    pub fn stdout_is(self, text: &str) -> Self {
        let is = self.stdout == text;
        self.check(
            is,
            &format!("expected this on stdout, and nothing else:\n{text}"),
        )
    }

    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        let has = self.stdout.contains(text);
        self.check(has, &format!("expected this on stdout:\n{text}"))
    }

    #[track_caller]
    pub fn stderr_is(self, text: &str) -> Self {
        let is = self.stderr == text;
        self.check(
            is,
            &format!("expected this on stderr, and nothing else:\n{text}"),
        )
    }

    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        let has = self.stderr.contains(text);
        self.check(has, &format!("expected this on stderr:\n{text}"))
    }

    /// The last line of stdout is `ok`: the script came to its end.
    #[track_caller]
    pub fn says_ok(self) -> Self {
        let out = self.success();
        let ok = out.stdout.lines().next_back() == Some("ok");
        out.check(ok, "expected `ok` as the last line of stdout")
    }

    /// Nothing on stderr that a panic or the logger would have written.
    #[track_caller]
    pub fn no_panic(self) -> Self {
        let words = [
            "panicked at",
            "RUST_BACKTRACE",
            "stack overflow",
            "double free",
        ];
        let bad = words.iter().any(|word| self.stderr.contains(word));
        self.check(!bad, "a panic or an abort")
    }
}

/// A temporary folder that goes away with its value.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Self {
        // The keys of a `RandomState` differ from one to the next.
        let number = RandomState::new().build_hasher().finish();
        let path = env::temp_dir().join(format!("tracepy-test-{}-{number:x}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder can be made");
        // Where /tmp is a link, the interpreter sees the real path.
        Self(path.canonicalize().expect("it was made just now"))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file (and the folders it lies in) and returns its path.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("folders");
        fs::write(&path, contents).expect("a file can be written");
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A CPython 3.13 and its `test` package.
pub fn cpython_with_tests() -> Option<(PathBuf, PathBuf)> {
    let code = "import sys, os, sysconfig\n\
                path = os.path.join(sysconfig.get_path('stdlib'), 'test')\n\
                if sys.version_info[:2] == (3, 13) and os.path.isdir(path + '/libregrtest'):\n\
                \x20   print(path, end='')\n";
    cpythons().into_iter().find_map(|python| {
        let out = Cmd::new(&python).args(["-I", "-c", code]).run();
        let found = out.status.success() && !out.stdout.is_empty();
        found.then(|| (python, PathBuf::from(out.stdout)))
    })
}

/// The installed CPythons with a version from 3.9 on: those of pyenv, and `python3` on the path.
pub fn cpythons() -> Vec<PathBuf> {
    let new = cpythons_of(|minor| minor >= 9);
    new.into_iter().map(|(_, path)| path).collect()
}

/// The installed CPythons 3.x, with their x, for each x that is wanted.
pub fn cpythons_of(wanted: impl Fn(u32) -> bool) -> Vec<(u32, PathBuf)> {
    let mut found = Vec::new();
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    if let Some(root) = pyenv.or(home)
        && let Ok(versions) = fs::read_dir(root.join("versions"))
    {
        found.extend(
            versions
                .flatten()
                .map(|version| version.path().join("bin").join("python3")),
        );
    }
    for folder in env::split_paths(&env::var_os("PATH").unwrap_or_default()) {
        // A shim of pyenv is one of the above.
        if !folder.ends_with("shims") {
            found.push(folder.join("python3"));
        }
    }
    found.sort();
    found.dedup();
    let code = "import sys, tracemalloc; \
                print(sys.implementation.name, *sys.version_info[:2])";
    let version = |path: &PathBuf| {
        let out = Command::new(path).args(["-I", "-c", code]).output().ok()?;
        let text = String::from_utf8(out.stdout).ok()?;
        text.trim().strip_prefix("cpython 3 ")?.parse::<u32>().ok()
    };
    let versions = found.into_iter().filter(|path| path.is_file());
    let versions = versions.filter_map(|path| Some((version(&path)?, path)));
    versions.filter(|(minor, _)| wanted(*minor)).collect()
}

/// A hang fails, soon, and takes with it what it has started.
#[cfg(unix)]
#[test]
#[should_panic(expected = "it had not ended after 1 s")]
fn a_command_that_hangs_is_killed() {
    let cmd = Cmd::new("sh").args(["-c", "sleep 1000 & sleep 1000"]);
    cmd.timeout(1).run();
}
