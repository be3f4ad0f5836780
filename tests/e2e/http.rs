//! A client of HTTP that sends exactly what it is told to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// No answer takes longer.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

/// What came back; status 0 if nothing did.
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status 200.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.text());
        self
    }
}

pub fn get(at: SocketAddr, path: &str) -> Reply {
    get_with(at, path, "X-Test: 1")
}

/// With one more line of the head.
pub fn get_with(at: SocketAddr, path: &str, line: &str) -> Reply {
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{line}\r\n\r\n");
    send(at, request.as_bytes())
}

pub fn send(at: SocketAddr, request: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(at).expect("it listens");
    stream.set_read_timeout(PATIENCE).expect("a time");
    // It may be refused before all was sent.
    _ = stream.write_all(request);
    read(stream)
}

pub fn unix(path: &Path, request: &[u8]) -> Reply {
    let mut stream = UnixStream::connect(path).expect("it listens");
    stream.set_read_timeout(PATIENCE).expect("a time");
    stream.write_all(request).expect("it is sent");
    read(stream)
}

/// To the end of the connection: requests are of HTTP 1.0, where nothing else ends an answer.
fn read(mut stream: impl Read) -> Reply {
    let mut bytes = Vec::new();
    _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.map_or(bytes.len(), |end| end + 4);
    let body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes);
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Reply {
        status: status.unwrap_or(0),
        body,
    }
}

/// The value of a metric without labels.
#[track_caller]
pub fn metric(reply: &Reply, name: &str) -> u64 {
    let text = reply.text();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in:\n{text}"))
}
