//! `-X tracemalloc_dump` and its relatives: dumps of programs that know nothing of them.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use snapshot::{KeyType, Snapshot};

use super::util::{Cmd, Dir, Running, cpythons, skip, tracepy, tracepy_path};

/// The snapshot in a file, if there is a whole one.
pub(super) fn load(path: &Path) -> Option<Snapshot> {
    let file = fs::File::open(path).ok()?;
    Some(Snapshot::load(file).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[track_caller]
pub(super) fn loaded(path: &Path) -> Snapshot {
    load(path).unwrap_or_else(|| panic!("there is no {}", path.display()))
}

/// Bytes that a line of the program (`-c`) holds.
pub(super) fn held(snapshot: &Snapshot, line: u32) -> i64 {
    let start = format!("<string>:{line}:");
    let lines = snapshot.statistics(KeyType::Lineno, false).expect("lines");
    let found = lines.iter().find(|s| s.to_string().starts_with(&start));
    found.map_or(0, |found| found.size)
}

/// Waits until it holds; a test whose time is up fails.
#[track_caller]
pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "not yet: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// What is in a folder, hidden files too.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// `-X name=value` for each.
pub(super) fn with(options: &[(&str, &str)]) -> Cmd {
    options.iter().fold(tracepy(), |cmd, (name, value)| {
        cmd.arg("-X").arg(format!("tracemalloc_{name}={value}"))
    })
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Starts a program (whose first argument is a file to make when it is ready), and waits for it.
#[track_caller]
pub(super) fn start(cmd: Cmd, dir: &Dir, code: &str) -> Running {
    let ready = dir.path().join("ready");
    _ = fs::remove_file(&ready);
    let running = cmd.args(["-c", code]).arg(&ready).spawn();
    wait_until("ready", || ready.exists());
    running
}

pub(super) const SAY_READY: &str = "import sys; open(sys.argv[1], 'w').close()\n";

#[test]
fn whatever_the_end_is() {
    for (end, code, signal, stderr) in [
        ("", Some(0), None, ""),
        ("import sys; sys.exit(3)", Some(3), None, ""),
        ("import sys; sys.exit('why')", Some(1), None, "why\n"),
        ("import os; os._exit(4)", Some(4), None, ""),
        (
            "1 / 0",
            Some(1),
            None,
            "ZeroDivisionError: division by zero\n",
        ),
        (
            "raise KeyboardInterrupt",
            None,
            Some(2),
            "KeyboardInterrupt\n",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGTERM); import time; time.sleep(100)",
            None,
            Some(15),
            "",
        ),
    ] {
        let dir = Dir::new();
        let dump = dir.path().join("x.dump");
        let code_of = format!("kept = bytearray(3_000_000)\n{end}");
        let out = with(&[("dump", text(&dump))]).args(["-c", &code_of]).run();
        let as_ever = (out.status.code(), out.status.signal()) == (code, signal);
        let out = out.check(as_ever, &format!("the end of {end:?} has changed"));
        let said = out.stderr.ends_with(stderr) && out.stderr.is_empty() == stderr.is_empty();
        out.check(said, "the same words as ever").stdout_is("");
        let snapshot = loaded(&dump);
        assert!(held(&snapshot, 1) >= 3_000_000, "{end:?}");
        assert_eq!(snapshot.traceback_limit(), 25, "{end:?}");
        assert_eq!(names(dir.path()), ["x.dump"], "{end:?}");
    }
}

#[test]
fn the_end_comes_after_atexit_and_before_the_modules_go() {
    let dir = Dir::new();
    let dump = dir.path().join("x.dump");
    let code = "import atexit\n\
                kept = []\n\
                def last():\n\
                \x20   kept.append(bytearray(2_000_000))\n\
                atexit.register(last)\n\
                assert atexit._ncallbacks() == 1\n\
                atexit._clear()\n\
                atexit.register(last)\n";
    let cmd = with(&[("dump", text(&dump))]);
    cmd.args(["-c", code]).run().success().stderr_is("");
    assert!(held(&loaded(&dump), 4) >= 2_000_000);
}

#[test]
fn nothing_is_imported_at_the_end() {
    let dir = Dir::new();
    let dump = dir.path().join("x.dump");
    // Imported by name, so that what the last dump has more of came with the end.
    let code = "import sys, tracemalloc\n\
                assert 'threading' not in sys.modules\n\
                before = tracemalloc.get_traced_memory()[0]\n\
                print(before)\n";
    let cmd = with(&[("dump", text(&dump))]);
    let out = cmd.args(["-c", code]).run().success().stderr_is("");
    let before: i64 = out.stdout.trim().parse().expect("a number of bytes");
    let snapshot = loaded(&dump);
    let lines = snapshot.statistics(KeyType::Traceback, false);
    let lines = lines.expect("tracebacks");
    let is_it =
        |frame: &snapshot::Frame| frame.filename.to_string_lossy().ends_with("/threading.py");
    let of_it = lines
        .iter()
        .find(|line| line.traceback.frames().iter().any(is_it));
    assert!(of_it.is_none(), "{of_it:?}");
    // The module would be 600 KiB.
    let after = snapshot.total_size();
    assert!(after - before < 200_000, "{before} B, then {after} B");
}

#[test]
fn threads_are_waited_for_at_the_end() {
    let dir = Dir::new();
    let dump = dir.path().join("x.dump");
    let code = "import threading, time\n\
                def work():\n\
                \x20   time.sleep(0.3)\n\
                \x20   kept.append(bytearray(3_000_000))\n\
                \x20   print('done')\n\
                kept = []\n\
                threading.Thread(target=work).start()\n";
    let cmd = with(&[("dump", text(&dump))]);
    let out = cmd.args(["-c", code]).run().success();
    out.stderr_is("").stdout_is("done\n");
    assert!(held(&loaded(&dump), 4) >= 3_000_000);
}

#[test]
fn names_that_do_not_exist() {
    let dir = Dir::new();
    let path = dir.path().join("x");
    for (name, hint) in [
        ("dumps", "did you mean tracemalloc_dump?"),
        ("Signal", "did you mean tracemalloc_signal?"),
        ("colour", "--help-xoptions lists them"),
    ] {
        let line = format!("tracemalloc: -X tracemalloc_{name}: there is no such option; {hint}\n");
        let cmd = with(&[(name, text(&path))]).args(["-c", "print('ran')"]);
        cmd.run().code(1).stdout_is("").stderr_is(&line);
    }
    // As in CPython, all other names are nobody's.
    let cmd = tracepy().args(["-X", "tracemallocs", "-X", "dumps=x", "-c", "print('ran')"]);
    cmd.run().success().stdout_is("ran\n").stderr_is("");
}

#[test]
fn a_program_sees_nothing_of_it() {
    let dir = Dir::new();
    let dump = dir.path().join("x.dump");
    // A fork with more than one thread would warn; a descriptor of ours would take the number 3.
    let code = "import os, signal, threading, warnings\n\
                warnings.simplefilter('always')\n\
                for name in 'SIGUSR2', 'SIGTERM':\n\
                \x20   number = getattr(signal, name)\n\
                \x20   assert signal.getsignal(number) == signal.SIG_DFL, name\n\
                \x20   assert signal.signal(number, signal.SIG_IGN) == signal.SIG_DFL, name\n\
                assert threading.active_count() == 1\n\
                pid = os.fork()\n\
                if pid == 0:\n\
                \x20   pid = os.fork()\n\
                \x20   if pid == 0:\n\
                \x20       os._exit(5)\n\
                \x20   os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n\
                print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n\
                file = os.open('/dev/null', os.O_RDONLY)\n\
                print(file)\n";
    let without = tracepy().args(["-c", code]).run().success();
    let options = [
        ("dump", text(&dump)),
        ("signal", "USR2"),
        // While a dump is written, its file is open.
        ("interval", "1000"),
    ];
    let out = with(&options).args(["-c", code]).run().success();
    out.stderr_is("").stdout_is(&without.stdout);
}

#[test]
fn sigterm_from_outside() {
    for stuck in [
        "while True: pass",
        "import time; time.sleep(1000)",
        "sum(range(10**15))",
    ] {
        let dir = Dir::new();
        let dump = dir.path().join("x.dump");
        let code = format!("{SAY_READY}kept = bytearray(3_000_000)\n{stuck}");
        let running = start(with(&[("dump", text(&dump))]), &dir, &code);
        // Ready, but perhaps not yet at the second line.
        thread::sleep(Duration::from_millis(300));
        running.signal("TERM");
        let out = running.wait().stdout_is("").stderr_is("");
        let by = out.status.signal() == Some(15);
        out.check(by, "expected an end by SIGTERM");
        assert!(load(&dump).is_some(), "{stuck}");
    }
}

#[test]
fn sigterm_that_a_program_handles_is_its_own() {
    let dir = Dir::new();
    let dump = dir.path().join("x.dump");
    let code = "import signal, sys, time\n\
                def end(number, frame):\n\
                \x20   sys.exit(7)\n\
                signal.signal(signal.SIGTERM, end)\n\
                open(sys.argv[1], 'w').close()\n\
                time.sleep(1000)\n";
    let running = start(with(&[("dump", text(&dump))]), &dir, code);
    running.signal("TERM");
    running.wait().code(7).stderr_is("");
    assert!(load(&dump).is_some());
}

#[test]
fn a_signal_while_it_runs() {
    for stuck in [
        "while True: pass",
        "import time; time.sleep(1000)",
        "sum(range(10**15))",
    ] {
        let dir = Dir::new();
        let dump = dir.path().join("x.dump");
        let code = format!("kept = bytearray(3_000_000)\n{SAY_READY}{stuck}");
        let options = [("dump", text(&dump)), ("signal", "USR2")];
        let mut running = start(with(&options), &dir, &code);
        for round in 0..2 {
            assert!(!dump.exists());
            running.signal("USR2");
            wait_until(&format!("dump {round} of {stuck:?}"), || dump.exists());
            assert!(held(&loaded(&dump), 1) >= 3_000_000, "{stuck}");
            fs::remove_file(&dump).expect("it is there");
        }
        assert!(running.is_running(), "{stuck}");
        running.signal("KILL");
        running.wait().stdout_is("").stderr_is("");
        assert!(!dump.exists(), "nothing is written after SIGKILL");
    }
}

#[test]
fn a_handler_of_the_program_wins() {
    let dir = Dir::new();
    let dump = dir.path().join("x.dump");
    let code = "import os, signal, sys\n\
                def mine(number, frame):\n\
                \x20   print('mine', os.path.exists(sys.argv[1]))\n\
                signal.signal(signal.SIGUSR2, mine)\n\
                os.kill(os.getpid(), signal.SIGUSR2)\n";
    let options = [("dump", text(&dump)), ("signal", "SIGUSR2")];
    let cmd = with(&options).args(["-c", code]).arg(&dump);
    cmd.run().success().stdout_is("mine False\n").stderr_is("");
}

#[test]
fn what_cannot_work_ends_the_start() {
    let dir = Dir::new();
    let missing = dir.path().join("missing/x");
    let there = dir.path().join("x");
    let needs_dump = "this needs -X tracemalloc_dump=PATH, too";
    let no_folder = format!(
        "there is no folder {}; make it first",
        dir.path().join("missing").display()
    );
    let no_place = dir.path().join("{Pid}.dump");
    for (options, what) in [
        (&[("dump", text(&missing))][..], no_folder.as_str()),
        (
            &[("dump", text(&no_place))],
            "there is no {Pid}; {pid} and {time} there are",
        ),
        (
            &[("peak", text(dir.path()))],
            "this is a folder, a file is needed",
        ),
        (&[("signal", "USR2")], needs_dump),
        (&[("interval", "1")], needs_dump),
        (
            &[("dump", text(&there)), ("interval", "0")],
            "a number of seconds is needed, at least 0.01",
        ),
        (
            &[("dump", text(&there)), ("signal", "FOO")],
            "a signal is needed that can ask for a dump: HUP, QUIT, USR1, USR2, ALRM, VTALRM, PROF, \
             URG, IO, WINCH, XCPU, XFSZ, PWR",
        ),
    ] {
        let (name, value) = options.last().expect("there is one");
        let line = format!("tracemalloc: -X tracemalloc_{name}={value}: {what}\n");
        let cmd = with(options).args(["-c", "print('ran')"]);
        cmd.run().code(1).stdout_is("").stderr_is(&line);
        let variable = format!("PYTHONTRACEMALLOC_{}", name.to_uppercase());
        let line = format!("tracemalloc: {variable}={value}: {what}\n");
        let first = &options[..options.len() - 1];
        let by_variable = || {
            with(first)
                .env(&variable, value)
                .args(["-c", "print('ran')"])
        };
        by_variable().run().code(1).stdout_is("").stderr_is(&line);
        for ignore in ["-E", "-I"] {
            let cmd = tracepy().arg(ignore).env(&variable, value);
            cmd.args(["-c", "print('ran')"])
                .run()
                .success()
                .stdout_is("ran\n");
        }
    }
    assert_eq!(names(dir.path()), [] as [&str; 0]);
}

#[test]
fn what_fails_later_is_one_line() {
    let dir = Dir::new();
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).expect("a folder");
    let dump = folder.join("x.dump");
    let code = "import os, sys, time\n\
                os.rename(sys.argv[1], sys.argv[1] + '.old')\n\
                time.sleep(0.1)\n\
                sys.exit(6)\n";
    let cmd = with(&[("dump", text(&dump)), ("interval", "0.01")]);
    let line = format!(
        "tracemalloc: cannot write {}: No such file or directory\n",
        dump.display()
    );
    cmd.args(["-c", code])
        .arg(&folder)
        .run()
        .code(6)
        .stderr_is(&line);
}

#[test]
fn how_tracing_starts() {
    let dir = Dir::new();
    let dump = dir.path().join("x.dump");
    let option = format!("tracemalloc_dump={}", text(&dump));
    for (frames, limit) in [(Some("3"), 3), (None, 25)] {
        let cmd = match frames {
            Some(frames) => tracepy().env("PYTHONTRACEMALLOC", frames),
            None => tracepy(),
        };
        cmd.args(["-X", &option, "-c", ""])
            .run()
            .success()
            .stderr_is("");
        assert_eq!(loaded(&dump).traceback_limit(), limit);
        fs::remove_file(&dump).expect("it is there");
    }
    // Who turns tracing off by word gets a dump of what the program traces, or none.
    let off = || tracepy().args(["-X", "tracemalloc=0", "-X", &option]);
    let line = "tracemalloc: there is no dump: tracing is off\n";
    off().args(["-c", ""]).run().success().stderr_is(line);
    assert!(!dump.exists());
    let code = "import tracemalloc; tracemalloc.start(7)";
    off().args(["-c", code]).run().success().stderr_is("");
    assert_eq!(loaded(&dump).traceback_limit(), 7);
}

#[test]
fn all_at_once_and_in_cpython() {
    let dir = Dir::new();
    let path = dir.path().join("{pid}-{time}.dump");
    let peak = dir.path().join("peak-{time}.dump");
    let code = format!(
        "kept = [bytearray(1000) for _ in range(5000)]\n\
         {SAY_READY}\
         import threading\n\
         def work():\n\
         \x20   while True: [bytearray(n) for n in range(3000)]\n\
         for _ in range(3): threading.Thread(target=work, daemon=True).start()\n\
         work()\n"
    );
    let options = [
        ("dump", text(&path)),
        ("signal", "USR1"),
        ("interval", "0.03"),
        ("keep", "2"),
        ("peak", text(&peak)),
    ];
    let running = start(with(&options), &dir, &code);
    for _ in 0..5 {
        let before = names(dir.path());
        running.signal("USR1");
        wait_until("another dump", || names(dir.path()) != before);
    }
    running.signal("TERM");
    let out = running.wait().no_panic();
    let by = out.status.signal() == Some(15);
    out.check(by, "expected an end by SIGTERM");
    let all = names(dir.path());
    assert!(
        all.iter()
            .all(|name| name == "ready" || name.ends_with("Z.dump")),
        "{all:?}"
    );
    let peaks = all.iter().filter(|name| name.starts_with("peak")).count();
    assert_eq!(peaks, 1, "{all:?}");
    let others = cpythons();
    if others.is_empty() {
        skip(module_path!(), "no CPython from 3.9 on was found");
    }
    let code = "import sys, tracemalloc\n\
                for name in sys.argv[1:]:\n\
                \x20   s = tracemalloc.Snapshot.load(name)\n\
                \x20   print(len(s.traces), sum(t.size for t in s.traces), len(s.statistics('lineno')))\n";
    let paths = all.iter().filter(|name| *name != "ready");
    let paths: Vec<PathBuf> = paths.map(|name| dir.path().join(name)).collect();
    // The last one is that of the end.
    let end = paths.iter().rfind(|path| !text(path).contains("peak"));
    assert!(held(&loaded(end.expect("a dump")), 1) >= 5_000_000);
    let mut expected = String::new();
    for path in &paths {
        let snapshot = loaded(path);
        let lines = snapshot.statistics(KeyType::Lineno, false).expect("lines");
        let line = (snapshot.traces().len(), snapshot.total_size(), lines.len());
        expected += &format!("{} {} {}\n", line.0, line.1, line.2);
    }
    for python in others.iter().chain([&tracepy_path()]) {
        let cmd = Cmd::new(python).args(["-c", code]).args(&paths);
        cmd.run().success().stdout_is(&expected);
    }
}
