//! Writing one dump of many snapshots, one after the other.
//!
//! Invariants: what is kept in memory is each distinct traceback, once, and no trace; a trace is
//! written as it came, in the order in which it came.

use std::io::{self, Write};

use super::ops;
use super::write::{BATCH, UNSET, Writer, begin};
use crate::fold::{Distinct, Translation};
use crate::tables::NoId;
use crate::{BuildError, FrameId, Snapshot};

/// The largest sum of sizes times frames that [`Snapshot::load`] takes.
const LARGEST_SUM: i128 = (1 << 62) - 1;

/// One dump of many snapshots: the traces of all, which `tracemalloc.Snapshot.load` opens.
///
/// ```
/// use snapshot::{MergedDump, Snapshot, SnapshotBuilder};
///
/// let mut builder = SnapshotBuilder::new(25);
/// let file = builder.file("a.py".into());
/// let traceback = builder.traceback([(file, 7)], Some(1));
/// builder.trace(0, 512, traceback);
/// let snapshot = builder.build().unwrap();
///
/// let mut merged = MergedDump::new(Vec::new())?;
/// merged.add(&snapshot)?;
/// merged.add(&snapshot)?;
/// let both = Snapshot::from_bytes(&merged.finish()?).unwrap();
/// assert_eq!((both.len(), both.total_size()), (2, 1024));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct MergedDump<W: Write> {
    out: Writer<W>,
    distinct: Distinct,
    /// The memo entries of files, frames and tracebacks, by their common ids.
    files: Vec<u32>,
    frames: Vec<u32>,
    stacks: Vec<u32>,
    traceback_limit: u32,
    traces: u64,
    weighed: i128,
}

fn full(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn no_id(why: NoId) -> io::Error {
    full(BuildError::from(why))
}

/// The entry of an id, in a list that grows with the table.
fn entry(entries: &mut Vec<u32>, id: u32) -> &mut u32 {
    let id = id as usize;
    if entries.len() <= id {
        entries.resize(id + 1, UNSET);
    }
    &mut entries[id]
}

impl<W: Write> MergedDump<W> {
    /// Begins a dump. The writes are large; `writer` needs no buffer of its own.
    ///
    /// # Errors
    ///
    /// Those of `writer`.
    pub fn new(writer: W) -> io::Result<Self> {
        let mut out = begin(writer)?;
        out.frame.push(ops::EMPTY_LIST);
        Ok(MergedDump {
            out,
            distinct: Distinct::default(),
            files: Vec::new(),
            frames: Vec::new(),
            stacks: Vec::new(),
            traceback_limit: 0,
            traces: 0,
            weighed: 0,
        })
    }

    /// Adds the traces of a snapshot. Its extra attributes are left out.
    ///
    /// # Errors
    ///
    /// Those of the writer; `InvalidInput` where the dump would be more than
    /// [`Snapshot::load`] takes: 2³² traces, or sizes that cannot be added up.
    pub fn add(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let mut translation = Translation::new(snapshot);
        for trace in snapshot.traces() {
            let id = self.distinct.traceback(&mut translation, trace.traceback);
            let id = id.map_err(no_id)?;
            if self.traces.is_multiple_of(BATCH as u64) {
                if self.traces > 0 {
                    self.out.frame.push(ops::APPENDS);
                }
                self.out.frame.push(ops::MARK);
            }
            self.traces += 1;
            self.out.frame.push(ops::MARK);
            self.out.int(i64::from(trace.domain));
            self.out.int(trace.size);
            match self.stacks.get(id as usize) {
                Some(&index) if index != UNSET => self.out.get(index),
                _ => self.frames_of(id)?,
            }
            match snapshot.total_nframe(trace.traceback) {
                Some(total) => self.out.int(i64::from(total)),
                None => self.out.frame.push(ops::NONE),
            }
            self.out.frame.push(ops::TUPLE);
            self.out.flush_full_frame()?;
            let frames = snapshot.frame_ids(trace.traceback).len() as i128;
            self.weighed += i128::from(trace.size).abs() * frames;
        }
        if self.traces > u64::from(u32::MAX) || self.weighed > LARGEST_SUM {
            return Err(full("the traces are too many, or too large, for one dump"));
        }
        self.traceback_limit = self.traceback_limit.max(snapshot.traceback_limit());
        Ok(())
    }

    /// The frames of a traceback that is met for the first time.
    #[cold]
    fn frames_of(&mut self, traceback: u32) -> io::Result<()> {
        let length = self.distinct.builder.tables().stack(traceback).len();
        if length > 3 {
            self.out.frame.push(ops::MARK);
        }
        for at in 0..length {
            let frame = self.distinct.builder.tables().stack(traceback)[at];
            self.frame(frame)?;
        }
        self.out.frame.push(match length {
            1 => ops::TUPLE1,
            2 => ops::TUPLE2,
            3 => ops::TUPLE3,
            _ => ops::TUPLE,
        });
        *entry(&mut self.stacks, traceback) = self.out.memoize()?;
        Ok(())
    }

    fn frame(&mut self, id: FrameId) -> io::Result<()> {
        let known = *entry(&mut self.frames, id.0);
        if known != UNSET {
            self.out.get(known);
            return self.out.flush_full_frame();
        }
        let tables = self.distinct.builder.tables();
        let (file, line) = tables.frame(id);
        match *entry(&mut self.files, file) {
            UNSET => {
                self.out.string(tables.files[file as usize].as_bytes())?;
                *entry(&mut self.files, file) = self.out.memoize()?;
            }
            index => self.out.get(index),
        }
        self.out.int(i64::from(line));
        self.out.frame.push(ops::TUPLE2);
        *entry(&mut self.frames, id.0) = self.out.memoize()?;
        self.out.flush_full_frame()
    }

    /// Ends the dump, with the largest limit of the snapshots; gives the writer back.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        if self.traces > 0 {
            self.out.frame.push(ops::APPENDS);
        }
        self.out.frame.extend([ops::SETITEM, ops::BUILD]);
        self.out.string(b"traceback_limit")?;
        self.out.int(i64::from(self.traceback_limit));
        let end = [ops::SETITEMS, ops::BUILD, ops::STOP];
        self.out.frame.extend(end);
        self.out.flush_frame()?;
        self.out.writer.flush()?;
        Ok(self.out.writer)
    }
}
