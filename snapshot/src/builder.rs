//! Building a snapshot: what the tracer (or whoever has traces) hands over.
//!
//! Invariant: nothing that breaks a rule of the model leaves the builder. Its methods give plain
//! ids and never fail; the first broken rule is remembered, and [`SnapshotBuilder::build`]
//! returns it.

use std::fmt;
use std::sync::Arc;

use crate::snapshot::Columns;
use crate::tables::{NoId, Stack, TableBuilder, Tables};
use crate::{FileName, FrameId, Snapshot, Text, Value};

/// The largest sum of sizes that a snapshot may come to, so that the difference of two sums fits
/// in an `i64` too.
const LARGEST_SUM: i128 = (1 << 62) - 1;

/// Builds a [`Snapshot`].
///
/// ```
/// use snapshot::{FileName, SnapshotBuilder};
///
/// let mut builder = SnapshotBuilder::new(25);
/// let file = builder.file(FileName::from("a.py"));
/// // The most recent frame first: line 7 was called from line 3.
/// let traceback = builder.traceback([(file, 7), (file, 3)], Some(2));
/// builder.trace(0, 512, traceback);
/// let snapshot = builder.build()?;
/// assert_eq!(snapshot.total_size(), 512);
/// # Ok::<(), snapshot::BuildError>(())
/// ```
pub struct SnapshotBuilder {
    tables: TableBuilder,
    columns: Columns,
    traceback_limit: u32,
    error: Option<BuildError>,
}

impl SnapshotBuilder {
    /// An empty builder; `traceback_limit` is the largest number of frames that the tracer keeps
    /// of a traceback.
    pub fn new(traceback_limit: u32) -> Self {
        SnapshotBuilder {
            tables: TableBuilder::default(),
            columns: Columns::default(),
            traceback_limit,
            error: None,
        }
    }

    /// The id of a file name. The same name gives the same id.
    pub fn file(&mut self, name: FileName) -> u32 {
        let id = self.tables.file(name);
        self.id_or_note(id)
    }

    /// The id of a frame: a file id and a line. The same pair gives the same id.
    pub fn frame(&mut self, file: u32, line: u32) -> u32 {
        if file as usize >= self.tables.tables().files.len() {
            self.note(BuildError::UnknownFile(file));
            return u32::MAX;
        }
        let id = self.tables.frame(file, line).map(|frame| frame.0);
        self.id_or_note(id)
    }

    /// Adds a traceback of (file id, line) pairs, the most recent first, and gives its id.
    /// `total_nframe` is the number of frames before the traceback was cut to the limit.
    ///
    /// Equal tracebacks may be added more than once.
    pub fn traceback(
        &mut self,
        frames: impl IntoIterator<Item = (u32, u32)>,
        total_nframe: Option<u32>,
    ) -> u32 {
        let start = self.tables.tables().flat.len();
        for (file, line) in frames {
            let frame = self.frame(file, line);
            self.push_flat(frame);
        }
        self.end_traceback(start, total_nframe)
    }

    /// Like [`traceback`](Self::traceback), of frame ids that [`frame`](Self::frame) gave, for
    /// callers that remember them: it looks nothing up.
    pub fn traceback_of_frames(
        &mut self,
        frames: impl IntoIterator<Item = u32>,
        total_nframe: Option<u32>,
    ) -> u32 {
        let start = self.tables.tables().flat.len();
        for frame in frames {
            if frame as usize >= self.tables.tables().frames.len() {
                self.note(BuildError::UnknownFrame(frame));
            }
            self.push_flat(frame);
        }
        self.end_traceback(start, total_nframe)
    }

    #[inline]
    fn push_flat(&mut self, frame: u32) {
        let pushed = self.tables.push_flat(FrameId(frame));
        pushed.unwrap_or_else(|why| self.note(why.into()));
    }

    fn end_traceback(&mut self, start: usize, total_nframe: Option<u32>) -> u32 {
        let length = self.tables.tables().flat.len() - start;
        let Ok(length @ 1..) = u32::try_from(length) else {
            self.note(if length == 0 {
                BuildError::EmptyTraceback
            } else {
                BuildError::TooMany
            });
            self.tables.truncate_flat(start);
            return u32::MAX;
        };
        let id = self.tables.stack(Stack {
            start,
            length,
            total_nframe,
        });
        self.id_or_note(id)
    }

    /// Adds a trace: a live block of `size` bytes in a domain.
    #[inline]
    pub fn trace(&mut self, domain: u32, size: i64, traceback: u32) {
        self.columns.domains.push(domain);
        self.columns.sizes.push(size);
        self.columns.tracebacks.push(traceback);
    }

    /// Makes room for this many traces more.
    pub fn reserve(&mut self, traces: usize) {
        self.columns.domains.reserve(traces);
        self.columns.sizes.reserve(traces);
        self.columns.tracebacks.reserve(traces);
    }

    /// Adds many traces at once, a row of the three columns each. To a builder that has no
    /// traces yet, this copies nothing.
    ///
    /// # Errors
    ///
    /// [`BuildError::ColumnLengths`]. Whether the ids are in range is checked by
    /// [`build`](Self::build), for all traces in one pass.
    pub fn columns(
        &mut self,
        domains: Vec<u32>,
        sizes: Vec<i64>,
        tracebacks: Vec<u32>,
    ) -> Result<(), BuildError> {
        if domains.len() != sizes.len() || domains.len() != tracebacks.len() {
            return Err(BuildError::ColumnLengths);
        }
        if self.columns.sizes.is_empty() {
            self.columns = Columns {
                domains,
                sizes,
                tracebacks,
                counts: Vec::new(),
            };
        } else {
            self.columns.domains.extend(domains);
            self.columns.sizes.extend(sizes);
            self.columns.tracebacks.extend(tracebacks);
        }
        Ok(())
    }

    /// The finished snapshot.
    ///
    /// # Errors
    ///
    /// The first rule that was broken: see [`BuildError`].
    pub fn build(self) -> Result<Snapshot, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let tables = self.tables.into_tables();
        finish(tables, self.columns, self.traceback_limit, Vec::new())
    }

    fn id_or_note(&mut self, id: Result<u32, NoId>) -> u32 {
        id.unwrap_or_else(|why| {
            self.note(why.into());
            u32::MAX
        })
    }

    /// Remembers the first error. Ids given out after it are not valid ones.
    fn note(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }
}

/// The snapshot of finished tables and columns, if they keep the rules.
pub(crate) fn finish(
    tables: Tables,
    columns: Columns,
    traceback_limit: u32,
    extra: Vec<(Text, Value)>,
) -> Result<Snapshot, BuildError> {
    check(&tables, &columns)?;
    Ok(Snapshot::from_parts(
        Arc::new(tables),
        Arc::new(columns),
        traceback_limit,
        extra.into(),
    ))
}

/// Checks the ids of all traces and the sums of their sizes.
fn check(tables: &Tables, columns: &Columns) -> Result<(), BuildError> {
    if let Some(&last) = columns.tracebacks.iter().max()
        && last as usize >= tables.stacks.len()
    {
        return Err(BuildError::UnknownTraceback(last));
    }
    // A cumulative sum counts a block once for each of its frames. The quick bound settles all
    // snapshots of real memory.
    let bytes: i128 = columns
        .sizes
        .iter()
        .map(|size| i128::from(*size).abs())
        .sum();
    let longest = tables
        .stacks
        .iter()
        .map(|stack| stack.length)
        .max()
        .unwrap_or(0);
    if bytes.saturating_mul(i128::from(longest)) <= LARGEST_SUM {
        return Ok(());
    }
    let exact: i128 = columns
        .sizes
        .iter()
        .zip(&columns.tracebacks)
        .map(|(&size, &id)| i128::from(size).abs() * i128::from(tables.stacks[id as usize].length))
        .fold(0, i128::saturating_add);
    if exact <= LARGEST_SUM {
        Ok(())
    } else {
        Err(BuildError::SizesTooLarge)
    }
}

/// Why a snapshot could not be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A frame names a file id that [`SnapshotBuilder::file`] did not give.
    UnknownFile(u32),
    /// A traceback names a frame id that [`SnapshotBuilder::frame`] did not give.
    UnknownFrame(u32),
    /// A trace names a traceback id that [`SnapshotBuilder::traceback`] did not give.
    UnknownTraceback(u32),
    /// A traceback without frames.
    EmptyTraceback,
    /// The columns of [`SnapshotBuilder::columns`] have different lengths.
    ColumnLengths,
    /// The sizes of all blocks, each times its number of frames, come to 2⁶² bytes or more.
    /// No real memory does; the limit keeps every sum and difference exact.
    SizesTooLarge,
    /// More than 2³² − 1 file names, frames or tracebacks, or frames in one traceback.
    TooMany,
    /// There is no memory for the tables.
    Memory,
}

impl From<NoId> for BuildError {
    fn from(why: NoId) -> Self {
        match why {
            NoId::Full => BuildError::TooMany,
            NoId::Memory => BuildError::Memory,
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::UnknownFile(id) => write!(f, "file id {id} is not in the snapshot"),
            BuildError::UnknownFrame(id) => write!(f, "frame id {id} is not in the snapshot"),
            BuildError::UnknownTraceback(id) => {
                write!(f, "traceback id {id} is not in the snapshot")
            }
            BuildError::EmptyTraceback => f.write_str("a traceback has no frames"),
            BuildError::ColumnLengths => f.write_str("the columns of traces differ in length"),
            BuildError::SizesTooLarge => {
                f.write_str("the sizes of the traces are too large to be added up")
            }
            BuildError::Memory => f.write_str("not enough memory for the tables"),
            BuildError::TooMany => f.write_str("more than 4294967295 files, frames or tracebacks"),
        }
    }
}

impl std::error::Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_trace(size: i64, frames: usize) -> Result<Snapshot, BuildError> {
        let mut builder = SnapshotBuilder::new(25);
        let file = builder.file("a.py".into());
        let traceback = builder.traceback((0..frames).map(|_| (file, 1)), None);
        builder.trace(0, size, traceback);
        builder.build()
    }

    #[test]
    fn bad_ids_are_errors() {
        let mut builder = SnapshotBuilder::new(1);
        builder.traceback([(0, 1)], None);
        assert_eq!(builder.build().unwrap_err(), BuildError::UnknownFile(0));

        let mut builder = SnapshotBuilder::new(1);
        builder.traceback_of_frames([0], None);
        assert_eq!(builder.build().unwrap_err(), BuildError::UnknownFrame(0));

        let mut builder = SnapshotBuilder::new(1);
        builder.columns(vec![0, 0], vec![1, 1], vec![3, 4]).unwrap();
        assert_eq!(
            builder.build().unwrap_err(),
            BuildError::UnknownTraceback(4)
        );

        let mut builder = SnapshotBuilder::new(1);
        assert_eq!(
            builder.columns(vec![0], vec![], vec![0]),
            Err(BuildError::ColumnLengths)
        );
        assert_eq!(one_trace(1, 0).unwrap_err(), BuildError::EmptyTraceback);
    }

    #[test]
    fn sums_cannot_overflow() {
        assert_eq!(
            one_trace(i64::MAX, 1).unwrap_err(),
            BuildError::SizesTooLarge
        );
        assert_eq!(
            one_trace(i64::MIN, 1).unwrap_err(),
            BuildError::SizesTooLarge
        );
        assert!(one_trace((1 << 62) - 1, 1).is_ok());
        assert_eq!(
            one_trace(1 << 62, 1).unwrap_err(),
            BuildError::SizesTooLarge
        );
        assert_eq!(
            one_trace(1 << 61, 2).unwrap_err(),
            BuildError::SizesTooLarge
        );
        // The longest traceback is not that of the largest block.
        let mut builder = SnapshotBuilder::new(25);
        let file = builder.file("a.py".into());
        let long = builder.traceback([(file, 1); 25], None);
        let short = builder.traceback([(file, 1)], None);
        builder.trace(0, 1, long);
        builder.trace(0, 1 << 61, short);
        assert_eq!(builder.build().unwrap().total_size(), (1 << 61) + 1);
    }

    #[test]
    fn names_and_frames_are_shared() {
        let mut builder = SnapshotBuilder::new(2);
        let file = builder.file("a.py".into());
        assert_eq!(builder.file("a.py".into()), file);
        assert_eq!(builder.frame(file, 3), builder.frame(file, 3));
        let a = builder.traceback([(file, 3)], Some(1));
        let frame = builder.frame(file, 3);
        let b = builder.traceback_of_frames([frame], Some(1));
        builder.columns(vec![0], vec![5], vec![a]).unwrap();
        builder.columns(vec![1], vec![6], vec![b]).unwrap();
        let snapshot = builder.build().unwrap();
        assert_eq!(
            (snapshot.len(), snapshot.files_len(), snapshot.frames_len()),
            (2, 1, 1)
        );
        assert_eq!(snapshot.sizes(), [5, 6]);
    }
}
