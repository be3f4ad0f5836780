//! `-X tracemalloc_http`: the real binary, real sockets.

use super::http::{get, get_with, metric, send, unix};
use super::util::{Cmd, Dir, Running, cpythons, skip, tracepy};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Holds 1000 blocks, says so by a file, and is then in a loop that never gives way.
const BUSY: &str = "\
import sys
kept = [bytearray(1000) for _ in range(1000)]
open(sys.argv[1], 'w').close()
while True:
    pass
";

/// What a file says, once it is there.
#[track_caller]
fn wait_for(path: &Path) -> String {
    let begin = Instant::now();
    loop {
        match fs::read_to_string(path) {
            Ok(text) => return text,
            Err(_) if begin.elapsed() < Duration::from_secs(60) => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
}

/// The address in a file of one line.
#[track_caller]
fn address(path: &Path) -> SocketAddr {
    let line = wait_for(path);
    let address = line
        .trim()
        .strip_prefix("http://")
        .and_then(|at| at.parse().ok());
    address.unwrap_or_else(|| panic!("{line:?} is no address"))
}

/// A program that runs a code, and serves at a port of its own.
fn serving(dir: &Dir, code: &str) -> (Cmd, std::path::PathBuf, std::path::PathBuf) {
    let script = dir.file("program.py", code);
    let (ready, place) = (dir.path().join("ready"), dir.path().join("at-{pid}"));
    let option = format!("tracemalloc_http_file={}", place.display());
    let cmd = tracepy().args(["-X", "tracemalloc_http=0", "-X", &option]);
    (cmd.arg(script).arg(&ready), ready, place)
}

fn place_of(place: &Path, process: &Running) -> std::path::PathBuf {
    place
        .to_string_lossy()
        .replace("{pid}", &process.id().to_string())
        .into()
}

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

const FORKS: &str = "\
import os, sys, time
kept = bytearray(1_000_000)
for number in range(2):
    if os.fork() == 0:
        more = bytearray(3_000_000 * (number + 1))
        open(sys.argv[1] + str(os.getpid()), 'w').close()
        time.sleep(600)
open(sys.argv[1], 'w').close()
time.sleep(600)
";

#[test]
fn children_of_a_fork_serve_by_themselves() {
    ours_only!();
    let dir = Dir::new();
    let (cmd, ready, place) = serving(&dir, FORKS);
    let process = cmd.spawn();
    wait_for(&ready);
    let parent = process.id().to_string();
    let children = || -> Vec<String> {
        let names = fs::read_dir(dir.path()).expect("it is there").flatten();
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names
            .filter_map(|name| name.strip_prefix("ready").map(str::to_owned))
            .filter(|pid| !pid.is_empty())
            .collect()
    };
    let begin = Instant::now();
    while children().len() < 2 && begin.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(10));
    }
    let at = |pid: &str| address(place.to_string_lossy().replace("{pid}", pid).as_ref());
    let mut sizes = vec![metric(
        &get(at(&parent), "/metrics").ok(),
        "tracemalloc_traced_bytes",
    )];
    for child in children() {
        sizes.push(metric(
            &get(at(&child), "/metrics").ok(),
            "tracemalloc_traced_bytes",
        ));
        // It has nothing of its parent's sockets: one that listens, and that is its own.
        let listening = listening(&child);
        assert_eq!(listening, 1, "process {child}");
    }
    sizes.sort_unstable();
    assert!(
        sizes.len() == 3 && sizes[1] > sizes[0] + 2_900_000 && sizes[2] > sizes[1] + 2_900_000,
        "{sizes:?}"
    );
    for pid in children() {
        assert!(
            Cmd::new("kill")
                .args(["-KILL", &pid])
                .run()
                .status
                .success()
        );
    }
    process.signal("KILL");
}

/// How many sockets of a process listen.
fn listening(pid: &str) -> usize {
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
    let lines = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let inodes: Vec<String> = lines
        .filter(|fields| fields.len() > 9 && fields[3] == "0A")
        .map(|fields| format!("socket:[{}]", fields[9]))
        .collect();
    let open = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it runs")
        .flatten();
    let links = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    links
        .filter(|link| inodes.iter().any(|inode| link == Path::new(inode)))
        .count()
}

/// With a port of the parent's, children run and do not serve: those of a fork, and interpreters that it
/// starts with its own options.
#[test]
fn children_do_not_fight_for_a_port() {
    ours_only!();
    let dir = Dir::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a port")
        .port();
    let script = dir.file(
        "program.py",
        "import multiprocessing, os, subprocess, sys, urllib.request\n\
         def ask(kind):\n\
         \x20   text = urllib.request.urlopen(f'http://127.0.0.1:{sys.argv[1]}/').read().decode()\n\
         \x20   print(kind, f'process {os.getpid()}' in text, f'process {os.getppid()}' in text, flush=True)\n\
         if __name__ == '__main__':\n\
         \x20   ask('parent')\n\
         \x20   for method in ('fork', 'spawn'):\n\
         \x20       process = multiprocessing.get_context(method).Process(target=ask, args=(method,))\n\
         \x20       process.start(); process.join()\n\
         \x20   code = 'print(1)'\n\
         \x20   print(subprocess.run([sys.executable, '-c', code], check=True).returncode)\n",
    );
    let run = tracepy()
        .env("PYTHONTRACEMALLOC_HTTP", port.to_string())
        .arg(script)
        .arg(port.to_string())
        .run();
    run.success()
        .stdout_is("parent True False\nfork False True\nspawn False True\n1\n0\n")
        .stderr_is("");
}

#[test]
fn spawned_children_have_ports_of_their_own() {
    ours_only!();
    let dir = Dir::new();
    let code = "import multiprocessing, os, sys, time, urllib.request\n\
         def work(place):\n\
         \x20   at = open(place.replace('{pid}', str(os.getpid()))).read().strip()\n\
         \x20   text = urllib.request.urlopen(at + '/').read().decode()\n\
         \x20   print(f'process {os.getpid()}' in text, flush=True)\n\
         if __name__ == '__main__':\n\
         \x20   for method in ('spawn', 'fork'):\n\
         \x20       p = multiprocessing.get_context(method).Process(target=work, args=(sys.argv[2],))\n\
         \x20       p.start(); p.join(); print(p.exitcode)\n";
    let (cmd, _, place) = serving(&dir, code);
    cmd.arg(&place)
        .run()
        .success()
        .stdout_is("True\n0\nTrue\n0\n")
        .stderr_is("");
    // Whoever has ended has taken its file along.
    let left = fs::read_dir(dir.path()).expect("it is there").flatten();
    let left: Vec<_> = left
        .map(|entry| entry.file_name())
        .filter(|n| n.to_string_lossy().starts_with("at-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
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

/// Go's own tools on the endpoint, and on a dump of the same moment.
#[test]
fn gos_tools_read_the_profile() {
    ours_only!();
    if !Cmd::new("sh")
        .args(["-c", "command -v go"])
        .run()
        .status
        .success()
    {
        skip(module_path!(), "Go is not installed");
        return;
    }
    let dir = Dir::new();
    let (cmd, ready, place) = serving(&dir, BUSY);
    let process = cmd.spawn();
    wait_for(&ready);
    let at = address(&place_of(&place, &process));
    let url = format!("http://{at}/debug/pprof/heap");
    let pprof = |args: &[&str]| {
        let cmd = Cmd::new("go")
            .env("HOME", dir.path())
            .env("PPROF_TMPDIR", dir.path());
        cmd.args(["tool", "pprof", "-symbolize=none"])
            .args(args)
            .run()
            .success()
    };
    let dump = dir.file("dump", get(at, "/snapshot").ok().body);
    let code = "import sys, tracemalloc\n\
                s = tracemalloc.Snapshot.load(sys.argv[1]).statistics('lineno')\n\
                t = [t for t in s if 'program.py' in t.traceback[0].filename][0]\n\
                print(f'{t.size}B {t.count} {sum(x.size for x in s)}B')\n";
    let numbers = tracepy()
        .args(["-c", code])
        .arg(&dump)
        .run()
        .success()
        .stdout;
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    let top = pprof(&["-top", "-unit=B", &url]);
    let line = top
        .stdout
        .lines()
        .find(|line| line.ends_with("program.py:2"))
        .unwrap_or_default();
    assert_eq!(
        line.split_whitespace().next(),
        Some(numbers[0]),
        "{}",
        top.stdout
    );
    assert!(
        top.stdout.contains(&format!("of {} total", numbers[2])),
        "{}",
        top.stdout
    );
    let count = pprof(&["-top", "-sample_index=inuse_objects", &url]).stdout;
    let line = count
        .lines()
        .find(|line| line.ends_with("program.py:2"))
        .unwrap_or_default();
    assert_eq!(line.split_whitespace().next(), Some(numbers[1]), "{count}");
    pprof(&["-list", "program.py:2", &url]).stdout_has("kept = [bytearray(1000)");
    // Nothing changes: a difference is empty, made by Go or here.
    let file = dir.file("old.pb.gz", get(at, "/debug/pprof/heap").ok().body);
    pprof(&["-top", "-base", &file.to_string_lossy(), &url])
        .stdout_has("Showing nodes accounting for 0, 0%");
    pprof(&["-top", &format!("{url}?seconds=1")]).stdout_has("Showing nodes accounting for 0, 0%");
    process.signal("KILL");
}

#[test]
fn the_file_is_one_for_prometheus() {
    ours_only!();
    let dir = Dir::new();
    let file = dir.path().join("{pid}.json");
    let options = [
        "tracemalloc_http=0".to_owned(),
        format!("tracemalloc_http_file={}", file.display()),
    ];
    let code = "import json, os, sys\n\
                [one] = json.load(open(sys.argv[1].replace('{pid}', str(os.getpid()))))\n\
                print(one['labels']['pid'] == str(os.getpid()), one['targets'][0].split(':')[0])\n";
    let cmd = tracepy()
        .args(["-X", &options[0], "-X", &options[1], "-c", code])
        .arg(&file);
    cmd.run()
        .success()
        .stdout_is("True 127.0.0.1\n")
        .stderr_is("");
}

/// The page in Chromium: its numbers are those of the snapshot, and it asks for newer ones by itself.
#[test]
fn the_page_in_a_browser() {
    ours_only!();
    if !Cmd::new("sh")
        .args(["-c", "command -v chromium"])
        .run()
        .status
        .success()
    {
        skip(module_path!(), "Chromium is not installed");
        return;
    }
    let dir = Dir::new();
    let (cmd, ready, place) = serving(&dir, BUSY);
    let process = cmd.spawn();
    wait_for(&ready);
    let at = address(&place_of(&place, &process));
    let profile = format!("--user-data-dir={}", dir.path().join("profile").display());
    let browser = Cmd::new("chromium").args(["--headless=new", "--no-sandbox", "--disable-gpu"]);
    let browser = browser.args([
        "--disable-dev-shm-usage",
        "--virtual-time-budget=15000",
        "--dump-dom",
    ]);
    let shown = browser
        .arg(profile)
        .arg(format!("http://{at}/"))
        .run()
        .success();
    let data = get(at, "/page.json").ok().text();
    let number = |name: &str| {
        let rest = data.split_once(&format!("\"{name}\":")).expect(name).1;
        rest.split([',', '}']).next().expect("a number").to_owned()
    };
    let shown = shown.stdout_has(&format!("<dt>Blocks</dt><dd>{}</dd>", number("traces")));
    let total = format!("</b> in {} blocks; 25 frames kept", number("count"));
    let shown = shown.stdout_has(&total).stdout_has("program.py:2</code>");
    let shown = shown.stdout_has("again every 10 seconds");
    let has_failed = shown.stdout.contains("does not answer</span>");
    shown.check(!has_failed, "the page could not ask");
    // The page, what it has asked for itself (once, in 15 seconds), and what was asked for here.
    let metrics = get(at, "/metrics").ok();
    assert_eq!(
        metric(&metrics, "tracemalloc_http_responses_total{code=\"200\"}"),
        3
    );
    process.signal("KILL");
}
