//! The service over real sockets, before a process that there is not.

#![cfg(unix)]

mod support;

use service::Source;
use snapshot::Snapshot;
use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use support::{Fake, connect, get, read, send, serve};

fn gunzipped(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(bytes);
    decoder.read_to_end(&mut whole).expect("gzip");
    whole
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_there_is() {
    let source = Fake::new(3);
    let at = serve(&source, None);
    let metrics = get(at, "/metrics");
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .head
            .contains("content-type: text/plain; version=0.0.4")
    );
    assert!(metrics.text().contains("\ntracemalloc_traced_bytes 305\n"));

    let dump = get(at, "/snapshot");
    let snapshot = Snapshot::from_bytes(&dump.body).expect("a dump");
    assert_eq!((snapshot.len(), snapshot.total_size()), (4, 305));
    assert!(
        dump.head
            .contains("content-disposition: attachment; filename=")
    );

    let profile = gunzipped(&get(at, "/debug/pprof/heap").body);
    assert!(has(&profile, b"inuse_space") && has(&profile, b"/srv/<shop>.py"));
    // 3 blocks of 300 bytes: a packed field of the values.
    assert!(has(&profile, &[0x12, 3, 3, 0xAC, 2]));
    // Field 9, the time; no duration.
    assert!(has(&profile, &[9 << 3]));

    let page = get(at, "/");
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'")
    );
    assert!(page.head.contains("x-content-type-options: nosniff"));
    assert!(!page.head.to_lowercase().contains("access-control"));
    let data = get(at, "/page.json").text();
    let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
    assert_eq!(data["view"]["total"]["size"], 305);
    assert_eq!(
        (&data["traces"], &data["current"]),
        (&4.into(), &305.into())
    );
    // Nothing of a name is taken for markup.
    assert!(!page.text().contains("</script><shop>"));
    assert!(page.text().contains("\\u003c/script>"));
    for call in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.text().contains(call), "{call}");
    }
}

#[test]
fn differences_as_go_makes_them() {
    let source = Fake::new(3);
    let at = serve(&source, None);
    let change = thread::spawn(move || get(at, "/debug/pprof/heap?seconds=1"));
    while source.taken.load(Ordering::Acquire) == 0 {
        thread::yield_now();
    }
    source.blocks.store(1, Ordering::Relaxed);
    let reply = change.join().expect("no panic");
    assert_eq!(reply.status, 200);
    let profile = gunzipped(&reply.body);
    // -2 blocks, -200 bytes: ten bytes each. What did not change is not there.
    let minus = |number: u8| [number, 255, 255, 255, 255, 255, 255, 255, 255, 1];
    let mut values = vec![0x12, 20];
    values.extend(minus(254));
    values.extend([0xB8, 0xFE, 255, 255, 255, 255, 255, 255, 255, 1]);
    assert!(has(&profile, &values));
    assert!(!has(&profile, &[0x12, 2, 1, 5]));
    // Field 10, the duration.
    assert!(has(&profile, &[10 << 3]));
    for wrong in ["0", "-1", "x", "601", "1.5", ""] {
        let reply = get(at, &format!("/debug/pprof/heap?seconds={wrong}"));
        assert_eq!(reply.status, 400, "{wrong}");
    }
    assert_eq!(get(at, "/debug/pprof/heap?debug=1").status, 400);
    assert_eq!(get(at, "/debug/pprof/heap?debug=0&gc=1").status, 200);
}

#[test]
fn tracing_is_off() {
    let source = Fake::new(3);
    source.is_tracing.store(false, Ordering::Relaxed);
    let at = serve(&source, None);
    for path in ["/", "/page.json", "/snapshot", "/debug/pprof/heap"] {
        let reply = get(at, path);
        assert_eq!(
            (reply.status, &*reply.text()),
            (503, "tracing is off\n"),
            "{path}"
        );
    }
    assert_eq!(source.taken.load(Ordering::Acquire), 0);
    let metrics = get(at, "/metrics").text();
    assert!(metrics.contains("\ntracemalloc_tracing 0\n"));
    assert!(metrics.contains("tracemalloc_http_responses_total{code=\"503\"} 4\n"));
}

#[test]
fn who_may_ask() {
    let source = Fake::new(1);
    let at = serve(&source, Some("s3cret"));
    let with = |line: &str| send(at, &format!("GET /metrics HTTP/1.1\r\n{line}\r\n\r\n"));
    let refused = with("Host: localhost");
    assert_eq!(
        (refused.status, &*refused.text()),
        (401, "a token is needed\n")
    );
    assert!(refused.head.contains("www-authenticate: Bearer"));
    assert_eq!(
        with("Host: localhost\r\nAuthorization: Bearer wrong").status,
        401
    );
    assert_eq!(
        with("Host: localhost\r\nAuthorization: Bearer s3cret").status,
        200
    );
    assert_eq!(
        with("Host: evil.example\r\nAuthorization: Bearer s3cret").status,
        403
    );
    let open = serve(&source, None);
    let method = |method: &str| {
        let request = format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        send(open, &request)
    };
    let refused = method("POST");
    assert_eq!(refused.status, 405);
    assert!(refused.head.contains("allow: GET, HEAD"));
    let head = method("HEAD");
    assert_eq!((head.status, head.body.len()), (200, 0));
    for path in [
        "/nothing",
        "/metrics/",
        "//",
        "/debug/pprof/",
        "/../etc/passwd",
    ] {
        assert_eq!(get(open, path).status, 404, "{path}");
    }
}

#[test]
fn a_panic_ends_one_answer() {
    let source = Fake::new(1);
    let at = serve(&source, None);
    source.panics.store(true, Ordering::Relaxed);
    let failed = get(at, "/snapshot");
    assert_eq!((failed.status, &*failed.text()), (500, "this has failed\n"));
    source.panics.store(false, Ordering::Relaxed);
    assert_eq!(get(at, "/snapshot").status, 200);
    assert!(
        get(at, "/metrics")
            .text()
            .contains("tracemalloc_http_panics_total 1\n")
    );
}

#[test]
fn one_snapshot_for_all_who_wait() {
    let source = Fake::new(1);
    source.takes_millis.store(300, Ordering::Relaxed);
    let at = serve(&source, None);
    let first = thread::spawn(move || get(at, "/debug/pprof/heap").status);
    while source.taken.load(Ordering::Acquire) == 0 {
        thread::yield_now();
    }
    let paths = [
        "/debug/pprof/heap",
        "/page.json",
        "/snapshot",
        "/debug/pprof/heap",
    ];
    let others: Vec<_> = paths
        .map(|path| thread::spawn(move || get(at, path).status))
        .into();
    // Numbers are there while a snapshot is made.
    assert_eq!(get(at, "/metrics").status, 200);
    let statuses = others
        .into_iter()
        .map(|other| other.join().expect("no panic"));
    assert!(statuses.chain(first.join()).all(|status| status == 200));
    assert_eq!(source.taken.load(Ordering::Acquire), 2);
}

/// After a snapshot there is a rest, and all who come meanwhile get the next one.
#[test]
fn snapshots_are_not_all_there_is_time_for() {
    let source = Fake::new(1);
    source.takes_millis.store(500, Ordering::Relaxed);
    let at = serve(&source, None);
    assert_eq!(get(at, "/debug/pprof/heap").status, 200);
    let early = thread::spawn(move || get(at, "/debug/pprof/heap").status);
    thread::sleep(Duration::from_millis(600));
    assert_eq!(get(at, "/page.json").status, 200);
    assert_eq!(early.join().expect("no panic"), 200);
    assert_eq!(source.taken.load(Ordering::Acquire), 2);
}

#[test]
fn malformed_and_huge_requests() {
    let source = Fake::new(1);
    let at = serve(&source, None);
    let huge = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X: y\r\n".repeat(500)
    );
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "x".repeat(100_000)
    );
    for request in [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\0\u{1}\u{2}\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &huge,
        &many,
        &long,
    ] {
        let reply = send(at, request);
        assert!(
            !(200..300).contains(&reply.status),
            "{} {request:.60}",
            reply.status
        );
    }
    assert_eq!(get(at, "/metrics").status, 200);
    // A body is not read, and the connection is not used again.
    let post = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\nxxx";
    assert_eq!(send(at, post).status, 200);
    let two = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
    let reply = send(at, &two);
    assert_eq!(reply.text().matches("HTTP/1.1").count(), 0);
}

#[test]
fn clients_that_do_nothing_make_way() {
    let source = Fake::new(1);
    let at = serve(&source, None);
    let idle: Vec<_> = (0..100)
        .map(|at_all| {
            let mut stream = connect(at);
            if at_all % 2 == 0 {
                _ = stream.write_all(b"GET / HT");
            }
            stream
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(get(at, "/metrics").status, 200);
    }
    let text = get(at, "/metrics").text();
    let line = text
        .lines()
        .find(|line| line.starts_with("tracemalloc_http_ended_connections_total{reason=\"room\"}"));
    let ended: usize = line
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .expect("a number");
    assert!(ended > 60, "{ended}");
    drop(idle);
}

#[test]
fn a_slow_reader_keeps_nobody_waiting() {
    let source = Fake::new(1_000_000);
    let at = serve(&source, None);
    let mut slow = connect(at);
    slow.write_all(b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("sent");
    let mut first = [0; 100];
    slow.read_exact(&mut first).expect("it has begun");
    assert_eq!(get(at, "/metrics").status, 200);
    assert_eq!(get(at, "/debug/pprof/heap").status, 200);
    // It gets all of it in the end.
    thread::sleep(Duration::from_millis(100));
    let rest = read(slow);
    assert!(rest.head.len() + rest.body.len() > 1_000_000);
    assert!(source.is_tracing());
}
