//! Statistics: the sizes and counts of traces, grouped by a key.
//!
//! Invariant: traces are first added up by traceback id and only then by key, so the work grows
//! with traces + distinct tracebacks × frames; file names are compared only where sizes and
//! counts tie.

use std::fmt;

use crate::order::{self, Both, Ordered};
use crate::tables::Tables;
use crate::{FileId, FrameId, KeyType, Snapshot, Traceback, TracebackId};

/// Memory of one key: the traces of one traceback, file or line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statistic {
    /// Where the blocks were allocated; its `total_nframe` is `None`. By file name it has one
    /// frame, of line 0.
    pub traceback: Traceback,
    /// The size of all blocks, in bytes.
    pub size: i64,
    /// The number of blocks.
    pub count: i64,
}

/// What a [`Group`] has in common, as an id of its snapshot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key {
    /// All frames; of several ids with equal frames, the first.
    Traceback(TracebackId),
    /// The file of the most recent frame (of any frame, in cumulative mode).
    Filename(FileId),
    /// The most recent frame (any frame, in cumulative mode).
    Lineno(FrameId),
}

/// A [`Statistic`] in ids: nothing is copied until it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group {
    /// What the blocks have in common; see [`Snapshot::key_traceback`].
    pub key: Key,
    /// The size of all blocks, in bytes.
    pub size: i64,
    /// The number of blocks.
    pub count: i64,
}

/// Sums by id: the index is a traceback, frame or file.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    pub size: i64,
    pub count: i64,
}

impl Sum {
    #[inline]
    fn add(&mut self, other: Sum) {
        self.size += other.size;
        self.count += other.count;
    }
}

impl Ordered for Group {
    type Amount = (i64, i64);

    #[inline]
    fn amount(&self) -> Self::Amount {
        (self.size, self.count)
    }

    #[inline]
    fn key<'a>(&self, tables: &Both<'a>) -> (Key, &'a Tables) {
        (self.key, tables.new)
    }
}

impl Snapshot {
    /// The traces grouped by a key, the largest first: by size, then count, then traceback, all
    /// descending.
    ///
    /// In cumulative mode a block counts for each frame of its traceback, not only for the most
    /// recent one; a frame that is there twice (recursion) counts twice, as in CPython.
    ///
    /// # Errors
    ///
    /// [`CumulativeTraceback`] for cumulative mode by traceback.
    pub fn statistics(
        &self,
        key_type: KeyType,
        cumulative: bool,
    ) -> Result<Vec<Statistic>, CumulativeTraceback> {
        let statistic = |group: Group| Statistic {
            traceback: self.key_traceback(group.key),
            size: group.size,
            count: group.count,
        };
        Ok(self
            .groups(key_type, cumulative)?
            .into_iter()
            .map(statistic)
            .collect())
    }

    /// [`statistics`](Self::statistics) in ids, for those who show only some of them.
    ///
    /// # Errors
    ///
    /// [`CumulativeTraceback`] for cumulative mode by traceback.
    pub fn groups(
        &self,
        key_type: KeyType,
        cumulative: bool,
    ) -> Result<Vec<Group>, CumulativeTraceback> {
        let mut groups = self.unsorted_groups(key_type, cumulative)?;
        let (new, old) = (self.tables(), self.tables());
        order::sort(&mut groups, &Both { new, old });
        Ok(groups)
    }

    /// The groups in the order of their ids.
    pub(crate) fn unsorted_groups(
        &self,
        key_type: KeyType,
        cumulative: bool,
    ) -> Result<Vec<Group>, CumulativeTraceback> {
        let tables: &Tables = self.tables();
        let by_traceback = self.sums_by_traceback();
        // Only tracebacks in use: those of a filtered snapshot can be few.
        let used = (0_u32..)
            .zip(&by_traceback)
            .filter(|(_, sum)| sum.count > 0);
        match key_type {
            KeyType::Traceback if cumulative => Err(CumulativeTraceback),
            KeyType::Traceback => {
                let canonical = tables.canonical();
                let mut sums = vec![Sum::default(); tables.stacks.len()];
                for (id, sum) in used {
                    sums[canonical[id as usize] as usize].add(*sum);
                }
                Ok(groups(&sums, |id| Key::Traceback(TracebackId(id))))
            }
            KeyType::Lineno => {
                let mut sums = vec![Sum::default(); tables.frames.len()];
                for (id, sum) in used {
                    for frame in counted_frames(tables, id, cumulative) {
                        sums[frame.0 as usize].add(*sum);
                    }
                }
                Ok(groups(&sums, |id| Key::Lineno(FrameId(id))))
            }
            KeyType::Filename => {
                let mut sums = vec![Sum::default(); tables.files.len()];
                for (id, sum) in used {
                    for frame in counted_frames(tables, id, cumulative) {
                        sums[tables.frame(*frame).0 as usize].add(*sum);
                    }
                }
                Ok(groups(&sums, |id| Key::Filename(FileId(id))))
            }
        }
    }

    pub(crate) fn sums_by_traceback(&self) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); self.tracebacks_len()];
        let rows = self.sizes().iter().zip(self.traceback_ids());
        if self.counts().is_empty() {
            for (&size, &id) in rows {
                sums[id as usize].add(Sum { size, count: 1 });
            }
        } else {
            for ((&size, &id), &count) in rows.zip(self.counts()) {
                sums[id as usize].add(Sum { size, count });
            }
        }
        sums
    }
}

/// The frames of a traceback that a block counts for.
fn counted_frames(tables: &Tables, traceback: u32, cumulative: bool) -> &[FrameId] {
    let stack = tables.stack(traceback);
    if cumulative { stack } else { &stack[..1] }
}

fn groups(sums: &[Sum], key: impl Fn(u32) -> Key) -> Vec<Group> {
    (0_u32..)
        .zip(sums)
        .filter(|(_, sum)| sum.count > 0)
        .map(|(id, sum)| Group {
            key: key(id),
            size: sum.size,
            count: sum.count,
        })
        .collect()
}

/// The error of asking for cumulative statistics by traceback, with CPython's message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CumulativeTraceback;

impl fmt::Display for CumulativeTraceback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // CPython's wording, "by" included.
        f.write_str("cumulative mode cannot by used with key type 'traceback'")
    }
}

impl std::error::Error for CumulativeTraceback {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnapshotBuilder;

    /// Traces of (size, lines of `a.py`, the most recent first).
    fn snapshot(traces: &[(i64, &[u32])]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(25);
        let file = builder.file("a.py".into());
        for (size, lines) in traces {
            let traceback =
                builder.traceback(lines.iter().map(|&l| (file, l)), Some(lines.len() as u32));
            builder.trace(0, *size, traceback);
        }
        builder.build().unwrap()
    }

    fn lines(statistics: &[Statistic]) -> Vec<(u32, i64, i64)> {
        statistics
            .iter()
            .map(|s| (s.traceback.frames()[0].lineno, s.size, s.count))
            .collect()
    }

    #[test]
    fn recursion_counts_each_repeat() {
        let snapshot = snapshot(&[(10, &[2, 2, 1]), (5, &[3, 1])]);
        let by_line = snapshot.statistics(KeyType::Lineno, true).unwrap();
        assert_eq!(lines(&by_line), [(2, 20, 2), (1, 15, 2), (3, 5, 1)]);
        let by_file = snapshot.statistics(KeyType::Filename, true).unwrap();
        assert_eq!(lines(&by_file), [(0, 40, 5)]);
    }

    #[test]
    fn ties_are_ordered_by_count_then_traceback_descending() {
        let snapshot = snapshot(&[(4, &[1]), (4, &[9]), (2, &[5]), (2, &[5])]);
        let by_line = snapshot.statistics(KeyType::Lineno, false).unwrap();
        assert_eq!(lines(&by_line), [(5, 4, 2), (9, 4, 1), (1, 4, 1)]);
    }

    #[test]
    fn equal_frames_are_one_traceback() {
        let mut builder = SnapshotBuilder::new(1);
        let file = builder.file("a.py".into());
        for total in [Some(1), Some(7), None] {
            let traceback = builder.traceback([(file, 1)], total);
            builder.trace(0, 3, traceback);
        }
        let snapshot = builder.build().unwrap();
        let by_traceback = snapshot.statistics(KeyType::Traceback, false).unwrap();
        assert_eq!(lines(&by_traceback), [(1, 9, 3)]);
        assert_eq!(by_traceback[0].traceback.total_nframe(), None);
    }

    #[test]
    fn blocks_of_no_size_are_counted() {
        assert_eq!(
            lines(
                &snapshot(&[(0, &[1])])
                    .statistics(KeyType::Lineno, false)
                    .unwrap()
            ),
            [(1, 0, 1)]
        );
    }

    #[test]
    fn cumulative_by_traceback_is_refused() {
        let error = snapshot(&[])
            .statistics(KeyType::Traceback, true)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cumulative mode cannot by used with key type 'traceback'"
        );
    }
}
