//! `push`: what a receiver gets, and what becomes of failures.

use std::fs;
use std::path::Path;

use super::receiver::{ACCEPTED, Answer, Profile, Receiver, nobody};
use super::util::{Out, fixture, folder, program, run};

/// `push FILES… --to URL ARGS…`, without what the environment has.
#[track_caller]
fn push(files: &[&Path], url: &str, args: &[&str]) -> Out {
    let mut command = program();
    for name in ["TOKEN", "BASIC"] {
        command.env_remove(format!("PYTHONTRACEMALLOC_PUSH_{name}"));
    }
    run(command
        .arg("push")
        .args(files)
        .args(["--to", url])
        .args(args))
}

/// The profile that `convert` writes, without a time.
fn converted(dump: &Path) -> Profile {
    let out = run(program().args(["convert", "--to", "pprof"]).arg(dump)).ok();
    Profile::read(&out.stdout)
}

#[test]
fn each_dump_with_its_time_and_labels() {
    let folder = folder("push");
    let timed = folder.join("77-20261121T140322.125Z.dump");
    fs::copy(fixture(), &timed).expect("it can be copied");
    let receiver = Receiver::start(|_| ACCEPTED);
    let args = [
        "--name",
        "shop",
        "--label",
        "version=2",
        "--label=region=eu",
        "--tenant",
        "t1",
    ];
    let out = push(&[&fixture(), &timed], &receiver.url, &args).ok();
    let words = format!("2 of 2 dumps sent to {}/ingest, ", receiver.url);
    assert!(out.text().starts_with(&words), "{}", out.text());

    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(request.path, "/ingest");
        assert_eq!(request.query["format"], "pprof");
        let (service, labels) = request.name();
        assert_eq!(service, "shop");
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(labels, [("region", "eu"), ("version", "2")]);
        assert_eq!(request.headers["x-scope-orgid"], "t1");
        let mut profile = request.profile();
        assert!(profile.total().1 > 0);
        profile.time_nanos = 0;
        profile.duration_nanos = 0;
        assert_eq!(profile, converted(&fixture()));
    }
    let changed = fs::metadata(fixture()).and_then(|metadata| metadata.modified());
    let since = changed
        .expect("a time")
        .duration_since(std::time::UNIX_EPOCH);
    let since = since.expect("after 1970").as_secs().to_string();
    assert_eq!(requests[0].query["until"], since);
    let (from, until) = (&requests[1].query["from"], &requests[1].query["until"]);
    assert_eq!((&**from, &**until), ("1795269801", "1795269802"));
    assert_eq!(requests[1].profile().time_nanos, 1_795_269_802_125_000_000);
}

#[test]
fn other_formats_and_secrets() {
    let receiver = Receiver::start(|_| ACCEPTED);
    let folder = folder("push-secrets");
    let secret = folder.join("secret");
    fs::write(&secret, "me:hunter2\n").expect("it can be written");
    let secret = secret.display().to_string();
    let url = format!("{}/push.v1.PusherService/Push", receiver.url);
    push(&[&fixture()], &url, &["--basic-file", &secret]).ok();
    push(
        &[&fixture()],
        &receiver.url,
        &["--format=parca", "--token-file", &secret],
    )
    .ok();
    run(program()
        .env("PYTHONTRACEMALLOC_PUSH_TOKEN", "from-the-environment")
        .arg("push")
        .arg(fixture())
        .args(["--to", &receiver.url]))
    .ok();
    let requests = receiver.requests();
    let paths: Vec<_> = requests.iter().map(|request| &*request.path).collect();
    assert_eq!(
        paths,
        [
            "/push.v1.PusherService/Push",
            "/profiles/writeraw",
            "/ingest"
        ]
    );
    let auth: Vec<_> = requests
        .iter()
        .map(|request| &*request.headers["authorization"])
        .collect();
    let expected = [
        "Basic bWU6aHVudGVyMg==",
        "Bearer me:hunter2",
        "Bearer from-the-environment",
    ];
    assert_eq!(auth, expected);
    assert_eq!(
        requests[0].json()["series"][0]["labels"][1]["value"],
        "python"
    );
}

#[test]
fn filters_apply() {
    let receiver = Receiver::start(|_| ACCEPTED);
    push(&[&fixture()], &receiver.url, &["--exclude", "*"]).ok();
    assert_eq!(receiver.requests()[0].profile().total(), (0, 0));
}

#[test]
fn a_bad_file_is_one_line_and_the_rest_is_sent() {
    let folder = folder("push-bad");
    let bad = folder.join("bad.dump");
    fs::write(&bad, "no dump").expect("it can be written");
    let missing = folder.join("missing");
    let receiver = Receiver::start(|_| ACCEPTED);
    let files = [&*bad, &fixture(), &missing, &fixture()];
    let out = push(&files, &receiver.url, &[]).code(1);
    let lines: Vec<_> = out.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", out.stderr);
    assert!(
        lines[0].contains("bad.dump: not a snapshot"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("missing: No such file"), "{}", lines[1]);
    assert!(
        out.text().starts_with("2 of 4 dumps sent"),
        "{}",
        out.text()
    );
    assert_eq!(receiver.requests().len(), 2);
}

#[test]
fn failures_that_pass() {
    let receiver = Receiver::start(|connection| match connection {
        0 => Answer::Status(500, "", "not now"),
        1 => Answer::CutReply,
        _ => ACCEPTED,
    });
    push(&[&fixture()], &receiver.url, &[]).ok();
    assert_eq!(receiver.connections(), 3);
}

#[test]
fn failures_that_do_not() {
    let url = nobody();
    let out = push(&[&fixture(), &fixture()], &url, &["--retries=1"]).code(1);
    assert_eq!(
        out.stderr.matches("not sent: Connection refused").count(),
        2,
        "{}",
        out.stderr
    );
    assert!(
        out.text().starts_with("0 of 2 dumps sent"),
        "{}",
        out.text()
    );

    for (answer, why, connections) in [
        (
            Answer::Status(401, "", "who?"),
            "not sent: status 401 (Unauthorized): who?",
            1,
        ),
        (Answer::Loop, "which is not followed", 1),
        (
            Answer::Status(429, "Retry-After: 0\r\n", ""),
            "not sent: status 429",
            2,
        ),
        (Answer::Silent, "not sent: no answer in time", 2),
    ] {
        let receiver = Receiver::start(move |_| answer.clone());
        let args = ["--retries=1", "--timeout=1"];
        let out = push(&[&fixture()], &receiver.url, &args).code(1);
        assert!(out.stderr.contains(why), "{}", out.stderr);
        assert_eq!(out.stderr.lines().count(), 1, "{}", out.stderr);
        assert_eq!(receiver.connections(), connections, "{why}");
    }
}

#[test]
fn bad_usage_sends_nothing() {
    let receiver = Receiver::start(|_| ACCEPTED);
    let url = receiver.url.clone();
    for (url, args, why) in [
        (
            "localhost:4040",
            &[][..],
            "--to: a URL that begins with http://",
        ),
        (
            "http://me:hunter2@localhost/",
            &[],
            "--to: a user or a password does not belong",
        ),
        (
            "http://localhost/elsewhere",
            &[],
            "--to: the path says no format",
        ),
        (&url, &["--name", "a b"], "--name: a name of ASCII letters"),
        (&url, &["--label", "a"], "--label: a label is name=value"),
        (&url, &["--label", "a-b=c"], "--label: the name of a label"),
        (&url, &["--tenant", "a b"], "--tenant: a name of 1 to 150"),
        (
            &url,
            &["--token-file", "/no/such"],
            "--token-file: cannot read /no/such",
        ),
        (
            &url,
            &["--basic-file", "/dev/null"],
            "--basic-file: cannot read /dev/null",
        ),
    ] {
        let out = push(&[&fixture()], url, args);
        assert!(!out.stderr.contains("hunter2"), "{}", out.stderr);
        out.refuses(2, &[why]);
    }
    push(&[&fixture()], &url, &["--timeout", "0"]).code(2);
    assert_eq!(receiver.connections(), 0);
}
