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
    ///
    /// Their tracebacks are anywhere in the memo. Those of some traces are looked up before the
    /// first is made, so that the processor waits for all of them at once.
    pub fn traces(&mut self) -> Result<()> {
        let mut batch = [Sequence::default(); BATCH];
        loop {
            let mut count = 0;
            let mut used = 0;
            while count < BATCH
                && let Some(bytes) = self.input.window()[used..].first_chunk::<MARGIN>()
                && let Some(sequence) = trace(bytes)
            {
                used += sequence.length;
                batch[count] = sequence;
                count += 1;
            }
            // What the traces of this batch store in the memo is not there yet.
            let filled = self.memo.filled();
            let found = |sequence: &mut Sequence| {
                let known = (sequence.traceback as usize) < filled;
                let traceback = self.memo.traceback(sequence.traceback).filter(|_| known);
                sequence.traceback = traceback.unwrap_or_default();
                traceback.is_some()
            };
            let count = batch[..count]
                .iter_mut()
                .map(found)
                .take_while(|&found| found)
                .count();
            if count == 0 {
                return Ok(());
            }
            let (columns, meter) = (&mut self.arena.columns, &mut self.meter);
            for sequence in &mut batch[..count] {
                sequence.usual = columns.has_total(sequence.traceback, sequence.total_nframe);
            }
            for sequence in &batch[..count] {
                let row = columns.trace(
                    (sequence.domain, i64::from(sequence.size)),
                    sequence.traceback,
                    sequence.total_nframe,
                    sequence.usual,
                    meter,
                )?;
                meter::push(&mut self.stack, Item::Trace(row), meter)?;
                if sequence.memoize {
                    self.memo.append(Item::Trace(row), meter)?;
                }
                self.input.skip(sequence.length);
            }
        }
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

/// How many traces are looked up together.
const BATCH: usize = 16;

/// The instructions of a trace.
#[derive(Clone, Copy, Default)]
struct Sequence {
    domain: u32,
    size: u32,
    /// Its index in the memo; then its id.
    traceback: u32,
    total_nframe: Option<u32>,
    /// Whether the total is that of the traceback.
    usual: bool,
    memoize: bool,
    length: usize,
}

#[inline]
fn trace(bytes: &Bytes) -> Option<Sequence> {
    if bytes[0] != ops::MARK {
        return None;
    }
    let (domain, at) = int(bytes, 1)?;
    let (size, at) = int(bytes, at)?;
    let (traceback, at) = get(bytes, at)?;
    let (total_nframe, at) = if bytes[at] == ops::NONE {
        (None, at + 1)
    } else {
        let (total, at) = int(bytes, at)?;
        (Some(total), at)
    };
    let memoize = bytes[at + 1] == ops::MEMOIZE;
    (bytes[at] == ops::TUPLE).then_some(Sequence {
        domain,
        size,
        traceback,
        total_nframe,
        usual: false,
        memoize,
        length: at + 1 + usize::from(memoize),
    })
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
