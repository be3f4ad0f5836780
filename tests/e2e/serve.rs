//! `-X tracemalloc_http`: the endpoints, who may ask, what cannot work, what the program sees of it.

use super::http::{get, get_with, metric, send, unix};
use super::served::{BUSY, address, place_of, serving, wait_for};
use super::util::{Cmd, Dir, cpythons, tracepy};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use std::{fs, thread};

#[test]
fn a_program_that_is_stuck_answers() {
    ours_only!();
    let dir = Dir::new();
    let (cmd, ready, place) = serving(&dir, BUSY);
    let process = cmd.spawn();
    wait_for(&ready);
    let at = address(&place_of(&place, &process));
    let metrics = get(at, "/metrics").ok();
    assert!(metric(&metrics, "tracemalloc_traced_bytes") > 1_000_000);
    assert!(metric(&metrics, "tracemalloc_traces") > 1000);
    assert!(metric(&metrics, "tracemalloc_tracer_bytes") > 0);
    assert!(metric(&metrics, "process_resident_memory_bytes") > 1_000_000);
    assert_eq!(metric(&metrics, "tracemalloc_traceback_limit_frames"), 25);
    assert_eq!(metric(&metrics, "tracemalloc_dropped_traces_total"), 0);

    // The dump opens here and in CPython, and shows the line.
    let dump = dir.file("dump", get(at, "/snapshot").ok().body);
    let code = "import sys, tracemalloc\n\
                s = tracemalloc.Snapshot.load(sys.argv[1])\n\
                top = [t for t in s.statistics('lineno') if 'program.py' in t.traceback[0].filename][0]\n\
                print(top.count, top.size, top.traceback[0].lineno)\n\
                print(sum(t.size for t in s.traces), len(s.traces))\n";
    let shown = tracepy().args(["-c", code]).arg(&dump).run().success();
    let top: Vec<u64> = shown
        .stdout
        .split_whitespace()
        .map(|n| n.parse().expect("a number"))
        .collect();
    assert!(
        top[0] >= 1000 && top[1] > 1_000_000 && top[2] == 2,
        "{top:?}"
    );
    for cpython in cpythons() {
        Cmd::new(cpython)
            .args(["-c", code])
            .arg(&dump)
            .run()
            .success()
            .stdout_is(&shown.stdout);
    }
    // Nothing changes: the snapshot has what the numbers say, and so has the page.
    let metrics = get(at, "/metrics").ok();
    assert_eq!(metric(&metrics, "tracemalloc_traced_bytes"), top[3]);
    let page = get(at, "/page.json").ok().text();
    assert!(
        page.contains(&format!("\"traces\":{},", top[4])),
        "{page:.300}"
    );
    assert!(page.contains(&format!(
        "\"total\":{{\"size\":{},\"count\":{}}}",
        top[3], top[4]
    )));
    assert!(get(at, "/").ok().text().contains("program.py, process "));
    // Counted without a snapshot, exactly where nothing else happens. The count may be some moments old.
    thread::sleep(Duration::from_millis(500));
    let metrics = get(at, "/metrics").ok();
    assert_eq!(metric(&metrics, "tracemalloc_traces"), top[4]);
    assert_eq!(
        &get(at, "/debug/pprof/heap?seconds=1").ok().body[..2],
        b"\x1f\x8b"
    );
    process.signal("KILL");
}

#[test]
fn whoever_asks_without_the_token_or_as_another_host() {
    ours_only!();
    let dir = Dir::new();
    let token = dir.file("token", "s3cret\n");
    let (cmd, ready, place) = serving(&dir, BUSY);
    let process = cmd.env("PYTHONTRACEMALLOC_HTTP_TOKEN_FILE", &token).spawn();
    wait_for(&ready);
    let at = address(&place_of(&place, &process));
    for path in [
        "/",
        "/metrics",
        "/snapshot",
        "/debug/pprof/heap",
        "/nothing",
    ] {
        assert_eq!(get(at, path).status, 401, "{path}");
        assert_eq!(
            get_with(at, path, "Authorization: Bearer wrong").status,
            401,
            "{path}"
        );
    }
    assert_eq!(
        get_with(at, "/metrics", "Authorization: Bearer s3cret").status,
        200
    );
    let request =
        "GET /metrics HTTP/1.1\r\nHost: evil.example:80\r\nAuthorization: Bearer s3cret\r\n\r\n";
    assert_eq!(send(at, request.as_bytes()).status, 403);
    process.signal("KILL");
}

#[test]
fn a_socket_for_its_owner_alone() {
    ours_only!();
    let dir = Dir::new();
    let path = dir.path().join("socket");
    let option = format!("tracemalloc_http=unix:{}", path.display());
    let script = dir.file("program.py", BUSY);
    let ready = dir.path().join("ready");
    let run = || tracepy().args(["-X", &option]).arg(&script).arg(&ready);
    let process = run().spawn();
    wait_for(&ready);
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let reply = unix(&path, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").ok();
    assert!(metric(&reply, "tracemalloc_traced_bytes") > 1_000_000);
    // Another one is told.
    let line = format!("tracemalloc: -X {option}: Address already in use\n");
    run().run().code(1).stderr_is(&line);
    process.signal("KILL");
    process.wait();
    // What the dead one left is no obstacle, and whoever ends goes.
    assert!(path.exists());
    tracepy()
        .args(["-X", &option, "-c", "pass"])
        .run()
        .success()
        .stderr_is("");
    assert!(!path.exists());
}

#[test]
fn what_cannot_work_is_one_line() {
    ours_only!();
    let dir = Dir::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let run = |address: &str| {
        let option = format!("tracemalloc_http={address}");
        tracepy().args(["-X", &option, "-c", "print('ran')"]).run()
    };
    let line =
        |address: &str, what: &str| format!("tracemalloc: -X tracemalloc_http={address}: {what}\n");
    for (address, what) in [
        (&*port, "Address already in use"),
        ("host:1", "a port, 127.0.0.1:PORT or unix:PATH is needed"),
        ("unix:/no/such/socket", "there is no folder /no/such"),
        ("192.0.2.1:9090", "Cannot assign requested address"),
    ] {
        run(address)
            .code(1)
            .stdout_is("")
            .stderr_is(&line(address, what));
    }
    // By a variable, a wrong address is an error, and one that is taken is not: others may have set it
    // for many programs.
    let by_variable = |address: &str| {
        tracepy()
            .env("PYTHONTRACEMALLOC_HTTP", address)
            .args(["-c", "print('ran')"])
            .run()
    };
    let what = format!("tracemalloc: PYTHONTRACEMALLOC_HTTP={port}: Address already in use\n");
    by_variable(&port)
        .success()
        .stdout_is("ran\n")
        .stderr_is(&what);
    by_variable("x:y").code(1);
    // Variables that are not to be looked at.
    let run = tracepy()
        .env("PYTHONTRACEMALLOC_HTTP", "x:y")
        .args(["-E", "-c", "pass"]);
    run.run().success().stderr_is("");
    drop(dir);
}

#[test]
fn tracing_is_off() {
    ours_only!();
    let dir = Dir::new();
    let (cmd, ready, place) = serving(&dir, BUSY);
    let process = cmd.env("PYTHONTRACEMALLOC", "0").spawn();
    wait_for(&ready);
    let at = address(&place_of(&place, &process));
    let reply = get(at, "/snapshot");
    assert_eq!((reply.status, &*reply.text()), (503, "tracing is off\n"));
    let metrics = get(at, "/metrics").ok();
    assert_eq!(metric(&metrics, "tracemalloc_tracing"), 0);
    assert_eq!(metric(&metrics, "tracemalloc_traced_bytes"), 0);
    process.signal("KILL");
}

/// A program that can look: at its descriptors, threads, signals, and what a fork warns of.
const LOOKING: &str = "\
import os, signal, sys, threading, warnings
warnings.simplefilter('error')
first = os.open('/dev/null', os.O_RDONLY)
print(first, threading.active_count(), [t.name for t in threading.enumerate()])
print([s.name for s in sorted(signal.valid_signals()) if hasattr(s, 'name')
       and s not in (signal.SIGKILL, signal.SIGSTOP)
       and callable(signal.getsignal(s))], flush=True)
pid = os.fork()
if pid == 0:
    print('child', flush=True)
    os._exit(0)
print(os.waitpid(pid, 0)[1])
sys.exit(7)
";

#[test]
fn the_program_does_not_notice() {
    ours_only!();
    let plain = tracepy().args(["-c", LOOKING]).run().code(7);
    assert_eq!(plain.stderr, "");
    let served = tracepy()
        .args(["-X", "tracemalloc_http=0", "-c", LOOKING])
        .run()
        .code(7);
    served.stdout_is(&plain.stdout).stderr_is("");
    let dumped = tracepy().args([
        "-X",
        "tracemalloc_http=0",
        "-X",
        "tracemalloc_dump=/dev/shm/serve-{pid}",
    ]);
    let both = dumped.args(["-c", LOOKING]).run().code(7);
    let both = both.stdout_is(&plain.stdout).stderr_is("");
    drop(both);
    for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("serve-") {
            _ = fs::remove_file(entry.path());
        }
    }
}

/// A daemon closes all that it has not opened; the numbers of what is gone go to others.
#[test]
fn a_program_that_closes_all_descriptors() {
    ours_only!();
    let code = "import os, socket\n\
                os.closerange(3, 2000)\n\
                files = [os.open('/dev/null', os.O_RDONLY) for _ in range(200)]\n\
                import time; time.sleep(1.5)\n\
                print(all(os.fstat(f) for f in files), files[0])\n";
    let run = tracepy()
        .args(["-X", "tracemalloc_http=0", "-c", code])
        .run();
    run.success().stdout_is("True 3\n").stderr_is("");
}

#[test]
fn bad_requests_harm_nothing() {
    ours_only!();
    let dir = Dir::new();
    let (cmd, ready, place) = serving(&dir, BUSY);
    let mut process = cmd.spawn();
    wait_for(&ready);
    let at = address(&place_of(&place, &process));
    let huge = "x".repeat(1 << 20);
    for request in [
        "\0\0\0\0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &huge,
    ] {
        let reply = send(at, request.as_bytes());
        assert!(reply.status == 0 || reply.status >= 400, "{}", reply.status);
    }
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(at).expect("it listens");
        _ = stream.write_all(b"GET /met");
        slow.push(stream);
    }
    let many: Vec<_> = (0..50)
        .map(|number| {
            let path = ["/metrics", "/debug/pprof/heap", "/page.json"][number % 3];
            thread::spawn(move || get(at, path).status)
        })
        .collect();
    for one in many {
        assert_eq!(one.join().expect("no panic"), 200);
    }
    assert!(process.is_running());
    process.signal("KILL");
}
