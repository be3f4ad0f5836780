//! One client: its socket as hyper sees it, and how long it may take.
//!
//! ```text
//!   head ──the request is there──▶ working ──the answer is there──▶ sending ──all is sent──▶ over
//!    │ 5 s                          │ bounded by `answers`            │ 10 s without progress
//!    ▼                              ▼                                 ▼ 300 s
//!   over                           over                              over
//! ```
//!
//! Invariant: what the last poll left undone is what is waited for at the socket.

use crate::sys::Fd;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// For the whole head of a request.
const HEAD: Duration = Duration::from_secs(5);
/// Without a byte that the client takes.
const STALLED: Duration = Duration::from_secs(10);
/// For a whole answer, from its begin on.
const SENDING: Duration = Duration::from_secs(300);
/// A client that lets us wait for so long makes way for another one, if there are too many.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Head,
    Working,
    Sending,
}

/// What the thread that serves knows of a connection.
pub(crate) struct Link {
    pub(crate) fd: Fd,
    phase: Cell<Phase>,
    /// When the phase began.
    since: Cell<Instant>,
    /// When bytes went through the last time.
    moved: Cell<Instant>,
    pub(crate) wants_read: Cell<bool>,
    pub(crate) wants_write: Cell<bool>,
}

impl Link {
    pub(crate) fn new(fd: Fd) -> Self {
        let now = Instant::now();
        Self {
            fd,
            phase: Cell::new(Phase::Head),
            since: Cell::new(now),
            moved: Cell::new(now),
            wants_read: Cell::new(false),
            wants_write: Cell::new(false),
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let now = Instant::now();
        self.phase.set(phase);
        self.since.set(now);
        self.moved.set(now);
    }

    /// Before a poll.
    pub(crate) fn wants_nothing(&self) {
        self.wants_read.set(false);
        self.wants_write.set(false);
    }

    /// When the client has had its time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Head => Some(self.since.get() + HEAD),
            Phase::Working => None,
            Phase::Sending if self.wants_write.get() => {
                Some((self.moved.get() + STALLED).min(self.since.get() + SENDING))
            }
            Phase::Sending => Some(self.since.get() + SENDING),
        }
    }

    /// Since when we have waited for the client, if it has been too long for there to be others.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let since = match self.phase.get() {
            // Byte by byte is no excuse.
            Phase::Head => self.since.get(),
            Phase::Working => return None,
            Phase::Sending => self.moved.get(),
        };
        let waits = self.phase.get() == Phase::Head || self.wants_write.get();
        (waits && since.elapsed() >= PATIENCE).then_some(since)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // What was sent and not read would make the system take back the end of our answer.
        let mut rest = [0; 4096];
        for _ in 0..16 {
            if !matches!(self.fd.receive(&mut rest), Ok(1..)) {
                break;
            }
        }
    }
}

/// The socket, for hyper. It never waits: the thread polls again when there is something.
pub(crate) struct Io(pub(crate) Rc<Link>);

impl Read for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 8192];
        let room = into.remaining().min(bytes.len());
        match retried(|| self.0.fd.receive(&mut bytes[..room])) {
            Ok(got) => {
                self.0.moved.set(Instant::now());
                into.put_slice(&bytes[..got]);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.0.wants_read.set(true);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Write for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match retried(|| self.0.fd.send(bytes)) {
            Ok(sent) => {
                self.0.moved.set(Instant::now());
                Poll::Ready(Ok(sent))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.0.wants_write.set(true);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.fd.end();
        Poll::Ready(Ok(()))
    }
}

fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
