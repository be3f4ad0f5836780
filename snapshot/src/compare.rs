//! The difference between two snapshots.
//!
//! Invariant: the tables of the old snapshot are mapped onto those of the new one once for each
//! distinct file name, frame and traceback; after that, only ids are compared.

use std::sync::Arc;

use crate::hash::SeededMap;
use crate::index::Index;
use crate::order::{self, Both, Ordered};
use crate::tables::Tables;
use crate::{
    CumulativeTraceback, FileId, FrameId, Group, Key, KeyType, Snapshot, Traceback, TracebackId,
};

/// How the memory of one key changed from an old snapshot to a new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatisticDiff {
    /// Where the blocks were allocated; its `total_nframe` is `None`.
    pub traceback: Traceback,
    /// The size of all blocks in the new snapshot, in bytes; 0 if there are none.
    pub size: i64,
    /// New size − old size, in bytes. All of the size where the old snapshot has no such blocks.
    pub size_diff: i64,
    /// The number of blocks in the new snapshot.
    pub count: i64,
    /// New count − old count.
    pub count_diff: i64,
}

/// A [`StatisticDiff`] in ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupDiff {
    /// What the blocks have in common, as an id of the new snapshot, or of the old one if
    /// [`gone`](Self::gone).
    pub key: Key,
    /// Whether only the old snapshot has blocks of this key.
    pub gone: bool,
    /// The size in the new snapshot, in bytes.
    pub size: i64,
    /// New size − old size, in bytes.
    pub size_diff: i64,
    /// The number of blocks in the new snapshot.
    pub count: i64,
    /// New count − old count.
    pub count_diff: i64,
}

impl Ordered for GroupDiff {
    type Amount = (u64, i64, u64, i64);

    #[inline]
    fn amount(&self) -> Self::Amount {
        let (size, count) = (
            self.size_diff.unsigned_abs(),
            self.count_diff.unsigned_abs(),
        );
        (size, self.size, count, self.count)
    }

    #[inline]
    fn key<'a>(&self, tables: &Both<'a>) -> (Key, &'a Tables) {
        let of = if self.gone { tables.old } else { tables.new };
        (self.key, of)
    }
}

impl Snapshot {
    /// What changed since an old snapshot, the largest change first: by the absolute difference
    /// of sizes, then size, absolute difference of counts, count, traceback, all descending.
    ///
    /// # Errors
    ///
    /// [`CumulativeTraceback`] for cumulative mode by traceback.
    pub fn compare_to(
        &self,
        old: &Snapshot,
        key_type: KeyType,
        cumulative: bool,
    ) -> Result<Vec<StatisticDiff>, CumulativeTraceback> {
        let statistic = |diff: GroupDiff| StatisticDiff {
            traceback: if diff.gone { old } else { self }.key_traceback(diff.key),
            size: diff.size,
            size_diff: diff.size_diff,
            count: diff.count,
            count_diff: diff.count_diff,
        };
        Ok(self
            .compare_groups(old, key_type, cumulative)?
            .into_iter()
            .map(statistic)
            .collect())
    }

    /// [`compare_to`](Self::compare_to) in ids, for those who show only some of them.
    ///
    /// # Errors
    ///
    /// [`CumulativeTraceback`] for cumulative mode by traceback.
    pub fn compare_groups(
        &self,
        old: &Snapshot,
        key_type: KeyType,
        cumulative: bool,
    ) -> Result<Vec<GroupDiff>, CumulativeTraceback> {
        let new_groups = self.unsorted_groups(key_type, cumulative)?;
        let old_groups = old.unsorted_groups(key_type, cumulative)?;
        // The place of each id among the groups, which are in the order of their ids.
        let ids = new_groups.last().map_or(0, |group| id(group.key) + 1);
        let mut places = vec![None; ids];
        for (at, group) in new_groups.iter().enumerate() {
            places[id(group.key)] = Some(at);
        }
        let place = |key| places.get(id(key)).copied().flatten();
        let translated = translate(&old_groups, old.tables(), &new_groups, self.tables());

        let mut diffs: Vec<GroupDiff> = new_groups
            .iter()
            .map(|group| GroupDiff {
                key: group.key,
                gone: false,
                size: group.size,
                size_diff: group.size,
                count: group.count,
                count_diff: group.count,
            })
            .collect();
        for (group, key) in old_groups.iter().zip(translated) {
            match key.and_then(place) {
                Some(at) => {
                    diffs[at].size_diff -= group.size;
                    diffs[at].count_diff -= group.count;
                }
                None => diffs.push(GroupDiff {
                    key: group.key,
                    gone: true,
                    size: 0,
                    size_diff: -group.size,
                    count: 0,
                    count_diff: -group.count,
                }),
            }
        }
        let (new, old) = (self.tables(), old.tables());
        order::sort(&mut diffs, &Both { new, old });
        Ok(diffs)
    }
}

/// The number in a key.
fn id(key: Key) -> usize {
    let id = match key {
        Key::Traceback(id) => id.0,
        Key::Filename(id) => id.0,
        Key::Lineno(id) => id.0,
    };
    id as usize
}

/// For each old group, its key in the tables of the new snapshot, if those have it.
fn translate(
    old_groups: &[Group],
    old: &Arc<Tables>,
    new_groups: &[Group],
    new: &Arc<Tables>,
) -> Vec<Option<Key>> {
    if Arc::ptr_eq(old, new) {
        return old_groups.iter().map(|group| Some(group.key)).collect();
    }
    let files = translate_files(old, new);
    if let Some(Key::Filename(_)) = old_groups.first().map(|group| group.key) {
        let key = |group: &Group| match group.key {
            Key::Filename(FileId(file)) => files[file as usize].map(|f| Key::Filename(FileId(f))),
            _ => None,
        };
        return old_groups.iter().map(key).collect();
    }
    let frames = translate_frames(old, new, &files);
    let mut stacks = Stacks::of(new_groups, new);
    let mut translated: Vec<FrameId> = Vec::new();
    let mut key = |group: &Group| match group.key {
        Key::Lineno(frame) => frames[frame.0 as usize].map(Key::Lineno),
        Key::Traceback(id) => {
            translated.clear();
            for frame in old.stack(id.0) {
                translated.push(frames[frame.0 as usize]?);
            }
            stacks.find(&translated).map(Key::Traceback)
        }
        Key::Filename(_) => None,
    };
    old_groups.iter().map(&mut key).collect()
}

/// The tracebacks of the new snapshot, to be asked for by their frames.
///
/// Snapshots of one program have the tracebacks that both have in nearly the same order, so most are found
/// where they are expected, and an index of all is only made for the first that is not.
struct Stacks<'a> {
    tables: &'a Tables,
    ids: Vec<u32>,
    /// The place among `ids` behind the one that was found last.
    expected: usize,
    /// How many in a row were not there.
    missed: usize,
    index: Option<Index>,
}

impl<'a> Stacks<'a> {
    /// How many places are looked at.
    const AHEAD: usize = 4;
    /// After so many in a row that were not found there, the order goes on from another place.
    const MISSED: usize = 8;

    fn of(groups: &[Group], tables: &'a Tables) -> Self {
        let id = |group: &Group| match group.key {
            Key::Traceback(id) => Some(id.0),
            _ => None,
        };
        Stacks {
            tables,
            ids: groups.iter().filter_map(id).collect(),
            expected: 0,
            missed: 0,
            index: None,
        }
    }

    fn find(&mut self, stack: &[FrameId]) -> Option<TracebackId> {
        let tables = self.tables;
        let mut near = self.ids.iter().skip(self.expected).take(Self::AHEAD);
        if let Some(steps) = near.position(|id| tables.stack(*id) == stack) {
            let found = self.ids[self.expected + steps];
            self.expected += steps + 1;
            self.missed = 0;
            return Some(TracebackId(found));
        }
        let index = self.index.get_or_insert_with(|| {
            let mut index = Index::new(self.ids.len());
            for id in &self.ids {
                index.insert(*id, |id| tables.stack(id));
            }
            index
        });
        let found = index.get(stack, |id| tables.stack(id))?;
        self.missed += 1;
        if self.missed == Self::MISSED {
            self.missed = 0;
            // In the order of their ids, as groups are.
            self.expected = self.ids.partition_point(|id| *id <= found);
        }
        Some(TracebackId(found))
    }
}

fn translate_files(old: &Tables, new: &Tables) -> Vec<Option<u32>> {
    let ids: SeededMap<&[u8], u32> = new
        .files
        .iter()
        .map(|name| name.as_bytes())
        .zip(0_u32..)
        .collect();
    old.files
        .iter()
        .map(|name| ids.get(name.as_bytes()).copied())
        .collect()
}

fn translate_frames(old: &Tables, new: &Tables, files: &[Option<u32>]) -> Vec<Option<FrameId>> {
    let ids: SeededMap<(u32, u32), u32> = new.frames.iter().copied().zip(0_u32..).collect();
    old.frames
        .iter()
        .map(|&(file, line)| {
            ids.get(&(files[file as usize]?, line))
                .copied()
                .map(FrameId)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnapshotBuilder;

    fn snapshot(files: &[&str], traces: &[(i64, usize, u32)]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(1);
        let files: Vec<u32> = files
            .iter()
            .map(|&name| builder.file(name.into()))
            .collect();
        for &(size, file, line) in traces {
            let traceback = builder.traceback([(files[file], line)], Some(1));
            builder.trace(0, size, traceback);
        }
        builder.build().unwrap()
    }

    fn shown(diffs: &[StatisticDiff]) -> Vec<String> {
        diffs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tables_of_different_order_are_matched_by_content() {
        let old = snapshot(&["a.py", "gone.py"], &[(10, 0, 5), (10, 0, 5), (400, 1, 1)]);
        let new = snapshot(
            &["new.py", "a.py"],
            &[(66, 0, 9), (10, 1, 5), (10, 1, 5), (10, 1, 5)],
        );
        for key_type in [KeyType::Lineno, KeyType::Traceback] {
            assert_eq!(
                shown(&new.compare_to(&old, key_type, false).unwrap()),
                [
                    "gone.py:1: size=0 B (-400 B), count=0 (-1)",
                    "new.py:9: size=66 B (+66 B), count=1 (+1), average=66 B",
                    "a.py:5: size=30 B (+10 B), count=3 (+1), average=10 B",
                ]
            );
        }
        let by_file = new.compare_to(&old, KeyType::Filename, true).unwrap();
        assert_eq!(
            by_file[2].to_string(),
            "a.py:0: size=30 B (+10 B), count=3 (+1), average=10 B"
        );
    }

    /// Wherever they are expected, tracebacks are found by their frames.
    #[test]
    fn tracebacks_are_matched_in_any_order() {
        let trace = |line: usize| (line as i64, line % 3, line as u32);
        let lines = |order: &dyn Fn(usize) -> usize| (0..200).map(order).collect::<Vec<_>>();
        let orders = [
            lines(&|i| i),
            lines(&|i| 199 - i),
            // A part from elsewhere, longer than what is looked ahead.
            lines(&|i| (i + 150) % 200),
            // Some gone, some new, here and there and at the end.
            lines(&|i| if i % 7 == 3 { 500 + i } else { i }),
            lines(&|i| if i < 30 { i + 700 } else { i ^ 1 }),
        ];
        for (old, new) in orders
            .iter()
            .flat_map(|a| orders.iter().map(move |b| (a, b)))
        {
            let make = |lines: &[usize]| {
                let traces: Vec<_> = lines.iter().map(|&line| trace(line)).collect();
                snapshot(&["a.py", "b.py", "c.py"], &traces)
            };
            let (before, after) = (make(old), make(new));
            let diffs = after
                .compare_to(&before, KeyType::Traceback, false)
                .unwrap();
            let mut found: Vec<_> = diffs.iter().map(|d| (d.size, d.size_diff)).collect();
            let gone = old.iter().filter(|line| !new.contains(line));
            let there = new.iter().map(|line| match old.contains(line) {
                true => (*line as i64, 0),
                false => (*line as i64, *line as i64),
            });
            let mut expected: Vec<_> = gone.map(|line| (0, -(*line as i64))).chain(there).collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn with_itself_nothing_changed() {
        let snapshot = snapshot(&["a.py"], &[(10, 0, 5), (1, 0, 6)]);
        let diffs = snapshot
            .compare_to(&snapshot.clone(), KeyType::Lineno, false)
            .unwrap();
        assert!(
            diffs
                .iter()
                .all(|diff| diff.size_diff == 0 && diff.count_diff == 0)
        );
        assert_eq!(diffs.len(), 2);
    }

    #[test]
    fn cumulative_by_traceback_is_refused() {
        let empty = snapshot(&[], &[]);
        assert!(empty.compare_to(&empty, KeyType::Traceback, true).is_err());
    }
}
