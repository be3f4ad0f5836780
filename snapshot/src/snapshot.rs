//! The snapshot itself: columns of traces over shared tables.
//!
//! Invariant: the columns have one length (but for counts, of which there are none where each row is one
//! block), and every traceback id in them is in range.

use std::fmt;
use std::sync::Arc;

use crate::tables::Tables;
use crate::{FileId, FileName, Frame, FrameId, Key, Text, Trace, Traceback, TracebackId, Value};

/// One row per trace.
#[derive(Default)]
pub(crate) struct Columns {
    pub domains: Vec<u32>,
    pub sizes: Vec<i64>,
    pub tracebacks: Vec<u32>,
    /// How many blocks a row stands for; empty where each stands for one.
    pub counts: Vec<i64>,
}

/// The live memory blocks at one moment. Immutable; cloning it copies pointers.
///
/// Made by a [`SnapshotBuilder`](crate::SnapshotBuilder), by [`Snapshot::load`], or from another
/// one by [`Snapshot::filter_traces`] (which shares its tables).
#[derive(Clone)]
pub struct Snapshot {
    tables: Arc<Tables>,
    columns: Arc<Columns>,
    traceback_limit: u32,
    extra: Arc<[(Text, Value)]>,
}

impl Snapshot {
    pub(crate) fn from_parts(
        tables: Arc<Tables>,
        columns: Arc<Columns>,
        traceback_limit: u32,
        extra: Arc<[(Text, Value)]>,
    ) -> Self {
        Snapshot {
            tables,
            columns,
            traceback_limit,
            extra,
        }
    }

    pub(crate) fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// The largest number of frames that the tracer kept of a traceback.
    pub fn traceback_limit(&self) -> u32 {
        self.traceback_limit
    }

    /// The number of traces; of a snapshot that a [`Fold`](crate::Fold) gave, of its rows.
    pub fn len(&self) -> usize {
        self.columns.sizes.len()
    }

    /// Whether there are no traces.
    pub fn is_empty(&self) -> bool {
        self.columns.sizes.is_empty()
    }

    /// The trace at an index, in the order in which the traces were given; `None` past the end.
    pub fn trace(&self, index: usize) -> Option<Trace> {
        Some(Trace {
            domain: *self.columns.domains.get(index)?,
            size: *self.columns.sizes.get(index)?,
            traceback: TracebackId(*self.columns.tracebacks.get(index)?),
        })
    }

    /// All traces, in order.
    pub fn traces(&self) -> impl ExactSizeIterator<Item = Trace> + '_ {
        let Columns {
            domains,
            sizes,
            tracebacks,
            ..
        } = &*self.columns;
        domains
            .iter()
            .zip(sizes)
            .zip(tracebacks)
            .map(|((&domain, &size), &traceback)| Trace {
                domain,
                size,
                traceback: TracebackId(traceback),
            })
    }

    /// The domain of each trace.
    pub fn domains(&self) -> &[u32] {
        &self.columns.domains
    }

    /// The size of each trace, in bytes.
    pub fn sizes(&self) -> &[i64] {
        &self.columns.sizes
    }

    /// The traceback id of each trace, as plain numbers.
    pub fn traceback_ids(&self) -> &[u32] {
        &self.columns.tracebacks
    }

    /// How many blocks each row stands for, where a [`Fold`](crate::Fold) has added them up; empty where
    /// each row is a trace of one block.
    pub fn counts(&self) -> &[i64] {
        &self.columns.counts
    }

    /// The number of blocks: [`len`](Self::len), unless rows stand for several.
    pub fn blocks(&self) -> i64 {
        match &self.columns.counts[..] {
            // A row takes more than a byte of memory.
            [] => self.len() as i64,
            counts => counts.iter().sum(),
        }
    }

    /// The blocks of a row.
    #[inline]
    pub(crate) fn count(&self, row: usize) -> i64 {
        self.columns.counts.get(row).copied().unwrap_or(1)
    }

    /// The size of all blocks, in bytes.
    pub fn total_size(&self) -> i64 {
        self.columns.sizes.iter().sum()
    }

    /// The number of tracebacks in the tables: ids below it are valid. A filtered snapshot keeps
    /// the tables of its source, so not all of them need be in use.
    pub fn tracebacks_len(&self) -> usize {
        self.tables.stacks.len()
    }

    /// The number of distinct frames in the tables.
    pub fn frames_len(&self) -> usize {
        self.tables.frames.len()
    }

    /// The number of distinct file names in the tables.
    pub fn files_len(&self) -> usize {
        self.tables.files.len()
    }

    /// A traceback as an object of its own, the oldest frame first.
    ///
    /// # Panics
    ///
    /// If the id is not one of this snapshot; so do the other methods that take an id.
    pub fn traceback(&self, id: TracebackId) -> Traceback {
        self.tables.owned_traceback(id)
    }

    /// The frame ids of a traceback, **the most recent first**.
    pub fn frame_ids(&self, id: TracebackId) -> &[FrameId] {
        self.tables.stack(id.0)
    }

    /// The frames of a traceback as (file, line), **the most recent first**. Allocates nothing.
    pub fn raw_frames(
        &self,
        id: TracebackId,
    ) -> impl DoubleEndedIterator<Item = (FileId, u32)> + ExactSizeIterator + '_ {
        self.frame_ids(id)
            .iter()
            .map(|&frame| self.raw_frame(frame))
    }

    /// How many frames a traceback had before it was cut to the limit, if that is known.
    pub fn total_nframe(&self, id: TracebackId) -> Option<u32> {
        self.tables.stacks[id.0 as usize].total_nframe
    }

    /// The file and line of a frame.
    pub fn raw_frame(&self, id: FrameId) -> (FileId, u32) {
        let (file, line) = self.tables.frame(id);
        (FileId(file), line)
    }

    /// A frame as an object of its own.
    pub fn frame(&self, id: FrameId) -> Frame {
        self.tables.owned_frame(id)
    }

    /// A file name.
    pub fn file(&self, id: FileId) -> &FileName {
        &self.tables.files[id.0 as usize]
    }

    /// The traceback that stands for the key of a [`Group`](crate::Group), as in a
    /// [`Statistic`](crate::Statistic).
    pub fn key_traceback(&self, key: Key) -> Traceback {
        self.tables.key_traceback(key)
    }

    /// The attributes that Python code had set on the snapshot besides `traces` and
    /// `traceback_limit`, by name. A filtered snapshot has none.
    pub fn extra(&self) -> &[(Text, Value)] {
        &self.extra
    }

    /// The snapshot with other extra attributes, which [`dump`](Self::dump) writes. An attribute
    /// named `traces` or `traceback_limit` is left out.
    #[must_use]
    pub fn with_extra(&self, extra: impl IntoIterator<Item = (Text, Value)>) -> Self {
        let extra = extra
            .into_iter()
            .filter(|(name, _)| !matches!(name.as_bytes(), b"traces" | b"traceback_limit"));
        Snapshot {
            extra: extra.collect(),
            ..self.clone()
        }
    }

    /// The snapshot with another limit, which [`dump`](Self::dump) writes.
    #[must_use]
    pub fn with_traceback_limit(&self, traceback_limit: u32) -> Self {
        Snapshot {
            traceback_limit,
            ..self.clone()
        }
    }

    /// The same tables and limit, other traces, no extra attributes.
    pub(crate) fn with_columns(&self, columns: Columns) -> Self {
        Snapshot {
            columns: Arc::new(columns),
            extra: Arc::new([]),
            ..self.clone()
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("traces", &self.len())
            .field("tracebacks", &self.tracebacks_len())
            .field("traceback_limit", &self.traceback_limit)
            .finish_non_exhaustive()
    }
}
