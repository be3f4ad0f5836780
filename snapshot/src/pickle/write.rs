//! Writing a snapshot as a pickle of protocol 4.
//!
//! Invariants: each file name, frame and tuple of frames is written once and fetched from the
//! memo after that; a FRAME ends between two instructions. Both keep the dump smaller than
//! CPython's own, and the loader's work small.

use std::io::{self, Write};

use super::ops;
use super::value::{MAX_DEPTH, Value};
use crate::hash::SeededMap;
use crate::{FrameId, Snapshot, Text, Trace};

/// A FRAME is written when it holds this many bytes; CPython's own size.
const FRAME_SIZE: usize = 64 * 1024;

/// The number of items between MARK and APPENDS; CPython's own. It bounds the loader's stack.
pub(super) const BATCH: usize = 1000;

/// No memo entry yet.
pub(super) const UNSET: u32 = u32::MAX;

pub(super) fn dump(snapshot: &Snapshot, writer: impl Write) -> io::Result<()> {
    let mut out = begin(writer)?;
    TraceWriter::new(snapshot).write(&mut out)?;
    out.frame.extend([ops::SETITEM, ops::BUILD]);
    out.string(b"traceback_limit")?;
    out.int(i64::from(snapshot.traceback_limit()));
    let mut strings = SeededMap::default();
    for (name, value) in snapshot.extra() {
        out.shared_string(name, &mut strings)?;
        out.value(value, 1, &mut strings)?;
    }
    out.frame.extend([ops::SETITEMS, ops::BUILD, ops::STOP]);
    out.flush_frame()?;
    out.writer.flush()
}

/// Writes all that comes before the list of traces.
pub(super) fn begin<W: Write>(writer: W) -> io::Result<Writer<W>> {
    let mut out = Writer {
        writer,
        frame: Vec::with_capacity(FRAME_SIZE + 1024),
        memo_len: 0,
    };
    out.writer.write_all(&[ops::PROTO, 4])?;

    // Snapshot.__new__(Snapshot), then its __dict__.
    out.string(b"tracemalloc")?;
    let module = out.memoize()?;
    out.string(b"Snapshot")?;
    out.frame
        .extend([ops::STACK_GLOBAL, ops::EMPTY_TUPLE, ops::NEWOBJ]);
    out.frame.extend([ops::EMPTY_DICT, ops::MARK]);
    out.string(b"traces")?;
    out.get(module);
    out.string(b"_Traces")?;
    out.frame.extend([
        ops::STACK_GLOBAL,
        ops::EMPTY_TUPLE,
        ops::NEWOBJ,
        ops::EMPTY_DICT,
    ]);
    out.string(b"_traces")?;
    Ok(out)
}

/// What has been written of the tables, by id: the index of its memo entry, or [`UNSET`].
struct TraceWriter<'a> {
    snapshot: &'a Snapshot,
    files: Vec<u32>,
    frames: Vec<u32>,
    /// Of a traceback; equal ones have the same. Beside it is the total, as traces ask for both
    /// at random.
    stacks: Vec<(u32, Option<u32>)>,
}

impl<'a> TraceWriter<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        TraceWriter {
            snapshot,
            files: vec![UNSET; snapshot.files_len()],
            frames: vec![UNSET; snapshot.frames_len()],
            stacks: snapshot
                .tables()
                .stacks
                .iter()
                .map(|stack| (UNSET, stack.total_nframe))
                .collect(),
        }
    }

    fn write<W: Write>(&mut self, out: &mut Writer<W>) -> io::Result<()> {
        out.frame.push(ops::EMPTY_LIST);
        let mut traces = self.snapshot.traces().peekable();
        while traces.peek().is_some() {
            out.frame.push(ops::MARK);
            for trace in traces.by_ref().take(BATCH) {
                self.trace(trace, out)?;
                out.flush_full_frame()?;
            }
            out.frame.push(ops::APPENDS);
        }
        Ok(())
    }

    fn trace<W: Write>(&mut self, trace: Trace, out: &mut Writer<W>) -> io::Result<()> {
        out.frame.push(ops::MARK);
        out.int(i64::from(trace.domain));
        out.int(trace.size);
        let (index, total_nframe) = self.stacks[trace.traceback.0 as usize];
        match index {
            UNSET => self.frames_of(trace.traceback.0, out)?,
            index => out.get(index),
        }
        match total_nframe {
            Some(total) => out.int(i64::from(total)),
            None => out.frame.push(ops::NONE),
        }
        out.frame.push(ops::TUPLE);
        Ok(())
    }

    /// The frames of a traceback that is met for the first time.
    #[cold]
    fn frames_of<W: Write>(&mut self, traceback: u32, out: &mut Writer<W>) -> io::Result<()> {
        let tables = self.snapshot.tables();
        let canonical = tables.canonical()[traceback as usize];
        let index = match self.stacks[canonical as usize].0 {
            UNSET => {
                let frames = tables.stack(canonical);
                if frames.len() > 3 {
                    out.frame.push(ops::MARK);
                }
                for &frame in frames {
                    self.frame(frame, out)?;
                }
                out.frame.push(match frames.len() {
                    1 => ops::TUPLE1,
                    2 => ops::TUPLE2,
                    3 => ops::TUPLE3,
                    _ => ops::TUPLE,
                });
                let index = out.memoize()?;
                self.stacks[canonical as usize].0 = index;
                index
            }
            index => {
                out.get(index);
                index
            }
        };
        self.stacks[traceback as usize].0 = index;
        Ok(())
    }

    fn frame<W: Write>(&mut self, id: FrameId, out: &mut Writer<W>) -> io::Result<()> {
        match self.frames[id.0 as usize] {
            UNSET => {
                let (file, line) = self.snapshot.raw_frame(id);
                match self.files[file.0 as usize] {
                    UNSET => {
                        out.string(self.snapshot.file(file).as_bytes())?;
                        self.files[file.0 as usize] = out.memoize()?;
                    }
                    index => out.get(index),
                }
                out.int(i64::from(line));
                out.frame.push(ops::TUPLE2);
                self.frames[id.0 as usize] = out.memoize()?;
            }
            index => out.get(index),
        }
        // A long traceback must not grow the buffer without bound.
        out.flush_full_frame()
    }
}

pub(super) struct Writer<W> {
    pub(super) writer: W,
    /// The instructions of the FRAME that is not written yet.
    pub(super) frame: Vec<u8>,
    memo_len: u32,
}

impl<W: Write> Writer<W> {
    pub(super) fn flush_full_frame(&mut self) -> io::Result<()> {
        if self.frame.len() < FRAME_SIZE {
            Ok(())
        } else {
            self.flush_frame()
        }
    }

    pub(super) fn flush_frame(&mut self) -> io::Result<()> {
        let mut header = [ops::FRAME; 9];
        header[1..].copy_from_slice(&(self.frame.len() as u64).to_le_bytes());
        self.writer.write_all(&header)?;
        self.writer.write_all(&self.frame)?;
        self.frame.clear();
        Ok(())
    }

    /// Remembers the topmost value; gives its index in the memo.
    pub(super) fn memoize(&mut self) -> io::Result<u32> {
        let index = self.memo_len;
        // `UNSET` is never an index.
        self.memo_len = index.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
        self.frame.push(ops::MEMOIZE);
        Ok(index)
    }

    pub(super) fn get(&mut self, index: u32) {
        match u8::try_from(index) {
            Ok(index) => self.frame.extend([ops::BINGET, index]),
            Err(_) => {
                self.frame.push(ops::LONG_BINGET);
                self.frame.extend(index.to_le_bytes());
            }
        }
    }

    pub(super) fn int(&mut self, value: i64) {
        if let Ok(value) = u8::try_from(value) {
            self.frame.extend([ops::BININT1, value]);
        } else if let Ok(value) = u16::try_from(value) {
            self.frame.push(ops::BININT2);
            self.frame.extend(value.to_le_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.frame.push(ops::BININT);
            self.frame.extend(value.to_le_bytes());
        } else {
            // One bit for the sign.
            let bits = 65
                - if value < 0 {
                    value.leading_ones()
                } else {
                    value.leading_zeros()
                };
            let length = bits.div_ceil(8) as usize;
            self.frame.extend([ops::LONG1, length as u8]);
            self.frame.extend(&value.to_le_bytes()[..length]);
        }
    }

    /// An instruction with a length, for the shortest of its three forms, and its bytes.
    fn sized(&mut self, [short, medium, long]: [u8; 3], bytes: &[u8]) -> io::Result<()> {
        if let Ok(length) = u8::try_from(bytes.len()) {
            self.frame.extend([short, length]);
        } else if let Ok(length) = u32::try_from(bytes.len()) {
            self.frame.push(medium);
            self.frame.extend(length.to_le_bytes());
        } else {
            self.frame.push(long);
            self.frame.extend((bytes.len() as u64).to_le_bytes());
        }
        self.frame.extend(bytes);
        Ok(())
    }

    pub(super) fn string(&mut self, text: &[u8]) -> io::Result<()> {
        self.sized(
            [ops::SHORT_BINUNICODE, ops::BINUNICODE, ops::BINUNICODE8],
            text,
        )
    }

    /// A string of the extra attributes: written once, fetched after that. `strings` knows them
    /// by address: comparing a long one each time would cost more than it saves.
    fn shared_string(
        &mut self,
        text: &Text,
        strings: &mut SeededMap<usize, u32>,
    ) -> io::Result<()> {
        let address = text.as_bytes().as_ptr() as usize;
        if let Some(&index) = strings.get(&address) {
            self.get(index);
            return Ok(());
        }
        self.string(text.as_bytes())?;
        strings.insert(address, self.memoize()?);
        Ok(())
    }

    fn value(
        &mut self,
        value: &Value,
        depth: usize,
        strings: &mut SeededMap<usize, u32>,
    ) -> io::Result<()> {
        if depth > MAX_DEPTH {
            let message = "an extra attribute of the snapshot is nested too deeply";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        match value {
            Value::None => self.frame.push(ops::NONE),
            Value::Bool(true) => self.frame.push(ops::NEWTRUE),
            Value::Bool(false) => self.frame.push(ops::NEWFALSE),
            Value::Int(value) => self.int(*value),
            Value::BigInt(bytes) => {
                match u8::try_from(bytes.len()) {
                    Ok(length) => self.frame.extend([ops::LONG1, length]),
                    Err(_) => {
                        let length = i32::try_from(bytes.len())
                            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
                        self.frame.push(ops::LONG4);
                        self.frame.extend(length.to_le_bytes());
                    }
                }
                self.frame.extend(&**bytes);
            }
            Value::Float(value) => {
                self.frame.push(ops::BINFLOAT);
                self.frame.extend(value.to_be_bytes());
            }
            Value::Str(text) => self.shared_string(text, strings)?,
            Value::Bytes(bytes) => {
                self.sized([ops::SHORT_BINBYTES, ops::BINBYTES, ops::BINBYTES8], bytes)?;
            }
            Value::Tuple(items) if items.is_empty() => self.frame.push(ops::EMPTY_TUPLE),
            Value::Tuple(items) | Value::FrozenSet(items) => {
                self.frame.push(ops::MARK);
                for item in items {
                    self.value(item, depth + 1, strings)?;
                }
                let tuple = matches!(value, Value::Tuple(_));
                self.frame
                    .push(if tuple { ops::TUPLE } else { ops::FROZENSET });
            }
            Value::List(items) | Value::Set(items) => {
                let list = matches!(value, Value::List(_));
                self.frame.push(if list {
                    ops::EMPTY_LIST
                } else {
                    ops::EMPTY_SET
                });
                for batch in items.chunks(BATCH) {
                    self.frame.push(ops::MARK);
                    for item in batch {
                        self.value(item, depth + 1, strings)?;
                    }
                    self.frame
                        .push(if list { ops::APPENDS } else { ops::ADDITEMS });
                }
            }
            Value::Dict(entries) => {
                self.frame.push(ops::EMPTY_DICT);
                for batch in entries.chunks(BATCH) {
                    self.frame.push(ops::MARK);
                    for (key, value) in batch {
                        self.value(key, depth + 1, strings)?;
                        self.value(value, depth + 1, strings)?;
                    }
                    self.frame.push(ops::SETITEMS);
                }
            }
        }
        self.flush_full_frame()
    }
}
