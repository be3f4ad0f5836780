//! Adding snapshots up: the blocks of many processes by domain and traceback.
//!
//! Invariants: memory is that of the distinct tracebacks, not of the traces; the sizes and counts of
//! the result are those of all snapshots that were added.

use std::hash::BuildHasher;

use crate::builder;
use crate::hash::{Seeded, SeededMap};
use crate::snapshot::Columns;
use crate::tables::{NoId, Stack, TableBuilder};
use crate::{BuildError, FrameId, Snapshot, TracebackId, Usage};

/// Tables in which every traceback is there once, for snapshots that each have tables of their own.
#[derive(Default)]
pub(crate) struct Distinct {
    pub builder: TableBuilder,
    seed: Seeded,
    /// By the hash of its frames, the traceback that came last.
    last: SeededMap<u64, u32>,
    /// For each traceback, one before it with the same hash; [`NONE`] is none.
    before: Vec<u32>,
    /// The frames that are looked up.
    scratch: Vec<FrameId>,
}

/// No traceback.
const NONE: u32 = u32::MAX;

/// What the ids of one snapshot are in the common tables, as far as they have been asked for.
pub(crate) struct Translation<'a> {
    snapshot: &'a Snapshot,
    files: Vec<u32>,
    frames: Vec<u32>,
    tracebacks: Vec<u32>,
}

impl<'a> Translation<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Translation {
            snapshot,
            files: vec![NONE; snapshot.files_len()],
            frames: vec![NONE; snapshot.frames_len()],
            tracebacks: vec![NONE; snapshot.tracebacks_len()],
        }
    }
}

impl Distinct {
    /// The common id of a traceback. How many frames it had in all is that of the first one.
    #[inline]
    pub fn traceback(&mut self, of: &mut Translation<'_>, id: TracebackId) -> Result<u32, NoId> {
        match of.tracebacks[id.0 as usize] {
            NONE => self.look_up(of, id),
            known => Ok(known),
        }
    }

    #[cold]
    fn look_up(&mut self, of: &mut Translation<'_>, id: TracebackId) -> Result<u32, NoId> {
        let mut frames = std::mem::take(&mut self.scratch);
        frames.clear();
        for &frame in of.snapshot.frame_ids(id) {
            frames.push(self.frame(of, frame)?);
        }
        let found = self.of_frames(&frames, of.snapshot.total_nframe(id));
        self.scratch = frames;
        let found = found?;
        of.tracebacks[id.0 as usize] = found;
        Ok(found)
    }

    fn of_frames(&mut self, frames: &[FrameId], total: Option<u32>) -> Result<u32, NoId> {
        let hash = self.seed.hash_one(frames);
        let first = self.last.get(&hash).copied().unwrap_or(NONE);
        let mut at = first;
        while at != NONE {
            if self.builder.tables().stack(at) == frames {
                return Ok(at);
            }
            at = self.before[at as usize];
        }
        let start = self.builder.tables().flat.len();
        for &frame in frames {
            self.builder.push_flat(frame)?;
        }
        let id = self.builder.stack(Stack {
            start,
            // Of a stack that had a length of 32 bits.
            length: frames.len() as u32,
            total_nframe: total,
        })?;
        self.before.try_reserve(1)?;
        self.last.try_reserve(1)?;
        self.before.push(first);
        self.last.insert(hash, id);
        Ok(id)
    }

    fn frame(&mut self, of: &mut Translation<'_>, id: FrameId) -> Result<FrameId, NoId> {
        let known = of.frames[id.0 as usize];
        if known != NONE {
            return Ok(FrameId(known));
        }
        let (file, line) = of.snapshot.raw_frame(id);
        let file = match of.files[file.0 as usize] {
            NONE => {
                let common = self.builder.file(of.snapshot.file(file).clone())?;
                of.files[file.0 as usize] = common;
                common
            }
            known => known,
        };
        let frame = self.builder.frame(file, line)?;
        of.frames[id.0 as usize] = frame.0;
        Ok(frame)
    }
}

/// Adds up snapshots of many processes by domain and traceback.
///
/// ```
/// use snapshot::{Fold, KeyType, SnapshotBuilder};
///
/// let process = |size| {
///     let mut builder = SnapshotBuilder::new(25);
///     let file = builder.file("a.py".into());
///     let traceback = builder.traceback([(file, 7)], None);
///     builder.trace(0, size, traceback);
///     builder.build()
/// };
/// let mut fold = Fold::new();
/// fold.add(&process(100)?)?;
/// fold.add(&process(20)?)?;
/// let all = fold.finish()?;
/// let lines = all.statistics(KeyType::Lineno, false).unwrap();
/// assert_eq!((lines[0].size, lines[0].count), (120, 2));
/// # Ok::<(), snapshot::BuildError>(())
/// ```
#[derive(Default)]
pub struct Fold {
    distinct: Distinct,
    columns: Columns,
    /// The row of a (domain, traceback).
    rows: SeededMap<(u32, u32), usize>,
    traceback_limit: u32,
}

impl Fold {
    /// Nothing yet.
    pub fn new() -> Self {
        Fold::default()
    }

    /// Adds a snapshot.
    ///
    /// # Errors
    ///
    /// [`BuildError::TooMany`], [`BuildError::Memory`], and [`BuildError::SizesTooLarge`] where a sum
    /// of sizes does not fit.
    pub fn add(&mut self, snapshot: &Snapshot) -> Result<(), BuildError> {
        let mut translation = Translation::new(snapshot);
        for (domain, id, usage) in snapshot.usages() {
            let traceback = self.distinct.traceback(&mut translation, id)?;
            let next = self.columns.sizes.len();
            let row = *self.rows.entry((domain, traceback)).or_insert(next);
            if row == next {
                self.push(domain, traceback, usage);
                continue;
            }
            let size = self.columns.sizes[row].checked_add(usage.size);
            self.columns.sizes[row] = size.ok_or(BuildError::SizesTooLarge)?;
            self.columns.counts[row] += usage.count;
        }
        self.traceback_limit = self.traceback_limit.max(snapshot.traceback_limit());
        Ok(())
    }

    /// Adds a snapshot in rows of its own, and gives their number: they come after those that are
    /// there. So each process of a fleet stays apart, while tracebacks are kept once.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add). The two must not be mixed.
    pub fn append(&mut self, snapshot: &Snapshot) -> Result<usize, BuildError> {
        let mut translation = Translation::new(snapshot);
        let start = self.columns.sizes.len();
        for (domain, id, usage) in snapshot.usages() {
            let traceback = self.distinct.traceback(&mut translation, id)?;
            self.push(domain, traceback, usage);
        }
        self.traceback_limit = self.traceback_limit.max(snapshot.traceback_limit());
        Ok(self.columns.sizes.len() - start)
    }

    fn push(&mut self, domain: u32, traceback: u32, usage: Usage) {
        self.columns.domains.push(domain);
        self.columns.sizes.push(usage.size);
        self.columns.tracebacks.push(traceback);
        self.columns.counts.push(usage.count);
    }

    /// The sums as a snapshot, each row of which stands for [several blocks](Snapshot::counts):
    /// statistics, differences, filters and call trees count them. Its limit is the largest one;
    /// it has no extra attributes. Dumped, it has one trace for each row.
    ///
    /// # Errors
    ///
    /// [`BuildError::SizesTooLarge`].
    pub fn finish(self) -> Result<Snapshot, BuildError> {
        let tables = self.distinct.builder.into_tables();
        builder::finish(tables, self.columns, self.traceback_limit, Vec::new())
    }
}

impl Snapshot {
    /// What each traceback holds in each domain, in the order of domains; equal tracebacks are one.
    pub fn usages(&self) -> Vec<(u32, TracebackId, Usage)> {
        let canonical = self.tables().canonical();
        let domains = self.domains();
        let Some(&first) = domains.first() else {
            return Vec::new();
        };
        let mut sums: Vec<(u32, Usage)> = Vec::new();
        if domains.iter().all(|&domain| domain == first) {
            let mut usages = vec![Usage::default(); self.tracebacks_len()];
            for (id, sum) in (0_usize..).zip(self.sums_by_traceback()) {
                let usage = &mut usages[canonical[id] as usize];
                usage.size += sum.size;
                usage.count += sum.count;
            }
            sums.extend((0_u32..).zip(usages).filter(|(_, usage)| usage.count > 0));
            let row = |(id, usage)| (first, TracebackId(id), usage);
            return sums.into_iter().map(row).collect();
        }
        let mut places: SeededMap<(u32, u32), usize> = SeededMap::default();
        let mut rows: Vec<(u32, TracebackId, Usage)> = Vec::new();
        for (at, trace) in self.traces().enumerate() {
            let id = canonical[trace.traceback.0 as usize];
            let next = rows.len();
            let place = *places.entry((trace.domain, id)).or_insert(next);
            if place == next {
                rows.push((trace.domain, TracebackId(id), Usage::default()));
            }
            let usage = &mut rows[place].2;
            usage.size += trace.size;
            usage.count += self.count(at);
        }
        rows.sort_by_key(|&(domain, id, _)| (domain, id));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DomainFilter, KeyType, SnapshotBuilder};

    /// Traces of (domain, size, lines of a file, the most recent first).
    fn snapshot(file: &str, traces: &[(u32, i64, &[u32])]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(25);
        builder.file("unused.py".into());
        let file = builder.file(file.into());
        for (domain, size, lines) in traces {
            let traceback = builder.traceback(lines.iter().map(|&l| (file, l)), None);
            builder.trace(*domain, *size, traceback);
        }
        builder.build().unwrap()
    }

    #[test]
    fn sums_by_domain_and_traceback() {
        let mut fold = Fold::new();
        let first = snapshot("a.py", &[(0, 5, &[1, 2]), (0, 6, &[1, 2]), (3, 7, &[1, 2])]);
        fold.add(&first).unwrap();
        fold.add(&snapshot("a.py", &[(0, 1, &[9]), (0, 10, &[1, 2])]))
            .unwrap();
        fold.add(&snapshot("b.py", &[(0, 100, &[1, 2])])).unwrap();
        let all = fold.finish().unwrap();
        assert_eq!((all.len(), all.blocks(), all.total_size()), (4, 6, 129));
        let by_domain: Vec<_> = all
            .by_domain()
            .iter()
            .map(|(d, u)| (*d, u.size, u.count))
            .collect();
        assert_eq!(by_domain, [(0, 122, 5), (3, 7, 1)]);
        let lines = all.statistics(KeyType::Traceback, false).unwrap();
        let sums: Vec<_> = lines.iter().map(|s| (s.size, s.count)).collect();
        assert_eq!(sums, [(100, 1), (28, 4), (1, 1)]);
        let python = all.filter_traces(&[DomainFilter::new(true, 0).into()]);
        assert_eq!((python.blocks(), python.total_size()), (5, 122));
    }

    #[test]
    fn appended_rows_stay_apart() {
        let mut fold = Fold::new();
        let process = snapshot("a.py", &[(0, 5, &[1]), (0, 6, &[1]), (0, 1, &[2])]);
        assert_eq!(fold.append(&process), Ok(2));
        assert_eq!(fold.append(&process), Ok(2));
        let all = fold.finish().unwrap();
        assert_eq!((all.len(), all.tracebacks_len()), (4, 2));
        assert_eq!(
            (all.sizes(), all.counts()),
            (&[11, 1, 11, 1][..], &[2, 1, 2, 1][..])
        );
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        let mut fold = Fold::new();
        let large = snapshot("a.py", &[(0, (1 << 62) - 1, &[1])]);
        fold.add(&large).unwrap();
        let more = fold.add(&large).and_then(|()| fold.finish().map(drop));
        assert_eq!(more, Err(BuildError::SizesTooLarge));
    }
}
