//! `-X tracemalloc_http` and children: those of a fork, and interpreters that are started.

use super::http::{get, metric};
use super::served::{address, serving, wait_for};
use super::util::{Cmd, Dir, tracepy};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

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
