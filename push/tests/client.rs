//! Requests as a receiver gets them, and what is made of its answers.

mod support;

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use push::{Again, Auth, Client, Failure, Format, Labels, Request, Span, Target};
use serde_json::json;
use snapshot::{Snapshot, SnapshotBuilder};
use support::{ACCEPTED, Answer, Profile, Received, Receiver, nobody};

/// Longer than any test may take.
const LONG: Duration = Duration::from_secs(60);
/// Time for what does not end by itself.
const SHORT: Duration = Duration::from_millis(300);

fn snapshot() -> Snapshot {
    let mut builder = SnapshotBuilder::new(1);
    let file = builder.file("shop.py".into());
    let traceback = builder.traceback([(file, 7)], None);
    for size in [100, 20, 3] {
        builder.trace(0, size, traceback);
    }
    builder.build().expect("small")
}

fn labels() -> Labels {
    let mut labels = Labels::new("shop").expect("valid");
    labels.set("version", "1.2 b").expect("valid");
    labels.set("host", "h\"1\"").expect("valid");
    labels
}

fn request(url: &str, format: Format) -> Request {
    let target = Target::new(url, Some(format)).expect("valid");
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let span = Span {
        from: at(1_795_269_787),
        until: at(1_795_269_802),
    };
    Request::new(&target, &snapshot(), &labels(), span).expect("in memory")
}

fn send_to(url: &str, format: Format, client: &Client, time: Duration) -> Result<(), Failure> {
    client.send(&request(url, format), time)
}

/// What a receiver gets that accepts it.
fn received(format: Format, client: &Client) -> Received {
    let receiver = Receiver::start(|_| ACCEPTED);
    send_to(&receiver.url, format, client, LONG).expect("accepted");
    let [request] = &receiver.requests()[..] else {
        panic!("one request");
    };
    assert_eq!((&*request.method, &*request.path), ("POST", format.path()));
    request.clone()
}

fn check(profile: &Profile) {
    assert_eq!(
        profile.types(),
        [("inuse_objects", "count"), ("inuse_space", "bytes")]
    );
    assert_eq!(profile.total(), (3, 123));
    assert_eq!(profile.held("shop.py", 7), 123);
    assert_eq!(profile.time_nanos, 1_795_269_802_000_000_000);
    assert_eq!(profile.duration_nanos, 15_000_000_000);
}

#[test]
fn pyroscope_ingest() {
    let request = received(Format::Ingest, &Client::new(None, None));
    let query: Vec<_> = request
        .query
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let expected = [
        ("format", "pprof"),
        ("from", "1795269787"),
        ("name", "shop{host=h\"1\",version=1.2 b}"),
        ("spyName", "tracemalloc"),
        ("until", "1795269802"),
    ];
    assert_eq!(query, expected);
    assert_eq!(request.headers["content-type"], "application/octet-stream");
    for absent in [
        "authorization",
        "x-scope-orgid",
        "content-encoding",
        "cookie",
    ] {
        assert!(!request.headers.contains_key(absent), "{absent}");
    }
    check(&request.profile());
}

#[test]
fn pyroscope_push() {
    let request = received(Format::Push, &Client::new(None, None));
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.query.is_empty());
    let body = request.json();
    let sample = &body["series"][0]["samples"][0];
    let profile = sample["rawProfile"].as_str().expect("base64");
    let id = sample["ID"].as_str().expect("a UUID");
    assert_eq!(id.len(), 36);
    let expected = json!({"series": [{
        "labels": [
            {"name": "__name__", "value": "memory"},
            {"name": "service_name", "value": "shop"},
            {"name": "host", "value": "h\"1\""},
            {"name": "version", "value": "1.2 b"},
        ],
        "samples": [{"ID": id, "rawProfile": profile}],
    }]});
    assert_eq!(body, expected);
    check(&Profile::read(&STANDARD.decode(profile).expect("base64")));
}

#[test]
fn parca() {
    let request = received(Format::Parca, &Client::new(None, None));
    assert_eq!(request.headers["content-type"], "application/json");
    let body = request.json();
    let profile = body["series"][0]["samples"][0]["rawProfile"].as_str();
    let profile = profile.expect("base64");
    let expected = json!({"series": [{
        "labels": {"labels": [
            {"name": "__name__", "value": "memory"},
            {"name": "service_name", "value": "shop"},
            {"name": "host", "value": "h\"1\""},
            {"name": "version", "value": "1.2 b"},
        ]},
        "samples": [{"rawProfile": profile}],
    }]});
    assert_eq!(body, expected);
    check(&Profile::read(&STANDARD.decode(profile).expect("base64")));
}

#[test]
fn tenant_and_secrets() {
    let tenant = push::tenant("team-a").ok();
    let bearer = Auth::bearer("t0ken").ok();
    let request = received(Format::Push, &Client::new(bearer, tenant));
    assert_eq!(request.headers["x-scope-orgid"], "team-a");
    assert_eq!(request.headers["authorization"], "Bearer t0ken");
    let basic = Auth::basic("me:pass word").ok();
    let request = received(Format::Parca, &Client::new(basic, None));
    assert_eq!(request.headers["authorization"], "Basic bWU6cGFzcyB3b3Jk");
    for wrong in ["", "a b", "a\n", "ä"] {
        assert!(push::tenant(wrong).is_err(), "{wrong:?}");
    }
}

/// A token that is replaced while the client is there, as those of a cluster are.
#[test]
fn a_token_is_read_when_it_is_needed() {
    let path = std::env::temp_dir().join(format!("push-token-{}", std::process::id()));
    std::fs::write(&path, "one\n").expect("it can be written");
    let client = Client::new(Some(Auth::bearer_file(&path).expect("a token")), None);
    assert_eq!(
        received(Format::Ingest, &client).headers["authorization"],
        "Bearer one"
    );
    std::fs::write(&path, "two\n").expect("it can be written");
    assert_eq!(
        received(Format::Ingest, &client).headers["authorization"],
        "Bearer two"
    );
    std::fs::remove_file(&path).expect("it is there");
    let failure = send_to(&nobody(), Format::Ingest, &client, LONG).expect_err("no token");
    assert!(failure.message.contains("cannot read"), "{failure}");
}

fn failure(answer: Answer, time: Duration) -> Failure {
    let receiver = Receiver::start(move |_| answer.clone());
    let sent = send_to(
        &receiver.url,
        Format::Ingest,
        &Client::new(None, None),
        time,
    );
    assert_eq!(
        receiver.connections(),
        1,
        "one request, whatever is answered"
    );
    let failure = sent.expect_err("it is not accepted");
    assert_eq!(failure.message.lines().count(), 1, "{failure:?}");
    failure
}

#[test]
fn answers_that_may_change() {
    for (answer, time, message, again) in [
        (
            Answer::Status(500, "", "no\nspace"),
            LONG,
            "status 500 (Internal Server Error): no",
            None,
        ),
        (
            Answer::Status(503, "Retry-After: 7\r\n", ""),
            LONG,
            "status 503 (Service Unavailable)",
            Some(7),
        ),
        (
            Answer::Status(429, "Retry-After: 2\r\n", ""),
            LONG,
            "status 429 (Too Many Requests)",
            Some(2),
        ),
        (
            Answer::Status(429, "Retry-After: Sat, 21 Nov 2026 14:03:22 GMT\r\n", ""),
            LONG,
            "status 429",
            None,
        ),
        (Answer::Silent, SHORT, "no answer in time", None),
        (Answer::CutRequest, LONG, "", None),
        (Answer::CutReply, LONG, "", None),
        (Answer::EndlessHeaders, LONG, "", None),
        (
            Answer::Endless(500),
            LONG,
            "status 500 (Internal Server Error): xxx",
            None,
        ),
    ] {
        let failure = failure(answer.clone(), time);
        assert!(
            failure.message.starts_with(message),
            "{answer:?}: {failure}"
        );
        let again = Again::After(again.map(Duration::from_secs));
        assert_eq!(failure.again, again, "{answer:?}: {failure}");
    }
    let refused = send_to(&nobody(), Format::Ingest, &Client::new(None, None), LONG);
    let refused = refused.expect_err("nobody is there");
    assert_eq!(refused.message, "Connection refused");
    assert_eq!(refused.again, Again::After(None));
}

#[test]
fn answers_that_will_not_change() {
    for (answer, message) in [
        (
            Answer::Status(400, "", "\n bad\x1b[31m label \n"),
            r"status 400 (Bad Request): bad\u{1b}[31m label",
        ),
        (Answer::Status(401, "", ""), "status 401 (Unauthorized)"),
        (
            Answer::Status(404, "", "404 page"),
            "status 404 (Not Found): 404 page",
        ),
        (
            Answer::Loop,
            "status 307 (Temporary Redirect), a redirect to /ingest, which is not followed",
        ),
        (
            Answer::Status(302, "Location: http://elsewhere/login\r\n", ""),
            "status 302 (Found), a redirect to http://elsewhere/login, which is not followed",
        ),
    ] {
        let failure = failure(answer.clone(), LONG);
        assert_eq!(failure.message, message);
        assert_eq!(failure.again, Again::Never, "{answer:?}");
    }
}

#[test]
fn odd_ways_to_accept() {
    for answer in [
        Answer::Slow,
        Answer::Endless(200),
        Answer::Status(204, "", ""),
        Answer::Status(200, "", "cut after this, whatever was promised"),
    ] {
        let receiver = Receiver::start(move |_| answer.clone());
        send_to(
            &receiver.url,
            Format::Ingest,
            &Client::new(None, None),
            LONG,
        )
        .expect("accepted");
        assert_eq!(receiver.requests().len(), 1);
    }
}

/// A body that does not fit in the system's buffers, to somebody who does not read it.
#[test]
fn a_deaf_receiver() {
    let receiver = Receiver::start(|_| Answer::Deaf);
    let mut builder = SnapshotBuilder::new(1);
    let mut text = 0_u64;
    for line in 1..200_000 {
        // Names that do not compress.
        text = text
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let name = format!(
            "{text:016x}{:016x}{:016x}",
            text.rotate_left(17) ^ 0x5DEE_CE66,
            !text
        );
        let file = builder.file((&*name).into());
        let traceback = builder.traceback([(file, line)], None);
        builder.trace(0, 1, traceback);
    }
    let target = Target::new(&receiver.url, None).expect("valid");
    let until = UNIX_EPOCH + Duration::from_secs(2);
    let span = Span {
        from: UNIX_EPOCH,
        until,
    };
    let snapshot = builder.build().expect("not too much");
    let request = Request::new(&target, &snapshot, &labels(), span).expect("in memory");
    let size = request.size();
    assert!(size > 8 << 20, "{size}");
    let failure = Client::new(None, None)
        .send(&request, SHORT)
        .expect_err("nobody reads");
    assert_eq!(failure.message, "no answer in time");
}
