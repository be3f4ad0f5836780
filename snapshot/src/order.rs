//! The order of what statistics and differences list: the largest first, and where sizes and counts
//! tie, by traceback, descending.
//!
//! Of many tracebacks most tie, since the sizes of blocks are few. So they are sorted by numbers alone at
//! first, and then each run of ties by itself, two frames at a time from where its tracebacks begin to
//! differ: one run fits the processor's caches, all tracebacks do not.
//!
//! Invariant: the order is that of [`Tables::compare_keys`], from the greatest to the least.

use std::cmp::Reverse;

use crate::Key;
use crate::tables::Tables;

/// What is put in order.
pub(crate) trait Ordered: Copy {
    /// Greater ones come first.
    type Amount: Ord;

    fn amount(&self) -> Self::Amount;

    /// The key, and the tables that its ids point into.
    fn key<'a>(&self, tables: &Both<'a>) -> (Key, &'a Tables);
}

/// The tables of a snapshot, and of the one it is compared with.
pub(crate) struct Both<'a> {
    pub new: &'a Tables,
    pub old: &'a Tables,
}

/// Sorts, the greatest first.
pub(crate) fn sort<T: Ordered>(items: &mut [T], tables: &Both<'_>) {
    items.sort_unstable_by_key(|item| Reverse(item.amount()));
    for ties in items.chunk_by_mut(|a, b| a.amount() == b.amount()) {
        sort_ties(ties, tables);
    }
}

/// So many, or fewer, are compared one by one.
const FEW: usize = 8;

fn sort_ties<T: Ordered>(ties: &mut [T], tables: &Both<'_>) {
    if ties.len() > FEW
        && let Some(stacks) = Stacks::of(ties, tables)
    {
        stacks.sort(ties);
        return;
    }
    ties.sort_unstable_by(|a, b| {
        let ((a, of_a), (b, of_b)) = (a.key(tables), b.key(tables));
        of_b.compare_keys(b, of_a, a)
    });
}

/// Tracebacks of one snapshot, to be sorted.
struct Stacks<'a, T> {
    tables: &'a Tables,
    /// The two frames that are being looked at, the traceback, and what it stands for.
    rows: Vec<(u64, u32, T)>,
}

impl<'a, T: Ordered> Stacks<'a, T> {
    /// `None` unless all are tracebacks over the same tables.
    fn of(ties: &[T], both: &Both<'a>) -> Option<Self> {
        let (_, tables) = ties.first()?.key(both);
        let row = |item: &T| match item.key(both) {
            (Key::Traceback(id), of) if std::ptr::eq(of, tables) => Some((0, id.0, *item)),
            _ => None,
        };
        let rows = ties.iter().map(row).collect::<Option<_>>()?;
        Some(Stacks { tables, rows })
    }

    fn sort(mut self, into: &mut [T]) {
        let ranks = self.tables.ranks();
        // Runs whose tracebacks are equal in their oldest frames, and in how many.
        let mut left = vec![(0..self.rows.len(), 0)];
        while let Some((range, from)) = left.pop() {
            let start = range.start;
            let rows = &mut self.rows[range];
            let from = from + common(self.tables, rows, from);
            for (frames, id, _) in &mut *rows {
                let mut oldest = self.tables.stack(*id).iter().rev().skip(from);
                let mut rank = || {
                    oldest
                        .next()
                        .map_or(0, |f| u64::from(ranks[f.0 as usize]) + 1)
                };
                *frames = rank() << 32 | rank();
            }
            rows.sort_unstable_by_key(|&(frames, ..)| Reverse(frames));
            let mut at = start;
            for run in rows.chunk_by(|a, b| a.0 == b.0) {
                let has_ended = run[0].0 as u32 == 0;
                if run.len() > 1 && !has_ended {
                    left.push((at..at + run.len(), from + 2));
                }
                at += run.len();
            }
        }
        for (place, (_, _, item)) in into.iter_mut().zip(self.rows) {
            *place = item;
        }
    }
}

/// How many frames beyond `from`, counted from the oldest, all have in common.
///
/// Looks ahead by twice as much each time, and no further than all agree: what is looked at is at most
/// some times what the caller then leaves behind.
fn common<T>(tables: &Tables, rows: &[(u64, u32, T)], from: usize) -> usize {
    let (mut known, mut ahead) = (0, 8);
    loop {
        let agreed = agree(tables, rows, from + known, ahead);
        known += agreed;
        if agreed < ahead {
            return known;
        }
        ahead *= 2;
    }
}

/// In how many of the next `most` frames all agree.
fn agree<T>(tables: &Tables, rows: &[(u64, u32, T)], from: usize, most: usize) -> usize {
    let oldest = |id: u32| tables.stack(id).iter().rev().skip(from);
    let Some(((_, first, _), rest)) = rows.split_first() else {
        return 0;
    };
    let mut least = most.min(tables.stack(*first).len().saturating_sub(from));
    for (_, id, _) in rest {
        let pairs = oldest(*first).zip(oldest(*id)).take(least);
        least = pairs.take_while(|(a, b)| a == b).count();
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Group, Snapshot, SnapshotBuilder, TracebackId};
    use proptest::prelude::*;

    fn snapshot(stacks: &[Vec<u32>]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(25);
        // In no order: ids are not ranks.
        let files = ["b.py", "a.py", "c.py"].map(|name| builder.file(name.into()));
        for stack in stacks {
            let frames = stack.iter().map(|&n| (files[n as usize % 3], n / 3));
            let traceback = builder.traceback(frames, None);
            builder.trace(0, 1, traceback);
        }
        builder.build().expect("it is whole")
    }

    proptest! {
        #[test]
        fn as_comparing_one_by_one(
            stacks in prop::collection::vec(prop::collection::vec(0_u32..5, 1..12), 0..60),
            sizes in prop::collection::vec(0_i64..2, 60),
        ) {
            let snapshot = snapshot(&stacks);
            let tables: &Tables = snapshot.tables();
            let canonical = tables.canonical();
            let mut groups: Vec<Group> = (0_u32..)
                .zip(&sizes)
                .take(stacks.len())
                .filter(|(id, _)| canonical[*id as usize] == *id)
                .map(|(id, &size)| Group { key: Key::Traceback(TracebackId(id)), size, count: 1 })
                .collect();
            let mut naive = groups.clone();
            naive.sort_by(|a, b| {
                let by_size = b.size.cmp(&a.size);
                by_size.then_with(|| tables.compare_keys(b.key, tables, a.key))
            });
            sort(&mut groups, &Both { new: tables, old: tables });
            prop_assert_eq!(groups, naive);
        }
    }

    /// A deep recursion is no recursion here; nor do the deepest, where they come first, have all others
    /// wait for them.
    #[test]
    fn each_one_frame_deeper() {
        const DEPTH: usize = 3000;
        let deepest_last: Vec<Vec<u32>> = (1..=DEPTH).map(|depth| vec![0; depth]).collect();
        let deepest_first: Vec<Vec<u32>> = deepest_last.iter().rev().cloned().collect();
        for stacks in [deepest_last, deepest_first] {
            let snapshot = snapshot(&stacks);
            let groups = snapshot
                .groups(crate::KeyType::Traceback, false)
                .expect("no sum");
            let depth = |group: &Group| match group.key {
                Key::Traceback(id) => snapshot.tables().stack(id.0).len(),
                _ => 0,
            };
            let depths: Vec<usize> = groups.iter().map(depth).collect();
            assert_eq!(depths, (1..=DEPTH).rev().collect::<Vec<_>>());
        }
    }
}
