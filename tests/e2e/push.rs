//! `-X tracemalloc_push` and its relatives: what a receiver gets of programs that know nothing of it, and that
//! no receiver, however bad, changes what they do.
//!
//! Nothing here asserts on a time, but that all of it ends (`util::TIMEOUT`).

use std::os::unix::process::ExitStatusExt;

use super::receiver::{ACCEPTED, Answer, Received, Receiver, nobody};
use super::util::{Cmd, Dir, tracepy};

use super::dump_options::{SAY_READY, names, start, with};

/// Bytes that are held by a line of the program (`-c`).
fn held(request: &Received, line: i64) -> i64 {
    request.profile().held("<string>", line)
}

fn pid(request: &Received) -> String {
    request.name().1["pid"].clone()
}

/// As long as a test may take: a machine with much else to do gets there, too.
const PATIENCE: (&str, &str) = ("push_last", "100");

/// Pushed to that receiver, at the end only.
fn to(url: &str) -> Cmd {
    with(&[("push", url), ("push_interval", "1000"), PATIENCE])
}

#[test]
fn whatever_the_end_is() {
    ours_only!();
    for (end, code, signal, stderr) in [
        ("", Some(0), None, ""),
        ("import sys; sys.exit(3)", Some(3), None, ""),
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
        let receiver = Receiver::start(|_| ACCEPTED);
        let program = format!("kept = bytearray(3_000_000)\n{end}");
        let running = to(&receiver.url).args(["-c", &program]).spawn();
        let process = running.id().to_string();
        let out = running.wait();
        let as_ever = (out.status.code(), out.status.signal()) == (code, signal);
        let out = out.check(as_ever, &format!("the end of {end:?} has changed"));
        let said = out.stderr.ends_with(stderr) && out.stderr.is_empty() == stderr.is_empty();
        out.check(said, "the same words as ever").stdout_is("");
        let requests = receiver.requests();
        let [request] = &requests[..] else {
            panic!("{end:?}: {} requests", requests.len());
        };
        assert!(held(request, 1) >= 3_000_000, "{end:?}");
        assert_eq!((&*request.method, &*request.path), ("POST", "/ingest"));
        assert_eq!(request.query["format"], "pprof");
        let seconds = |name: &str| request.query[name].parse::<u64>().expect("seconds");
        assert!(seconds("from") < seconds("until"));
        let profile = request.profile();
        assert_eq!(
            profile.types(),
            [("inuse_objects", "count"), ("inuse_space", "bytes")]
        );
        assert_eq!(profile.time_nanos as u64 / 1_000_000_000, seconds("until"));
        let (service, labels) = request.name();
        let of_labels: Vec<_> = labels.keys().map(String::as_str).collect();
        assert_eq!(
            (&*service, &of_labels[..]),
            ("tracepy", &["host", "pid", "version"][..])
        );
        assert_eq!(labels["pid"], process);
        assert!(!labels["host"].is_empty());
    }
}

#[test]
fn every_so_often() {
    ours_only!();
    let receiver = Receiver::start(|_| ACCEPTED);
    let options = [
        (
            "push",
            &*format!("{}/push.v1.PusherService/Push", receiver.url),
        ),
        ("push_interval", "0.2"),
        ("push_labels", "version=7,team=a b"),
        ("push_name", "shop"),
        PATIENCE,
    ];
    let dir = Dir::new();
    let cmd = with(&options)
        .env("PYTHONTRACEMALLOC_PUSH_TENANT", "team-a")
        .env("PYTHONTRACEMALLOC_PUSH_TOKEN", "t0ken");
    let running = start(cmd, &dir, &format!("{SAY_READY}while True: pass"));
    let requests = receiver.wait(3);
    running.signal("TERM");
    let out = running.wait().stdout_is("").stderr_is("");
    let by = out.status.signal() == Some(15);
    out.check(by, "expected an end by SIGTERM");
    assert!(
        receiver.requests().len() > requests.len(),
        "one more at the end"
    );
    for request in &receiver.requests() {
        assert_eq!(request.headers["x-scope-orgid"], "team-a");
        assert_eq!(request.headers["authorization"], "Bearer t0ken");
        let labels = request.json()["series"][0]["labels"].clone();
        let labels = labels.as_array().expect("a list");
        let has = |name: &str, value: &str| {
            let found = labels
                .iter()
                .any(|one| one["name"] == name && one["value"] == value);
            assert!(found, "{name}={value}: {labels:?}");
        };
        has("__name__", "memory");
        has("service_name", "shop");
        has("version", "7");
        has("team", "a b");
    }
}

/// What every one of these programs prints, whatever the receiver does.
const PROGRAM: &str = "\
kept = bytearray(2_000_000)
import time
total = 0
for step in range(8):
    total += sum(range(10_000))
    time.sleep(0.05)
print(total)
raise SystemExit(5)
";

#[test]
fn bad_receivers_change_nothing() {
    ours_only!();
    let expected = tracepy().args(["-c", PROGRAM]).run().code(5).stdout;
    for (answer, why) in [
        (
            Answer::Status(500, "", "full"),
            "status 500 (Internal Server Error): full",
        ),
        (
            Answer::Status(429, "Retry-After: 3600\r\n", ""),
            "status 429 (Too Many Requests)",
        ),
        (Answer::Status(401, "", ""), "status 401 (Unauthorized)"),
        (Answer::Silent, ""),
        (Answer::Deaf, ""),
        (Answer::CutRequest, ""),
        (Answer::CutReply, ""),
        (Answer::EndlessHeaders, ""),
        (
            Answer::Endless(503),
            "status 503 (Service Unavailable): xxx",
        ),
        (Answer::Loop, "a redirect to /ingest, which is not followed"),
    ] {
        let what = format!("{answer:?}");
        let receiver = Receiver::start(move |_| answer.clone());
        let options = [("push", &*receiver.url), ("push_interval", "0.1")];
        let out = with(&options).args(["-c", PROGRAM]).run().code(5);
        let out = out.stdout_is(&expected);
        let start = format!("tracemalloc: cannot push to {}/ingest: ", receiver.url);
        let once = out.stderr.lines().count() == 1 && out.stderr.starts_with(&start);
        let out = out.check(once, &format!("{what}: one line when it begins to fail"));
        let says = out.stderr.contains(why);
        out.check(says, &format!("{what}: expected {why:?}"));
        assert!(receiver.connections() > 0, "{what}");
    }
    let options = [("push", &*nobody()), ("push_interval", "0.1")];
    let out = with(&options)
        .args(["-c", PROGRAM])
        .run()
        .code(5)
        .stdout_is(&expected);
    let once = out.stderr.lines().count() == 1 && out.stderr.contains("Connection refused");
    out.check(once, "one line when it begins to fail");
}

#[test]
fn what_accepts_in_odd_ways() {
    ours_only!();
    let expected = tracepy().args(["-c", PROGRAM]).run().code(5).stdout;
    for answer in [
        Answer::Slow,
        Answer::Endless(200),
        Answer::Status(204, "", ""),
    ] {
        let receiver = Receiver::start(move |_| answer.clone());
        let out = to(&receiver.url).args(["-c", PROGRAM]).run().code(5);
        out.stdout_is(&expected).stderr_is("");
        assert!(held(&receiver.requests()[0], 1) >= 2_000_000);
    }
}

/// One line when pushes begin to fail, and one when they work again.
#[test]
fn it_works_again() {
    ours_only!();
    let receiver = Receiver::start(|connection| match connection {
        0..2 => Answer::Status(404, "", "not yet"),
        _ => ACCEPTED,
    });
    let dir = Dir::new();
    let cmd = with(&[("push", &receiver.url), ("push_interval", "0.1")]);
    let running = start(cmd, &dir, &format!("{SAY_READY}while True: pass"));
    receiver.wait(2);
    running.signal("TERM");
    let out = running.wait();
    let lines: Vec<_> = out.stderr.lines().collect();
    let begin = format!(
        "tracemalloc: cannot push to {}/ingest: status 404",
        receiver.url
    );
    let again = format!(
        "tracemalloc: pushing to {}/ingest works again; 2 snapshots were lost",
        receiver.url
    );
    let holds = lines.len() == 2 && lines[0].starts_with(&begin) && lines[1] == again;
    out.check(holds, "two lines");
}

#[test]
fn children_push_for_themselves() {
    ours_only!();
    let receiver = Receiver::start(|_| ACCEPTED);
    let code = "import os, sys\n\
                pid = os.fork()\n\
                if pid == 0:\n\
                \x20   kept = bytearray(5_000_000)\n\
                \x20   os._exit(0)\n\
                os.waitpid(pid, 0)\n\
                print(pid)\n";
    let out = to(&receiver.url)
        .args(["-c", code])
        .run()
        .success()
        .stderr_is("");
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(pid(&requests[0]), out.stdout.trim());
    assert_ne!(pid(&requests[1]), out.stdout.trim());
    assert!(held(&requests[0], 4) >= 5_000_000);
    assert_eq!(held(&requests[1], 4), 0);
}

#[test]
fn children_that_are_started() {
    ours_only!();
    let dir = Dir::new();
    let script = dir.path().join("shop.py");
    let code = "import concurrent.futures, multiprocessing, os, subprocess, sys\n\
                def work(n):\n\
                \x20   return os.getpid()\n\
                if __name__ == '__main__':\n\
                \x20   pids = {os.getpid()}\n\
                \x20   for method in 'fork', 'spawn':\n\
                \x20       context = multiprocessing.get_context(method)\n\
                \x20       with concurrent.futures.ProcessPoolExecutor(1, context) as pool:\n\
                \x20           pids.add(pool.submit(work, 1).result())\n\
                \x20   code = 'import os; print(os.getpid())'\n\
                \x20   out = subprocess.run([sys.executable, '-c', code], capture_output=True, check=True)\n\
                \x20   pids.add(int(out.stdout))\n\
                \x20   print(*sorted(pids))\n";
    std::fs::write(&script, code).expect("it can be written");
    let receiver = Receiver::start(|_| ACCEPTED);
    let cmd = tracepy()
        .env("PYTHONTRACEMALLOC_PUSH", &receiver.url)
        .env("PYTHONTRACEMALLOC_PUSH_LAST", "100")
        .env("PYTHONTRACEMALLOC_PUSH_INTERVAL", "1000");
    let out = cmd.arg(&script).run().success().stderr_is("");
    let mut expected: Vec<u64> = out.stdout.split_whitespace().flat_map(str::parse).collect();
    let mut pids: Vec<u64> = Vec::new();
    for request in receiver.requests() {
        pids.push(pid(&request).parse().expect("a number"));
    }
    // A helper of `multiprocessing` may be a process of its own.
    pids.retain(|pid| expected.contains(pid));
    pids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(expected.len(), 4, "{}", out.stdout);
    assert_eq!(pids, expected);
}

#[test]
fn a_program_sees_nothing_of_it() {
    ours_only!();
    let code = "import os, signal, threading, warnings\n\
                warnings.simplefilter('always')\n\
                assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n\
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
    let receiver = Receiver::start(|_| ACCEPTED);
    let out = to(&receiver.url).args(["-c", code]).run().success();
    out.stderr_is("").stdout_is(&without.stdout);
    assert_eq!(receiver.requests().len(), 3);
}

#[test]
fn dumps_and_pushes_together() {
    ours_only!();
    let dir = Dir::new();
    let receiver = Receiver::start(|_| ACCEPTED);
    let dump = dir.path().join("x.dump");
    let options = [
        ("push", &*receiver.url),
        ("dump", super::dump_options::text(&dump)),
        PATIENCE,
    ];
    with(&options)
        .args(["-c", "pass"])
        .run()
        .success()
        .stderr_is("");
    assert_eq!(names(dir.path()), ["x.dump"]);
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn while_tracing_is_off_nothing_is_pushed() {
    ours_only!();
    let receiver = Receiver::start(|_| ACCEPTED);
    let options = [("push", &*receiver.url), ("push_interval", "0.1")];
    let off = with(&options).args(["-X", "tracemalloc=0"]);
    let code = "import time; time.sleep(0.5)";
    off.args(["-c", code]).run().success().stderr_is("");
    assert_eq!(receiver.connections(), 0);
    let code = "import tracemalloc; print(tracemalloc.get_traceback_limit())";
    let out = to(&receiver.url).args(["-c", code]).run().success();
    out.stdout_is("25\n");
}

#[test]
fn what_cannot_work_ends_the_start() {
    ours_only!();
    for (option, value, why) in [
        ("push", "localhost:4040", "a URL that begins with http://"),
        ("push", "http://h/elsewhere", "the path says no format"),
        (
            "push",
            "http://me:hunter2@h/",
            "a user or a password does not belong in a URL",
        ),
        (
            "push_token",
            "hunter2",
            "a secret does not belong on a command line",
        ),
        (
            "push_name",
            "shop",
            "this needs -X tracemalloc_push=URL, too",
        ),
    ] {
        let out = with(&[(option, value)]).args(["-c", "print(1)"]).run();
        let out = out.code(1).stdout_is("");
        let one = out.stderr.lines().count() == 1 && out.stderr.starts_with("tracemalloc: ");
        let says = out.stderr.contains(why) && !out.stderr.contains("hunter2");
        out.check(one && says, why);
    }
    let labels = with(&[("push", "http://h"), ("push_labels", "a-b=c")]).args(["-c", "print(1)"]);
    let out = labels.run().code(1).stdout_is("");
    let says = out.stderr.contains("the name of a label");
    out.check(says, "the label is told");
    let tls = tracepy()
        .env("PYTHONTRACEMALLOC_PUSH", "ftp://h")
        .args(["-c", "print(1)"]);
    tls.run().code(1).stdout_is("");
    let ignored = tracepy()
        .env("PYTHONTRACEMALLOC_PUSH", "ftp://h")
        .args(["-E", "-c", "print(1)"]);
    ignored.run().success().stdout_is("1\n");
}
