use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use super::util::{Cmd, Dir, Running, tracepy};

/// Says `ready` by making a file, then sleeps.
const SLEEPER: &str = "import signal, sys, time\n\
                       signal.signal(signal.SIGINT, signal.default_int_handler)\n\
                       with open(sys.argv[1], 'w') as ready:\n    pass\n\
                       time.sleep(100)\n";

fn options() -> [&'static [&'static str]; 2] {
    [&[], &["-X", "tracemalloc=25"]]
}

fn start(cmd: Cmd, dir: &Dir, code: &str) -> Running {
    let ready = dir.path().join("ready");
    let _ = std::fs::remove_file(&ready);
    let running = cmd.args(["-c", code]).arg(&ready).spawn();
    let begin = Instant::now();
    while !ready.exists() && begin.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(10));
    }
    running
}

/// Ended by the signal, or with the status that a shell gives to such an end.
fn ended_by(status: ExitStatus, signal: i32) -> bool {
    status.signal() == Some(signal) || status.code() == Some(128 + signal)
}

#[test]
fn sigint_is_a_keyboard_interrupt() {
    let dir = Dir::new();
    for options in options() {
        let running = start(tracepy().args(options), &dir, SLEEPER);
        running.signal("INT");
        let out = running.wait().no_panic();
        let by = ended_by(out.status, 2);
        let last = out.stderr.lines().next_back() == Some("KeyboardInterrupt");
        out.check(by, "expected an end by SIGINT")
            .check(last, "expected a KeyboardInterrupt");
    }
}

#[test]
fn sigint_can_be_caught() {
    let dir = Dir::new();
    // Ready only inside of the `try`.
    let code = SLEEPER.replace(
        "with open(sys.argv[1], 'w') as ready:\n    pass\ntime.sleep(100)",
        "try:\n    open(sys.argv[1], 'w').close()\n    time.sleep(100)\n\
         except KeyboardInterrupt:\n    print('caught')\n    sys.exit(6)",
    );
    assert_ne!(code, SLEEPER);
    for options in options() {
        let running = start(tracepy().args(options), &dir, &code);
        running.signal("INT");
        running.wait().code(6).stdout_is("caught\n").stderr_is("");
    }
}

#[test]
fn sigterm_ends_the_program() {
    let dir = Dir::new();
    for options in options() {
        let running = start(tracepy().args(options), &dir, SLEEPER);
        running.signal("TERM");
        let out = running.wait();
        let by = ended_by(out.status, 15);
        out.check(by, "expected an end by SIGTERM")
            .stdout_is("")
            .stderr_is("");
    }
}

#[test]
fn a_handler_allocates_and_is_traced() {
    let code = "import os, signal, tracemalloc\n\
                kept = []\n\
                def handler(number, frame):\n\
                \x20   kept.append(bytearray(3000))\n\
                signal.signal(signal.SIGUSR1, handler)\n\
                for _ in range(50):\n\
                \x20   os.kill(os.getpid(), signal.SIGUSR1)\n\
                while len(kept) < 50:\n\
                \x20   os.kill(os.getpid(), signal.SIGUSR1)\n\
                lines = {tracemalloc.get_object_traceback(k)[-1].lineno for k in kept}\n\
                print(lines)\n";
    tracepy()
        .args(["-X", "tracemalloc=25", "-c", code])
        .run()
        .success()
        .stdout_is("{4}\n");
}

#[test]
fn sigint_in_a_loop_that_allocates_ends_it() {
    let dir = Dir::new();
    let code = SLEEPER.replace(
        "time.sleep(100)",
        "while True:\n    kept = [str(n) for n in range(1000)]",
    );
    for options in options() {
        let running = start(tracepy().args(options), &dir, &code);
        thread::sleep(Duration::from_millis(100));
        running.signal("INT");
        let out = running.wait().no_panic();
        let by = ended_by(out.status, 2);
        out.check(by, "expected an end by SIGINT")
            .stderr_has("KeyboardInterrupt");
    }
}
