//! The sequences of instructions that nearly all of a dump consists of, each read at once.
//!
//! Invariant: a sequence does exactly what its instructions do one after another. What is not
//! one of them, or does not have what they expect in the memo, is left where it is, and the
//! machine takes its next step there.
//!
//! ```text
//!  frame   GET of a str, int, TUPLE2 [, MEMOIZE]
//!  trace   MARK, int, int, GET of a tuple of frames, int or None, TUPLE [, MEMOIZE]
//! ```
//!
//! These are how CPython (protocol 4 and 5) and the writer here write a frame whose file name,
//! and a trace whose frames, have been there before. GET is BINGET or LONG_BINGET, int is
//! BININT1, BININT2 or BININT.

use std::io::Read;

use super::input::MARGIN;
use super::item::Item;
use super::meter;
use super::ops;
use super::read::{Machine, Result};

/// The instructions of a sequence; none is longer.
type Bytes = [u8; MARGIN];

impl<R: Read> Machine<R> {
    /// Reads as many traces as there are here.
    pub fn traces(&mut self) -> Result<()> {
        while let Some(bytes) = self.input.window().first_chunk::<MARGIN>()
            && let Some((values, traceback, total, mut length)) = trace(bytes)
            && let Some(traceback) = self.memo.traceback(traceback)
        {
            let memoize = bytes[length] == ops::MEMOIZE;
            let (columns, meter) = (&mut self.arena.columns, &mut self.meter);
            let trace = Item::Trace(columns.trace(values, traceback, total, meter)?);
            meter::push(&mut self.stack, trace, meter)?;
            if memoize {
                self.memo.append(trace, meter)?;
                length += 1;
            }
            self.input.skip(length);
        }
        Ok(())
    }

    /// Reads as many frames as there are here.
    pub fn frames(&mut self) -> Result<()> {
        while let Some(bytes) = self.input.window().first_chunk::<MARGIN>()
            && let Some((name, line, mut length)) = frame(bytes)
            && let Some(Item::Str(name)) = self.memo.get(u64::from(name))
        {
            let memoize = bytes[length] == ops::MEMOIZE;
            let meter = &mut self.meter;
            let frame = self.arena.frame(name, line, meter)?;
            meter::push(&mut self.stack, frame, meter)?;
            if memoize {
                self.memo.append(frame, meter)?;
                length += 1;
            }
            self.input.skip(length);
        }
        Ok(())
    }
}

/// The domain and size, the memo index of the frames, the total, and the length.
#[inline]
#[expect(clippy::type_complexity, reason = "taken apart at once")]
fn trace(bytes: &Bytes) -> Option<((u32, i64), u32, Option<u32>, usize)> {
    if bytes[0] != ops::MARK {
        return None;
    }
    let (domain, at) = int(bytes, 1)?;
    let (size, at) = int(bytes, at)?;
    let (traceback, at) = get(bytes, at)?;
    let (total, at) = if bytes[at] == ops::NONE {
        (None, at + 1)
    } else {
        let (total, at) = int(bytes, at)?;
        (Some(total), at)
    };
    let length = at + 1;
    (bytes[at] == ops::TUPLE).then_some(((domain, i64::from(size)), traceback, total, length))
}

/// The memo index of the file name, the line, and the length.
#[inline]
fn frame(bytes: &Bytes) -> Option<(u32, u32, usize)> {
    let (name, at) = get(bytes, 0)?;
    let (line, at) = int(bytes, at)?;
    (bytes[at] == ops::TUPLE2).then_some((name, line, at + 1))
}

/// An int that is not negative, and where it ends.
#[inline]
fn int(bytes: &Bytes, at: usize) -> Option<(u32, usize)> {
    let value = u32_at(bytes, at + 1)?;
    match bytes[at] {
        ops::BININT1 => Some((value & 0xFF, at + 2)),
        ops::BININT2 => Some((value & 0xFFFF, at + 3)),
        ops::BININT if value <= i32::MAX as u32 => Some((value, at + 5)),
        _ => None,
    }
}

/// The memo index of a GET, and where it ends.
#[inline]
fn get(bytes: &Bytes, at: usize) -> Option<(u32, usize)> {
    let index = u32_at(bytes, at + 1)?;
    match bytes[at] {
        ops::BINGET => Some((index & 0xFF, at + 2)),
        ops::LONG_BINGET => Some((index, at + 5)),
        _ => None,
    }
}

#[inline]
fn u32_at(bytes: &Bytes, at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|&four| u32::from_le_bytes(four))
}
