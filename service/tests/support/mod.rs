//! A process that there is not, and a client that says exactly what it is told to.

use service::{Address, Numbers, Refusal, Source, Token};
use snapshot::{FileName, Snapshot, SnapshotBuilder};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

/// One line that holds blocks; how many, and what it does when it is asked, tests change meanwhile.
pub struct Fake {
    pub is_tracing: AtomicBool,
    pub blocks: AtomicI64,
    pub panics: AtomicBool,
    pub taken: AtomicUsize,
    pub takes_millis: AtomicUsize,
}

impl Fake {
    pub fn new(blocks: i64) -> Arc<Self> {
        Arc::new(Self {
            is_tracing: true.into(),
            blocks: blocks.into(),
            panics: false.into(),
            taken: 0.into(),
            takes_millis: 0.into(),
        })
    }
}

impl Source for Fake {
    fn is_tracing(&self) -> bool {
        self.is_tracing.load(Ordering::Relaxed)
    }

    fn snapshot(&self) -> Result<Snapshot, Refusal> {
        assert!(!self.panics.load(Ordering::Relaxed), "planted");
        if !self.is_tracing() {
            return Err(Refusal::NotTracing);
        }
        // First: a test that sees that one is being taken changes what the next one holds.
        let blocks = self.blocks.load(Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Release);
        let millis = self.takes_millis.load(Ordering::Relaxed) as u64;
        std::thread::sleep(Duration::from_millis(millis));
        let mut builder = SnapshotBuilder::new(25);
        let file = builder.file(FileName::new("/srv/<shop>.py"));
        let main = builder.traceback([(file, 1)], Some(1));
        let line = builder.traceback([(file, 7), (file, 1)], Some(2));
        builder.trace(0, 5, main);
        for _ in 0..blocks {
            builder.trace(0, 100, line);
        }
        Ok(builder.build().expect("it is whole"))
    }

    fn numbers(&self) -> Numbers {
        Numbers {
            is_tracing: self.is_tracing(),
            current: self.blocks.load(Ordering::Relaxed) as u64 * 100 + 5,
            limit: 25,
            ..Numbers::default()
        }
    }

    fn name(&self) -> String {
        "</script><shop>".to_owned()
    }

    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(run).map(drop)
    }
}

/// Serves a process at a port of its own.
pub fn serve(source: &Arc<Fake>, token: Option<&str>) -> SocketAddr {
    let address = Address::new("0").expect("valid");
    let bound = address.bind().expect("a port is free");
    let at = bound.tcp().expect("TCP");
    let token = token.map(|token| Token::new(token).expect("valid"));
    let source: Arc<dyn Source> = Arc::clone(source) as Arc<dyn Source>;
    service::serve(bound, token, source).expect("there are threads");
    at
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).expect("it listens");
    let time = Some(Duration::from_secs(30));
    stream.set_read_timeout(time).expect("a time");
    stream
}

/// Sends a whole request, and reads to the end.
pub fn send(at: SocketAddr, request: &str) -> Reply {
    let mut stream = connect(at);
    // It may be refused before all was sent.
    _ = stream.write_all(request.as_bytes());
    read(stream)
}

pub fn read(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut body = bytes.split_off((end + 4).min(bytes.len()));
    if head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        body = unchunked(&body);
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Reply {
        status: status.unwrap_or(0),
        head,
        body,
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = bytes
            .iter()
            .position(|&byte| byte == b'\n')
            .expect("a length");
        let length = String::from_utf8_lossy(&bytes[..line]);
        let length = usize::from_str_radix(length.trim(), 16).expect("a length");
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&bytes[line + 1..][..length]);
        bytes = &bytes[line + 1 + length + 2..];
    }
}

pub fn get(at: SocketAddr, path: &str) -> Reply {
    send(
        at,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    )
}
