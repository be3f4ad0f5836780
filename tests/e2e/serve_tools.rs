//! `-X tracemalloc_http` and those who read it: Go's pprof, Prometheus' target files, a browser.

use super::http::{get, metric};
use super::served::{BUSY, address, place_of, serving, wait_for};
use super::util::{Cmd, Dir, skip, tracepy};

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
