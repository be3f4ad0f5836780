//! What is sent: bytes that are there, or a stream that another thread writes.
//!
//! Invariant: a stream holds a few pieces at most. Its writer waits while the client is slow, and fails
//! once the client is gone; a stream that its writer did not end whole is cut, not ended.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes of a piece of a stream.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for a client.
const PIECES: usize = 4;

/// What is sent.
pub(crate) enum Content {
    /// All of it, at once.
    Whole(Option<Bytes>),
    /// Piece by piece.
    Stream(Reader),
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(reader) => reader.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// The two ends of a stream.
pub(crate) fn stream() -> (Writer, Reader) {
    let pipe = Arc::new(Pipe::default());
    let writer = Writer {
        pipe: Arc::clone(&pipe),
        piece: Vec::new(),
    };
    (writer, Reader(pipe))
}

#[derive(Default)]
struct Pipe {
    state: Mutex<State>,
    has_room: Condvar,
}

#[derive(Default)]
struct State {
    pieces: VecDeque<Bytes>,
    /// Nothing comes after these pieces.
    is_whole: bool,
    is_writer_gone: bool,
    is_reader_gone: bool,
    waker: Option<Waker>,
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that a worker writes to.
pub(crate) struct Writer {
    pipe: Arc<Pipe>,
    piece: Vec<u8>,
}

impl Writer {
    /// That was all.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.hand_over()?;
        self.pipe.state().is_whole = true;
        Ok(())
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let mut state = self.pipe.state();
        while state.pieces.len() >= PIECES && !state.is_reader_gone {
            let waited = self.pipe.has_room.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_reader_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let piece = std::mem::take(&mut self.piece);
        state.pieces.push_back(piece.into());
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.capacity() == 0 {
            self.piece.reserve_exact(PIECE);
        }
        let bytes = &bytes[..bytes.len().min(PIECE - self.piece.len())];
        self.piece.extend_from_slice(bytes);
        if self.piece.len() == PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.pipe.state();
            state.is_writer_gone = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The end that is sent.
pub(crate) struct Reader(Arc<Pipe>);

impl Reader {
    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut state = self.0.state();
        if let Some(piece) = state.pieces.pop_front() {
            self.0.has_room.notify_one();
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if state.is_whole {
            return Poll::Ready(None);
        }
        if state.is_writer_gone {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.state().is_reader_gone = true;
        self.0.has_room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(reader: &Reader) -> Poll<Option<io::Result<Bytes>>> {
        let mut context = Context::from_waker(Waker::noop());
        let frame = reader.poll(&mut context);
        frame.map(|frame| {
            frame.map(|frame| frame.map(|frame| frame.into_data().expect("it is data")))
        })
    }

    #[test]
    fn pieces_in_order_and_an_end() {
        let (mut writer, reader) = stream();
        assert!(next(&reader).is_pending());
        let bytes: Vec<u8> = (0..PIECE * 2 + 10).map(|at| at as u8).collect();
        writer.write_all(&bytes).expect("there is room");
        writer.end().expect("there is room");
        let mut got = Vec::new();
        while let Poll::Ready(Some(piece)) = next(&reader) {
            got.extend_from_slice(&piece.expect("whole"));
        }
        assert!(got == bytes && matches!(next(&reader), Poll::Ready(None)));
    }

    #[test]
    fn a_writer_that_stops_cuts_the_stream() {
        let (mut writer, reader) = stream();
        writer.write_all(b"begun").expect("there is room");
        drop(writer);
        assert!(matches!(next(&reader), Poll::Ready(Some(Err(_)))));
    }

    #[test]
    fn a_writer_waits_for_a_slow_reader_and_ends_with_it() {
        let (mut writer, reader) = stream();
        let thread = std::thread::spawn(move || {
            let bytes = vec![1; PIECE];
            (0..1000).try_for_each(|_| writer.write_all(&bytes))
        });
        while reader.0.state().pieces.len() < PIECES {
            std::thread::yield_now();
        }
        assert!(matches!(next(&reader), Poll::Ready(Some(Ok(_)))));
        drop(reader);
        let error = thread.join().expect("no panic").expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
