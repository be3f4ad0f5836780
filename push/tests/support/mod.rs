//! A small receiver of pushes, and a reader of what it got. The tests of this crate, of the command line
//! and of the interpreter share it (by `#[path]`).
//!
//! It reads HTTP/1.1 by hand, so that it can also do what no server does.

#![allow(dead_code)] // Each of those tests uses a part of it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use prost::Message;

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status, more headers (each with its line end), a text.
    Status(u16, &'static str, &'static str),
    /// Takes the request, and never answers.
    Silent,
    /// Never reads.
    Deaf,
    /// Closes the connection after a few bytes of the request.
    CutRequest,
    /// Closes the connection in the middle of the answer's headers.
    CutReply,
    /// This status, with a body that does not end.
    Endless(u16),
    /// Headers that do not end.
    EndlessHeaders,
    /// A redirect to the same place.
    Loop,
    /// Accepted, but a byte at a time.
    Slow,
}

pub const ACCEPTED: Answer = Answer::Status(200, "", "{}");

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    /// Decoded.
    pub query: BTreeMap<String, String>,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Received {
    /// The profile, where the body is one.
    pub fn profile(&self) -> Profile {
        Profile::read(&self.body)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// `service{a=b,c=d}`, taken apart as Pyroscope documents it.
    pub fn name(&self) -> (String, BTreeMap<String, String>) {
        let name = self.query["name"].as_str();
        let (service, rest) = name.split_once('{').expect("a brace");
        let labels = rest.strip_suffix('}').expect("a brace at the end");
        let pairs = labels.split(',').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').expect("name=value"));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (service.to_owned(), pairs.collect())
    }
}

/// A receiver on a port of its own.
pub struct Receiver {
    pub url: String,
    requests: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Receiver {
    /// Starts one; `answers` says what it does with its n-th connection.
    pub fn start(answers: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let receiver = Receiver {
            url: format!("http://{address}"),
            requests: Arc::default(),
            connections: Arc::default(),
            is_over: Arc::default(),
        };
        let requests = Arc::clone(&receiver.requests);
        let connections = Arc::clone(&receiver.connections);
        let is_over = Arc::clone(&receiver.is_over);
        let answers = Arc::new(answers);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = answers(connections.fetch_add(1, Ordering::SeqCst));
                let requests = Arc::clone(&requests);
                let is_over = Arc::clone(&is_over);
                thread::spawn(move || serve(stream, &answer, &requests, &is_over));
            }
        });
        receiver
    }

    /// The requests that came whole, in order.
    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().expect("nobody panics").clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits for that many requests.
    #[track_caller]
    pub fn wait(&self, count: usize) -> Vec<Received> {
        let begin = Instant::now();
        loop {
            let requests = self.requests();
            if requests.len() >= count {
                return requests;
            }
            let what = format!("{} of {count} requests", requests.len());
            assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

/// The URL of a port at which nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    format!("http://{address}")
}

fn serve(
    stream: TcpStream,
    answer: &Answer,
    requests: &Mutex<Vec<Received>>,
    is_over: &AtomicBool,
) {
    let mut out = stream.try_clone().expect("a second handle");
    let mut input = BufReader::new(stream);
    let linger = || {
        while !is_over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
    };
    match answer {
        Answer::Deaf => return linger(),
        Answer::CutRequest => {
            _ = input.read_exact(&mut [0; 10]);
            return;
        }
        _ => {}
    }
    let Some(request) = read(&mut input) else {
        return;
    };
    let to = request.path.clone();
    if !matches!(
        answer,
        Answer::Status(300.., ..) | Answer::Endless(300..) | Answer::Loop
    ) {
        requests.lock().expect("nobody panics").push(request);
    }
    let mut send = |text: &str| out.write_all(text.as_bytes()).is_ok();
    match answer {
        Answer::Status(status, headers, text) => {
            let length = text.len();
            send(&format!(
                "HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{text}"
            ));
        }
        Answer::Silent => linger(),
        Answer::CutReply => _ = send("HTTP/1.1 200 OK\r\nContent-Le"),
        Answer::Endless(status) => {
            send(&format!(
                "HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n"
            ));
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            while !is_over.load(Ordering::SeqCst) && send(&chunk) {}
        }
        Answer::EndlessHeaders => {
            send("HTTP/1.1 200 OK\r\n");
            let header = format!("X-More: {}\r\n", "x".repeat(1000));
            while !is_over.load(Ordering::SeqCst) && send(&header) {}
        }
        Answer::Loop => {
            let location = format!("Location: {to}\r\n");
            send(&format!(
                "HTTP/1.1 307 X\r\n{location}Content-Length: 0\r\n\r\n"
            ));
        }
        Answer::Slow => {
            for byte in "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".chars() {
                send(&byte.to_string());
                thread::sleep(Duration::from_millis(10));
            }
        }
        Answer::Deaf | Answer::CutRequest => {}
    }
}

fn read(input: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Some(Received {
        method,
        path: path.to_owned(),
        query: pairs
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect(),
        headers,
        body,
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let hex = std::str::from_utf8(tail.get(..2).unwrap_or_default()).unwrap_or_default();
        match (byte, u8::from_str_radix(hex, 16)) {
            (b'%', Ok(byte)) => {
                bytes.push(byte);
                rest = &rest[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// `perftools.profiles.Profile`, as far as the tests look.
/// <https://github.com/google/pprof/blob/main/proto/profile.proto>
#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    #[prost(message, repeated, tag = "1")]
    pub sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    pub sample: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    pub location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    pub function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    pub string_table: Vec<String>,
    #[prost(int64, tag = "9")]
    pub time_nanos: i64,
    #[prost(int64, tag = "10")]
    pub duration_nanos: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct ValueType {
    #[prost(int64, tag = "1")]
    pub kind: i64,
    #[prost(int64, tag = "2")]
    pub unit: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    pub location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    pub value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Location {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(message, repeated, tag = "4")]
    pub line: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Line {
    #[prost(uint64, tag = "1")]
    pub function_id: u64,
    #[prost(int64, tag = "2")]
    pub line: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Function {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(int64, tag = "4")]
    pub filename: i64,
}

impl Profile {
    /// Of gzip'd bytes.
    pub fn read(bytes: &[u8]) -> Self {
        let mut raw = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(bytes);
        reader.read_to_end(&mut raw).expect("it is gzip'd");
        Self::decode(&raw[..]).expect("it is a profile")
    }

    /// The names and units of the values.
    pub fn types(&self) -> Vec<(&str, &str)> {
        let text = |id: i64| self.string_table[usize::try_from(id).expect("an index")].as_str();
        let types = self.sample_type.iter();
        types
            .map(|kind| (text(kind.kind), text(kind.unit)))
            .collect()
    }

    /// All objects and bytes.
    pub fn total(&self) -> (i64, i64) {
        let sum = |at: usize| self.sample.iter().map(|sample| sample.value[at]).sum();
        (sum(0), sum(1))
    }

    /// The bytes that were allocated by a line.
    pub fn held(&self, file: &str, line: i64) -> i64 {
        let is_there = |id: &u64| {
            let location = self.location.iter().find(|location| location.id == *id);
            let place = &location.expect("it is there").line[0];
            let function = self.function.iter().find(|one| one.id == place.function_id);
            let name = function.expect("it is there").filename;
            let name = &self.string_table[usize::try_from(name).expect("an index")];
            place.line == line && name == file
        };
        let samples = self.sample.iter();
        let there = samples.filter(|sample| sample.location_id.first().is_some_and(is_there));
        there.map(|sample| sample.value[1]).sum()
    }
}
