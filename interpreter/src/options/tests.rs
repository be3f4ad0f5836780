//! What ends a run early, and how tracing is asked for: by table, and beside CPython 3.13 where
//! that is installed (`PYTHON313`, or `python3.13` in the search path).

use super::tracing::{Request as Tracing, request};
use super::{EarlyExit, StartupError, read};
use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};

fn exit(args: &[&str]) -> Option<EarlyExit> {
    let line = std::iter::once(&"prog").chain(args);
    read(line.map(OsString::from)).err()
}

#[test]
fn lines_that_run() {
    for args in [
        &[][..],
        &["-"],
        &["-c", "pass", "--version"],
        &["-cpass", "-Z"],
        &["-Bc", "pass", "-h"],
        &["-m", "json", "-V"],
        &["-X", "-V"],
        &["-Xdev", "-W", "-V", "-"],
        &["-Werror", "-c", "-V"],
        &["--", "-", "-V"],
        &["--"],
        &["-bBdEIOPqRsSuvi", "-c", ""],
        &["--check-hash-based-pycs", "never"],
        &["--check-hash-based-pycs=always"],
        &["--install-pip", "-V"],
        &["-i", "/no/such/script"],
        &["/", "-V"],
        &[""],
    ] {
        assert_eq!(exit(args), None, "{args:?}");
    }
}

#[test]
fn texts() {
    for args in [
        &["-h"][..],
        &["-?"],
        &["--help"],
        &["-V", "-BhZ"],
        &["-W", "x", "-Eh"],
    ] {
        let exit = exit(args).expect("a text");
        assert_eq!((exit.status, exit.stderr.as_str()), (0, ""), "{args:?}");
        assert!(exit.stdout.starts_with("usage: prog [option] ..."));
        assert!(exit.stdout.contains("-X tracemalloc[=N]"));
        assert!(exit.stdout.contains("PYTHONTRACEMALLOC=N"));
        assert!(exit.stdout.lines().all(|line| line.len() < 80));
    }
    for (option, part) in [
        ("--help-env", "PYTHONTRACEMALLOC=N"),
        ("--help-xoptions", "-X tracemalloc[=N]"),
        ("--help-all", "PYTHONHASHSEED"),
    ] {
        assert!(exit(&[option]).expect("a text").stdout.contains(part));
    }
}

#[test]
fn versions() {
    for args in [
        &["-V"][..],
        &["--version"],
        &["-BEV"],
        &["-V", "-c", "x"],
        &["-V", "/no/such/script"],
    ] {
        let text = exit(args).expect("a text").stdout;
        let lines: Vec<&str> = text.lines().collect();
        let number = lines[0].strip_prefix("Python ").expect("Python first");
        assert_eq!(number.split('.').count(), 3, "{number}");
        assert!(number.split('.').all(|part| part.parse::<u32>().is_ok()));
        assert_eq!(lines[1..], [concat!("tracepy ", env!("CARGO_PKG_VERSION"))]);
    }
    for args in [&["-VV"][..], &["-V", "--version"], &["-VVV"]] {
        let text = exit(args).expect("a text").stdout;
        assert!(text.contains("RustPython"), "{text}");
    }
}

#[test]
fn faults() {
    for (args, message) in [
        (&["-Z"][..], "Unknown option: -Z"),
        (&["-BZ", "-V"], "Unknown option: -Z"),
        (&["-V", "-Z"], "Unknown option: -Z"),
        (&["-VZ"], "Unknown option: -Z"),
        (&["-é"], "Unknown option: -é"),
        (&["--foo"], "unknown option --foo"),
        (&["--version=3"], "unknown option --version=3"),
        (&["-c"], "Argument expected for the -c option"),
        (&["-Bc"], "Argument expected for the -c option"),
        (&["-m"], "Argument expected for the -m option"),
        (&["-X"], "Argument expected for the -X option"),
        (&["-W"], "Argument expected for the -W option"),
        (&["-J"], "-J is reserved for Jython"),
        (
            &["--check-hash-based-pycs"],
            "Argument expected for the --check-hash-based-pycs options",
        ),
        (
            &["--check-hash-based-pycs", "x"],
            "--check-hash-based-pycs must be one of 'default', 'always', or 'never'",
        ),
    ] {
        let exit = exit(args).expect("a fault");
        assert_eq!((exit.status, exit.stdout.as_str()), (2, ""), "{args:?}");
        let usage = "usage: prog [option] ... [-c cmd | -m mod | file | -] [arg] ...\n\
                     Try `python -h' for more information.\n";
        assert_eq!(exit.stderr, format!("{message}\n{usage}"));
    }
}

#[test]
fn missing_scripts() {
    let there = "prog: can't open file '/no/such/it.py': [Errno 2] No such file or directory\n";
    for args in [
        &["/no/such/it.py"][..],
        &["-B", "/no/such/it.py", "-V"],
        &["--", "/no/such/it.py"],
    ] {
        let exit = exit(args).expect("a fault");
        assert_eq!((exit.status, exit.stderr.as_str()), (2, there), "{args:?}");
    }
    let relative = exit(&["no such script"]).expect("a fault").stderr;
    let directory = std::env::current_dir().expect("a working directory");
    assert!(relative.contains(&format!("'{}/no such script'", directory.display())));
}

type Outcome = Result<Option<u16>, StartupError>;

/// One way to ask for tracing: the values of `-X` (`None` for no value), the variable, and what
/// comes of it.
type Request = (
    &'static [Option<&'static str>],
    Option<&'static str>,
    Outcome,
);

const ON: Outcome = Ok(Some(1));
const OFF: Outcome = Ok(None);
const BAD_OPTION: Outcome = Err(StartupError::Option);
const BAD_VARIABLE: Outcome = Err(StartupError::Variable);
const TOO_MANY: Outcome = Err(StartupError::TooManyFrames);

#[rustfmt::skip]
const REQUESTS: &[Request] = &[
    (&[], None, OFF),
    (&[None], None, ON),
    (&[None], Some("7"), ON),
    (&[None], Some("abc"), BAD_VARIABLE),
    (&[Some("0")], Some("5"), OFF),
    (&[Some("")], Some("5"), OFF),
    (&[Some("2")], Some("0"), Ok(Some(2))),
    (&[Some("2")], Some("5"), Ok(Some(2))),
    (&[Some("2")], Some("70000"), Ok(Some(2))),
    (&[Some("70000")], Some("2"), TOO_MANY),
    (&[Some("x")], Some("x"), BAD_VARIABLE),
    (&[Some("3")], Some("-1"), BAD_VARIABLE),
    (&[Some("2"), Some("7"), None], None, Ok(Some(2))),
    (&[None, Some("7")], None, ON),
    (&[Some("7"), None], None, Ok(Some(7))),
    (&[Some("7"), Some("abc")], None, Ok(Some(7))),
    (&[Some("abc"), Some("7")], None, BAD_OPTION),
    (&[Some("1=2")], None, BAD_OPTION),
];

/// Values that the option and the variable take alike; `None`: invalid.
#[rustfmt::skip]
const VALUES: &[(&str, Option<Outcome>)] = &[
    ("", Some(OFF)), ("0", Some(OFF)), ("-0", Some(OFF)), ("000", Some(OFF)),
    ("1", Some(ON)), ("25", Some(Ok(Some(25)))), ("007", Some(Ok(Some(7)))),
    ("+1", Some(ON)), (" 1", Some(ON)), ("\t\n +1", Some(ON)),
    ("65535", Some(Ok(Some(65535)))), ("65536", Some(TOO_MANY)), ("2147483647", Some(TOO_MANY)),
    ("2147483648", None), ("4294967297", None), ("99999999999999999999", None),
    ("-1", None), ("abc", None), ("1.5", None), ("1 ", None), ("1x", None), ("0x5", None),
    ("1_0", None), ("+", None), ("-", None), (" ", None), ("+ 1", None), ("--1", None),
    ("true", None), ("1e3", None),
];

/// A [`Request`], put together.
type AnyRequest = (Vec<Option<&'static str>>, Option<&'static str>, Outcome);

/// Every request of both tables.
fn all_requests() -> Vec<AnyRequest> {
    let listed = REQUESTS
        .iter()
        .map(|(options, env, result)| (options.to_vec(), *env, *result));
    let values = VALUES.iter().flat_map(|(value, result)| {
        [
            (vec![Some(*value)], None, result.unwrap_or(BAD_OPTION)),
            (vec![], Some(*value), result.unwrap_or(BAD_VARIABLE)),
        ]
    });
    listed.chain(values).collect()
}

#[test]
fn requests() {
    for (options, env, expected) in all_requests() {
        let mut xoptions = vec![("dev".to_owned(), None)];
        xoptions.extend(
            options
                .iter()
                .map(|value| ("tracemalloc".to_owned(), value.map(str::to_owned))),
        );
        let result = request(&xoptions, env.map(OsStr::new)).map(|asked| asked.frames(None));
        assert_eq!(result, expected, "{options:?} {env:?}");
    }
}

#[test]
fn what_a_dump_implies_holds_where_nothing_is_said() {
    let frames = |options: &[(&str, &str)], env: Option<&str>| {
        let own = |text: &str| text.to_owned();
        let options: Vec<_> = options
            .iter()
            .map(|(n, v)| (own(n), Some(own(v))))
            .collect();
        let asked = request(&options, env.map(OsStr::new)).expect("valid");
        asked.frames(Some(25))
    };
    assert_eq!(frames(&[], None), Some(25));
    assert_eq!(frames(&[], Some("")), Some(25));
    assert_eq!(frames(&[], Some("0")), None);
    assert_eq!(frames(&[("tracemalloc", "0")], Some("7")), None);
    assert_eq!(frames(&[("tracemalloc", "")], None), None);
    assert_eq!(frames(&[("tracemalloc", "3")], Some("7")), Some(3));
    assert_eq!(request(&[], None), Ok(Tracing::Nothing));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text() {
    use std::os::unix::ffi::OsStrExt;
    let env = OsStr::from_bytes(b"\xff1");
    assert_eq!(request(&[], Some(env)), Err(StartupError::Variable));
}

#[test]
fn messages() {
    let text = StartupError::Option.to_string();
    assert_eq!(
        text,
        "Fatal Python error: config_init_tracemalloc: -X tracemalloc=NFRAME: invalid number of \
         frames\nPython runtime state: preinitialized\n\n"
    );
    let text = StartupError::TooManyFrames.to_string();
    assert!(
        text.ends_with(" (most recent call first):\n  <no Python frame>\n"),
        "{text}"
    );
}

/// CPython 3.13, if it is here.
fn cpython() -> Option<Command> {
    let program = std::env::var_os("PYTHON313").unwrap_or_else(|| "python3.13".into());
    let mut command = Command::new(program);
    command.env_remove("PYTHONTRACEMALLOC").stdin(Stdio::null());
    let found = command.arg("-V").output().ok()?;
    if !found.stdout.starts_with(b"Python 3.13") {
        return None;
    }
    let mut command = Command::new(command.get_program());
    command.env_remove("PYTHONTRACEMALLOC").stdin(Stdio::null());
    Some(command)
}

/// The first line on standard error, the thread's number (which differs in every run) left out.
fn error_lines(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.split(" 0x").next().unwrap_or(line))
        .collect()
}

#[test]
fn requests_as_in_cpython() {
    const SHOW: &str = "import tracemalloc as t\nprint(t.is_tracing() and t.get_traceback_limit())";
    for (options, env, expected) in all_requests() {
        let Some(mut command) = cpython() else {
            eprintln!("skipped: there is no CPython 3.13");
            return;
        };
        for value in &options {
            command.arg(value.map_or("-Xtracemalloc".to_owned(), |v| format!("-Xtracemalloc={v}")));
        }
        if let Some(value) = env {
            command.env("PYTHONTRACEMALLOC", value);
        }
        let output = command.args(["-c", SHOW]).output().expect("CPython runs");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let context = format!("{options:?} {env:?}");
        match expected {
            Ok(Some(frames)) => assert_eq!(stdout.trim(), frames.to_string(), "{context}"),
            Ok(None) => assert_eq!(stdout.trim(), "False", "{context}"),
            Err(error) => {
                assert_eq!(
                    output.status.code(),
                    Some(StartupError::STATUS),
                    "{context}"
                );
                assert_eq!(
                    error_lines(&stderr),
                    error_lines(&error.to_string()),
                    "{context}"
                );
            }
        }
    }
}

#[test]
fn faults_as_in_cpython() {
    for args in [
        &["-Z"][..],
        &["-BZ", "-V"],
        &["-V", "-Z"],
        &["--foo"],
        &["--version=3"],
        &["-c"],
        &["-Bm"],
        &["-X"],
        &["-W"],
        &["-J"],
        &["--check-hash-based-pycs"],
        &["--check-hash-based-pycs", "x"],
        &["/no/such/script"],
        &["--", "/no/such/it's"],
        &["-B", "-", "-V"],
    ] {
        let Some(mut command) = cpython() else { return };
        let program = command.get_program().to_owned();
        let output = command.args(args).output().expect("CPython runs");
        let line = std::iter::once(program).chain(args.iter().map(OsString::from));
        let ours = read(line).err().unwrap_or_default();
        assert_eq!(
            Some(i32::from(ours.status)),
            output.status.code(),
            "{args:?}"
        );
        assert_eq!(
            ours.stderr,
            String::from_utf8_lossy(&output.stderr),
            "{args:?}"
        );
    }
}
