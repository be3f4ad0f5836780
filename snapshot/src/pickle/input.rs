//! The input: a window onto what a reader gives, moved along as it is used up.
//!
//! Invariants: no length in the input is believed before its bytes are there; the window is of
//! fixed size; at the start of an instruction it holds [`MARGIN`] bytes, or all that are left.

use std::borrow::Cow;
use std::io::{self, Read};

use super::error::LoadErrorKind;
use super::meter::{self, Meter};

type Result<T> = std::result::Result<T, LoadErrorKind>;

/// The size of the window.
const WINDOW: usize = 256 * 1024;

/// More bytes than the instructions that are read in one step have (but for their strings).
pub(super) const MARGIN: usize = 64;

pub(super) struct Input<R> {
    reader: R,
    buffer: Box<[u8]>,
    /// The window is `buffer[at..end]`.
    at: usize,
    end: usize,
    /// How many bytes were read before those in the buffer.
    passed: u64,
    /// The reader has no more.
    ended: bool,
    /// Where the longest FRAME ends; the input must reach that far.
    promised: u64,
}

impl<R: Read> Input<R> {
    pub fn new(reader: R) -> Self {
        Input {
            reader,
            buffer: vec![0; WINDOW].into_boxed_slice(),
            at: 0,
            end: 0,
            passed: 0,
            ended: false,
            promised: 0,
        }
    }

    pub fn offset(&self) -> u64 {
        self.passed + self.at as u64
    }

    /// How many bytes were read in all.
    pub fn total_read(&self) -> u64 {
        self.passed + self.end as u64
    }

    #[inline]
    pub fn window(&self) -> &[u8] {
        &self.buffer[self.at..self.end]
    }

    /// Before an instruction: has its bytes in the window.
    #[inline]
    pub fn prepare(&mut self, meter: &mut Meter) -> Result<()> {
        if self.end - self.at < MARGIN && !self.ended {
            self.fill(MARGIN, meter)?;
        }
        Ok(())
    }

    /// Reads until the window holds this many bytes (no more than it can) or the input ends.
    #[cold]
    fn fill(&mut self, length: usize, meter: &mut Meter) -> Result<()> {
        self.buffer.copy_within(self.at..self.end, 0);
        self.passed += self.at as u64;
        self.end -= self.at;
        self.at = 0;
        while self.end < length && !self.ended {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LoadErrorKind::Io(error)),
            }
        }
        meter.allow(self.total_read());
        Ok(())
    }

    /// Passes over bytes of the window.
    #[inline]
    pub fn skip(&mut self, length: usize) {
        self.at = (self.at + length).min(self.end);
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = *self
            .window()
            .first_chunk()
            .ok_or(LoadErrorKind::Truncated)?;
        self.at += N;
        Ok(taken)
    }

    #[inline]
    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn f64_big_endian(&mut self) -> Result<f64> {
        self.array().map(f64::from_be_bytes)
    }

    /// Some bytes; those that do not fit in the window are charged and collected.
    pub fn take(&mut self, length: u64, meter: &mut Meter) -> Result<Cow<'_, [u8]>> {
        let length = usize::try_from(length).map_err(|_| LoadErrorKind::Truncated)?;
        if length <= WINDOW {
            if length > self.end - self.at {
                self.fill(length, meter)?;
            }
            let start = self.at;
            if length > self.end - start {
                return Err(LoadErrorKind::Truncated);
            }
            self.at += length;
            return Ok(Cow::Borrowed(&self.buffer[start..self.at]));
        }
        let mut bytes = Vec::new();
        loop {
            let part = (length - bytes.len()).min(self.end - self.at);
            self.collect(part, &mut bytes, meter)?;
            if bytes.len() == length {
                return Ok(Cow::Owned(bytes));
            }
            if self.ended {
                return Err(LoadErrorKind::Truncated);
            }
            self.fill(WINDOW, meter)?;
        }
    }

    /// Up to a line end, which is passed over.
    pub fn line(&mut self, meter: &mut Meter) -> Result<Cow<'_, [u8]>> {
        let mut bytes = Vec::new();
        loop {
            if let Some(length) = self.window().iter().position(|&byte| byte == b'\n') {
                if bytes.is_empty() {
                    let start = self.at;
                    self.at += length + 1;
                    return Ok(Cow::Borrowed(&self.buffer[start..start + length]));
                }
                self.collect(length, &mut bytes, meter)?;
                self.at += 1;
                return Ok(Cow::Owned(bytes));
            }
            if self.ended {
                return Err(LoadErrorKind::Truncated);
            }
            if self.end - self.at == WINDOW {
                self.collect(WINDOW, &mut bytes, meter)?;
            }
            self.fill(WINDOW, meter)?;
        }
    }

    /// Moves bytes of the window to a vector.
    fn collect(&mut self, length: usize, bytes: &mut Vec<u8>, meter: &mut Meter) -> Result<()> {
        meter::extend(bytes, &self.buffer[self.at..self.at + length], meter)?;
        self.at += length;
        Ok(())
    }

    /// The argument of FRAME. Python reads the frame at once, so it must be there.
    pub fn frame(&mut self) -> Result<()> {
        let length = self.u64()?;
        let end = self.offset().checked_add(length);
        self.promised = self.promised.max(end.ok_or(LoadErrorKind::Truncated)?);
        Ok(())
    }

    /// At the end of the pickle: checks that the frames were there. What follows is not read.
    pub fn finish(&mut self, meter: &mut Meter) -> Result<()> {
        while self.total_read() < self.promised {
            self.at = self.end;
            self.fill(1, meter)?;
            if self.ended {
                return Err(LoadErrorKind::Truncated);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(1000);
            let (now, later) = self.0.split_at(length);
            buffer[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    #[test]
    fn lengths_are_bounded_by_the_input() {
        let mut meter = Meter::new();
        let mut input = Input::new(&b"abc"[..]);
        input.prepare(&mut meter).unwrap();
        assert!(input.take(u64::MAX, &mut meter).is_err());
        assert!(input.u32().is_err() && input.line(&mut meter).is_err());
        let mut input = Input::new(&b"abc"[..]);
        assert_eq!(*input.take(3, &mut meter).unwrap(), *b"abc");
        assert!(input.u8().is_err());
    }

    #[test]
    fn long_parts_and_lines_are_put_together() {
        let mut bytes: Vec<u8> = (0..1_000_000_u32)
            .map(|at| (at % 251) as u8 | 0x10)
            .collect();
        bytes.extend(b"\nx\nend");
        let mut meter = Meter::new();
        for length in [1, WINDOW - 1, WINDOW, WINDOW + 1, 1_000_000] {
            let mut input = Input::new(Slow(&bytes));
            assert_eq!(
                *input.take(length as u64, &mut meter).unwrap(),
                bytes[..length]
            );
            assert_eq!(*input.line(&mut meter).unwrap(), bytes[length..1_000_000]);
            assert_eq!(*input.line(&mut meter).unwrap(), *b"x");
            assert_eq!(input.offset(), 1_000_003);
            assert!(input.line(&mut meter).is_err());
        }
    }

    #[test]
    fn frames_must_be_there() {
        for (length, complete) in [(3, true), (4, false), (u64::MAX, false)] {
            let mut meter = Meter::new();
            let bytes = [&u64::to_le_bytes(length)[..], b".ab"].concat();
            let mut input = Input::new(&bytes[..]);
            input.prepare(&mut meter).unwrap();
            let there = input.frame().and_then(|()| input.finish(&mut meter));
            assert_eq!(there.is_ok(), complete, "{length}");
        }
    }
}
