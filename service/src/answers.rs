//! The paths, and what each answers.
//!
//! | path | answer |
//! |---|---|
//! | `/` | the page |
//! | `/page.json` | what the page shows |
//! | `/metrics` | numbers, for Prometheus |
//! | `/snapshot` | a dump |
//! | `/debug/pprof/heap` | a profile; with `?seconds=N` what changes in that time |
//!
//! Invariant: an answer that is no success is one line that says what is wrong.

use crate::body::{Content, stream};
use crate::clock::Clock;
use crate::guard::Guard;
use crate::metrics;
use crate::once::Kept;
use crate::page;
use crate::source::{Refusal, Source};
use crate::work::{Taken, Work};
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long an answer may be in the making, beside the time that it was asked to take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most seconds of a difference.
const MOST_SECONDS: u64 = 600;
/// Differences in the making; each keeps a snapshot.
const MOST_CHANGES: usize = 4;

/// What all connections share.
pub(crate) struct Service {
    source: Arc<dyn Source>,
    guard: Guard,
    work: Work,
    pub(crate) clock: Clock,
    changes: Cell<usize>,
    pub(crate) counts: RefCell<Counts>,
}

/// What the service itself has done.
#[derive(Default, Clone)]
pub(crate) struct Counts {
    pub(crate) answers: BTreeMap<u16, u64>,
    /// Connections that had their time.
    pub(crate) late: u64,
    /// Connections that made way for others.
    pub(crate) made_way: u64,
    pub(crate) panics: u64,
    pub(crate) snapshots: u64,
    pub(crate) snapshot_seconds: f64,
}

impl Service {
    pub(crate) fn new(source: Arc<dyn Source>, guard: Guard, work: Work, clock: Clock) -> Self {
        Self {
            source,
            guard,
            work,
            clock,
            changes: Cell::new(0),
            counts: RefCell::default(),
        }
    }

    pub(crate) fn panicked(&self) {
        self.counts.borrow_mut().panics += 1;
    }

    /// A client has taken too long.
    pub(crate) fn was_late(&self) {
        self.counts.borrow_mut().late += 1;
    }

    /// A client has made way for another one.
    pub(crate) fn made_way(&self) {
        self.counts.borrow_mut().made_way += 1;
    }

    fn counts(&self) -> Counts {
        let mut counts = self.counts.borrow().clone();
        let done = &self.work.done;
        counts.panics += done.panics.load(Ordering::Relaxed);
        counts.snapshots = done.snapshots.load(Ordering::Relaxed);
        counts.snapshot_seconds = done.time.load(Ordering::Relaxed) as f64 / 1e9;
        counts
    }

    /// What a worker makes, in the time that there is.
    async fn made<T>(&self, kept: Kept<T>) -> Result<T, Failure> {
        let made = self.clock.within(PATIENCE, kept).await;
        match made {
            Some(Some(value)) => Ok(value),
            Some(None) => Err(Failure::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "this has failed",
            )),
            None => Err(Failure::busy("this takes too long")),
        }
    }

    async fn snapshot(&self) -> Result<Arc<Taken>, Failure> {
        Ok(self.made(self.work.snapshot()).await??)
    }
}

struct Failure {
    status: StatusCode,
    line: String,
}

impl Failure {
    fn new(status: StatusCode, line: impl Into<String>) -> Self {
        let line = line.into();
        Self { status, line }
    }

    fn busy(line: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, line)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::busy(&refusal.to_string())
    }
}

type Answer = Response<Content>;

/// The answer to a request. Whatever body the request has is not read.
pub(crate) async fn answer<B>(service: &Service, request: &Request<B>) -> Answer {
    let result = match service
        .guard
        .check(request.method(), request.version(), request.headers())
    {
        Ok(()) => route(service, request).await,
        Err((status, line)) => Err(Failure::new(status, line)),
    };
    let answer = result.unwrap_or_else(|failure| refuse(&failure));
    let status = answer.status().as_u16();
    *service
        .counts
        .borrow_mut()
        .answers
        .entry(status)
        .or_default() += 1;
    answer
}

async fn route<B>(service: &Service, request: &Request<B>) -> Result<Answer, Failure> {
    let path = request.uri().path();
    let needs_traces = match path {
        "/metrics" => false,
        "/" | "/page.json" | "/snapshot" | "/debug/pprof/heap" => true,
        _ => {
            let line = "there is /, /metrics, /snapshot and /debug/pprof/heap";
            return Err(Failure::new(StatusCode::NOT_FOUND, line));
        }
    };
    if needs_traces && !service.source.is_tracing() {
        return Err(Refusal::NotTracing.into());
    }
    let query = request.uri().query().unwrap_or_default();
    if request.method() == Method::HEAD {
        // Nothing is made that would not be sent.
        let kind = match path {
            "/" => page::TYPE,
            "/page.json" => page::DATA_TYPE,
            "/metrics" => metrics::TYPE,
            _ => BYTES,
        };
        return Ok(content(kind, Bytes::new()));
    }
    match path {
        "/metrics" => {
            let numbers = service.made(service.work.numbers()).await?;
            let text = metrics::text(&numbers, &service.counts());
            Ok(content(metrics::TYPE, text.into()))
        }
        "/snapshot" => dump(service).await,
        "/debug/pprof/heap" => heap(service, query).await,
        _ => {
            let data = service.made(service.work.page()).await??;
            Ok(match path {
                "/page.json" => content(page::DATA_TYPE, data.into()),
                _ => {
                    let html = page::html(&service.source.name(), &data);
                    let mut answer = content(page::TYPE, html.into());
                    let policy = HeaderValue::from_static(page::POLICY);
                    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
                    answer
                }
            })
        }
    }
}

const BYTES: &str = "application/octet-stream";

async fn heap(service: &Service, query: &str) -> Result<Answer, Failure> {
    let bad = |line: String| Failure::new(StatusCode::BAD_REQUEST, line);
    let parameter = |name: &str| {
        let pairs = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    if parameter("debug").is_some_and(|debug| debug != "0") {
        return Err(bad("debug: there is no profile as text".to_owned()));
    }
    let seconds = match parameter("seconds") {
        None => None,
        Some(text) => match text.parse() {
            Ok(seconds @ 1..=MOST_SECONDS) => Some(seconds),
            _ => {
                let line = format!("seconds: a number from 1 to {MOST_SECONDS} is needed");
                return Err(bad(line));
            }
        },
    };
    let (name, profile) = match seconds {
        None => ("heap", service.made(service.work.heap()).await??),
        Some(seconds) => ("heap-delta", change(service, seconds).await?),
    };
    Ok(attachment(name, content(BYTES, profile)))
}

/// What changes in so many seconds.
async fn change(service: &Service, seconds: u64) -> Result<Bytes, Failure> {
    struct Place<'a>(&'a Cell<usize>);
    impl Drop for Place<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    if service.changes.get() >= MOST_CHANGES {
        let line = format!("{MOST_CHANGES} differences are being made already");
        return Err(Failure::busy(&line));
    }
    service.changes.set(service.changes.get() + 1);
    let _place = Place(&service.changes);
    let old = service.snapshot().await?;
    service.clock.sleep(Duration::from_secs(seconds)).await;
    let new = service.snapshot().await?;
    service.made(service.work.change(old, new)).await
}

async fn dump(service: &Service) -> Result<Answer, Failure> {
    let taken = service.snapshot().await?;
    let (writer, reader) = stream();
    if !service.work.dump(taken, writer) {
        return Err(Failure::busy("too many dumps are being sent already"));
    }
    let name = format!("{}.dump", std::process::id());
    let answer = with_type(BYTES, Content::Stream(reader));
    Ok(attachment(&name, answer))
}

fn content(kind: &'static str, bytes: Bytes) -> Answer {
    with_type(kind, bytes.into())
}

fn with_type(kind: &'static str, content: Content) -> Answer {
    let mut answer = Response::new(content);
    let headers = answer.headers_mut();
    let resource_policy = HeaderName::from_static("cross-origin-resource-policy");
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (resource_policy, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn attachment(name: &str, mut answer: Answer) -> Answer {
    let value = format!("attachment; filename=\"{name}\"");
    if let Ok(value) = HeaderValue::from_str(&value) {
        answer.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    answer
}

fn refuse(failure: &Failure) -> Answer {
    let line = format!("{}\n", failure.line);
    let mut answer = content("text/plain; charset=utf-8", line.into());
    *answer.status_mut() = failure.status;
    let headers = answer.headers_mut();
    match failure.status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        StatusCode::UNAUTHORIZED => {
            for scheme in ["Bearer", "Basic realm=\"tracemalloc\""] {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    answer
}
