//! What is sent: a snapshot as gzip'd pprof, in what a receiver expects around it.
//!
//! | format | query | body | source |
//! |---|---|---|---|
//! | ingest | `name=service{a=b}&from=&until=&format=pprof&spyName=` | the profile | Pyroscope's [server API] |
//! | push | | JSON: `series[].labels[]`, `series[].samples[].{ID, rawProfile}` | its [current page] |
//! | parca | | JSON of `WriteRawRequest`, by its `google.api.http` annotation | Parca's [profilestore.proto] |
//!
//! Bytes in JSON are base64 (<https://protobuf.dev/programming-guides/json/>).
//!
//! [server API]: https://grafana.com/docs/pyroscope/v1.10.x/configure-server/about-server-api/
//! [current page]: https://grafana.com/docs/pyroscope/latest/reference-server-api/
//! [profilestore.proto]: https://github.com/parca-dev/parca/blob/main/proto/parca/profilestore/v1alpha1/profilestore.proto
//!
//! Invariant: the profile is written once, and is the one that `tracemalloc convert --to pprof` writes, with
//! the time in it.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use snapshot::Snapshot;
use views::formats::{Stacks, pprof};

use crate::labels::Labels;
use crate::target::{Format, Target};

/// The time that a profile stands for: from the one before it to the moment that it shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// When the one before was taken.
    pub from: SystemTime,
    /// When this one was taken.
    pub until: SystemTime,
}

impl Span {
    fn seconds(self) -> (u64, u64) {
        let since = |time: SystemTime| {
            time.duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs()
        };
        let until = since(self.until);
        // Receivers take a span of no length for an error.
        (since(self.from).min(until.saturating_sub(1)), until)
    }

    fn taken(self) -> pprof::Taken {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let until = self.until.duration_since(UNIX_EPOCH).unwrap_or_default();
        let length = self.until.duration_since(self.from).unwrap_or_default();
        pprof::Taken {
            time_nanos: nanos(until),
            duration_nanos: nanos(length),
        }
    }
}

/// A request, ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    pub(crate) url: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Writes a snapshot as the target takes it.
    ///
    /// # Errors
    ///
    /// None that can be met: everything is written to memory.
    pub fn new(
        target: &Target,
        snapshot: &Snapshot,
        labels: &Labels,
        span: Span,
    ) -> io::Result<Self> {
        let mut profile = Vec::new();
        pprof::write_taken(&Stacks::new(snapshot), span.taken(), &mut profile)?;
        let url = target.url().to_owned();
        Ok(match target.format() {
            Format::Ingest => Self {
                url: url + &query(labels, span),
                content_type: "application/octet-stream",
                body: profile,
            },
            Format::Push => Self::json(url, &to_pyroscope(labels, &profile))?,
            Format::Parca => Self::json(url, &to_parca(labels, &profile))?,
        })
    }

    fn json(url: String, body: &impl Serialize) -> io::Result<Self> {
        Ok(Self {
            url,
            content_type: "application/json",
            body: serde_json::to_vec(body)?,
        })
    }

    /// Bytes of the body.
    pub fn size(&self) -> usize {
        self.body.len()
    }
}

fn query(labels: &Labels, span: Span) -> String {
    let (from, until) = span.seconds();
    let name = encoded(&labels.to_string());
    format!("?name={name}&from={from}&until={until}&format=pprof&spyName=tracemalloc")
}

/// A text in a query, with all but RFC 3986's unreserved characters as `%XX`.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[derive(Serialize)]
struct Series<L> {
    series: [OneSeries<L>; 1],
}

#[derive(Serialize)]
struct OneSeries<L> {
    labels: L,
    samples: [Sample; 1],
}

#[derive(Serialize)]
struct Sample {
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "rawProfile")]
    raw_profile: String,
}

#[derive(Serialize)]
struct Label<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct LabelSet<'a> {
    labels: Vec<Label<'a>>,
}

fn series<L>(labels: L, id: Option<String>, profile: &[u8]) -> Series<L> {
    let raw_profile = STANDARD.encode(profile);
    let samples = [Sample { id, raw_profile }];
    Series {
        series: [OneSeries { labels, samples }],
    }
}

fn list(labels: &Labels) -> Vec<Label<'_>> {
    labels
        .all()
        .map(|(name, value)| Label { name, value })
        .collect()
}

fn to_pyroscope<'a>(labels: &'a Labels, profile: &[u8]) -> Series<Vec<Label<'a>>> {
    series(list(labels), Some(uuid()), profile)
}

fn to_parca<'a>(labels: &'a Labels, profile: &[u8]) -> Series<LabelSet<'a>> {
    let labels = list(labels);
    series(LabelSet { labels }, None, profile)
}

/// A random UUID (version 4 of RFC 9562), by the keys of std's hash tables: enough to tell profiles apart.
fn uuid() -> String {
    let random = || u128::from(RandomState::new().hash_one(SystemTime::now()));
    let bits = random() << 64 | random();
    let bits = bits & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| &hex[from..to];
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let mut labels = Labels::new("a/b").expect("valid");
        labels.set("c", "d é&=").expect("valid");
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let span = |from, until| Span {
            from: at(from),
            until: at(until),
        };
        let expected = "?name=a%2Fb%7Bc%3Dd%20%C3%A9%26%3D%7D&from=10&until=25&format=pprof";
        let query = query(&labels, span(10, 25));
        assert_eq!(query, format!("{expected}&spyName=tracemalloc"));
        // A clock that was put back, and two in one second.
        assert_eq!(span(30, 25).seconds(), (24, 25));
        assert_eq!(span(25, 25).seconds(), (24, 25));
        assert_eq!(span(30, 25).taken().duration_nanos, 0);
        assert_eq!(span(10, 25).taken().duration_nanos, 15_000_000_000);
        assert_eq!(span(10, 25).taken().time_nanos, 25_000_000_000);
    }

    #[test]
    fn random_uuids() {
        let (one, two) = (uuid(), uuid());
        assert_ne!(one, two);
        for id in [one, two] {
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4", "{id}");
            assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        }
    }
}
