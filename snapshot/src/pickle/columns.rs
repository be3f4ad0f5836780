//! The frames, tracebacks and traces of a pickle, in the tables and columns of a snapshot.
//!
//! Invariant: each tuple of frames that the pickle makes is one traceback, and each tuple that
//! can be a trace is one row, in the order in which they were made. So a list of traces, as
//! Python pickles it, is the columns as they are.

use std::hash::BuildHasher;

use super::error::LoadErrorKind;
use super::meter::{self, Meter};
use crate::hash::{Seeded, SeededMap};
use crate::snapshot::Columns;
use crate::tables::{Stack, Tables};
use crate::{BuildError, FileName, FrameId};

type Result<T> = std::result::Result<T, LoadErrorKind>;

const FULL: LoadErrorKind = LoadErrorKind::Model(BuildError::TooMany);

/// No id.
const UNSET: u32 = u32::MAX;

/// For [`TraceColumns::totals`]: a traceback that no trace has used yet, or a variant; one whose
/// traces have no total. Totals that large are kept with variants.
const UNUSED: u32 = u32::MAX;
const NO_TOTAL: u32 = u32::MAX - 1;

#[derive(Default)]
pub(super) struct TraceColumns {
    pub tables: Tables,
    pub rows: Columns,
    /// The file id of each interned string that a frame has named.
    file_ids: Vec<u32>,
    frame_index: FrameIndex,
    /// The total of each traceback, for which its [`Stack`] need not be looked at.
    totals: Vec<u32>,
    /// Tracebacks that traces with different totals share.
    variants: SeededMap<(u32, Option<u32>), u32>,
}

/// The index of the next entry of a table.
fn next(length: usize) -> Result<u32> {
    u32::try_from(length)
        .ok()
        .filter(|&id| id < UNSET)
        .ok_or(FULL)
}

impl TraceColumns {
    /// The file id of a string, if a frame has named it.
    #[inline]
    pub fn known_file(&self, string: u32) -> Option<u32> {
        self.file_ids
            .get(string as usize)
            .copied()
            .filter(|&id| id != UNSET)
    }

    /// Makes a file of a string that is none yet.
    pub fn add_file(&mut self, string: u32, name: FileName, meter: &mut Meter) -> Result<u32> {
        let id = next(self.tables.files.len())?;
        meter::push(&mut self.tables.files, name, meter)?;
        let known = self.file_ids.len();
        if let Some(more @ 1..) = (string as usize + 1).checked_sub(known) {
            meter::make_room(&mut self.file_ids, more, meter)?;
            self.file_ids.resize(known + more, UNSET);
        }
        self.file_ids[string as usize] = id;
        Ok(id)
    }

    /// The frame of a file (in range) and a line.
    #[inline]
    pub fn frame(&mut self, file: u32, line: u32, meter: &mut Meter) -> Result<FrameId> {
        let frames = &mut self.tables.frames;
        self.frame_index.find_or_add((file, line), frames, meter)
    }

    /// The traceback of some frames, not none. Equal ones are not looked for.
    #[inline]
    pub fn traceback(
        &mut self,
        frames: impl ExactSizeIterator<Item = FrameId>,
        meter: &mut Meter,
    ) -> Result<u32> {
        let flat = &mut self.tables.flat;
        let stack = Stack {
            start: flat.len(),
            length: next(frames.len())?,
            total_nframe: None,
        };
        meter::make_room(flat, frames.len(), meter)?;
        flat.extend(frames);
        self.add_stack(stack, meter)
    }

    fn add_stack(&mut self, stack: Stack, meter: &mut Meter) -> Result<u32> {
        let id = next(self.tables.stacks.len())?;
        meter::push(&mut self.tables.stacks, stack, meter)?;
        meter::push(&mut self.totals, UNUSED, meter)?;
        Ok(id)
    }

    /// The total of a traceback, if it has one.
    pub fn total(&self, traceback: u32) -> Option<u32> {
        match self.totals[traceback as usize] {
            UNUSED => self.tables.stacks[traceback as usize].total_nframe,
            NO_TOTAL => None,
            total => Some(total),
        }
    }

    /// Whether a traceback has this total already. Then it keeps it.
    #[inline]
    pub fn has_total(&self, traceback: u32, total_nframe: Option<u32>) -> bool {
        let known = self.totals[traceback as usize];
        match total_nframe {
            Some(total) => known == total && total < NO_TOTAL,
            None => known == NO_TOTAL,
        }
    }

    /// Adds a trace; gives its row. `usual` is what [`has_total`](Self::has_total) says.
    #[inline]
    pub fn trace(
        &mut self,
        (domain, size): (u32, i64),
        traceback: u32,
        total_nframe: Option<u32>,
        usual: bool,
        meter: &mut Meter,
    ) -> Result<u32> {
        let traceback = if usual {
            traceback
        } else {
            self.with_total(traceback, total_nframe, meter)?
        };
        let row = next(self.rows.sizes.len())?;
        meter::push(&mut self.rows.domains, domain, meter)?;
        meter::push(&mut self.rows.sizes, size, meter)?;
        meter::push(&mut self.rows.tracebacks, traceback, meter)?;
        Ok(row)
    }

    /// The traceback with a total, which is the first one or another one.
    fn with_total(
        &mut self,
        traceback: u32,
        total_nframe: Option<u32>,
        meter: &mut Meter,
    ) -> Result<u32> {
        if self.has_total(traceback, total_nframe) {
            return Ok(traceback);
        }
        let known = &mut self.totals[traceback as usize];
        match total_nframe {
            Some(total) if *known == UNUSED && total < NO_TOTAL => *known = total,
            None if *known == UNUSED => *known = NO_TOTAL,
            _ => return self.variant(traceback, total_nframe, meter),
        }
        Ok(traceback)
    }

    /// The same frames with another total.
    #[cold]
    fn variant(&mut self, of: u32, total_nframe: Option<u32>, meter: &mut Meter) -> Result<u32> {
        if let Some(&id) = self.variants.get(&(of, total_nframe)) {
            return Ok(id);
        }
        let stack = Stack {
            total_nframe,
            ..self.tables.stacks[of as usize]
        };
        let id = self.add_stack(stack, meter)?;
        meter::map_room(&mut self.variants, meter)?;
        self.variants.insert((of, total_nframe), id);
        Ok(id)
    }

    /// The tables and the rows that are traces of the snapshot: the first ones, or those of
    /// these numbers.
    pub fn finish(mut self, rows: Rows<'_>, meter: &mut Meter) -> Result<(Tables, Columns)> {
        let columns = match rows {
            Rows::First(count) => {
                self.rows.domains.truncate(count);
                self.rows.sizes.truncate(count);
                self.rows.tracebacks.truncate(count);
                self.rows
            }
            Rows::These(numbers) => {
                let mut columns = Columns::default();
                meter::resize(&mut columns.domains, numbers.len(), meter)?;
                meter::resize(&mut columns.sizes, numbers.len(), meter)?;
                meter::resize(&mut columns.tracebacks, numbers.len(), meter)?;
                for &row in numbers {
                    let row = row as usize;
                    columns.domains.push(self.rows.domains[row]);
                    columns.sizes.push(self.rows.sizes[row]);
                    columns.tracebacks.push(self.rows.tracebacks[row]);
                }
                columns
            }
        };
        for (stack, total) in self.tables.stacks.iter_mut().zip(self.totals) {
            if total < NO_TOTAL {
                stack.total_nframe = Some(total);
            }
        }
        Ok((self.tables, columns))
    }
}

/// Which rows are the traces of the snapshot, in order.
pub(super) enum Rows<'a> {
    First(usize),
    These(&'a [u32]),
}

/// Frame ids by (file, line): a table with open addresses, at most half full.
#[derive(Default)]
struct FrameIndex {
    seed: Seeded,
    /// Ids plus one; 0 is a free place. The length is a power of two, or 0.
    places: Vec<u32>,
}

impl FrameIndex {
    #[inline]
    fn find_or_add(
        &mut self,
        key: (u32, u32),
        frames: &mut Vec<(u32, u32)>,
        meter: &mut Meter,
    ) -> Result<FrameId> {
        if frames.len() * 2 >= self.places.len() {
            self.grow(frames, meter)?;
        }
        let mask = self.places.len() - 1;
        let mut at = self.start(key) & mask;
        loop {
            match self.places[at].checked_sub(1) {
                Some(id) if frames[id as usize] == key => return Ok(FrameId(id)),
                Some(_) => at = (at + 1) & mask,
                None => {
                    let id = next(frames.len())?;
                    meter::push(frames, key, meter)?;
                    self.places[at] = id + 1;
                    return Ok(FrameId(id));
                }
            }
        }
    }

    /// Where to look first; the caller masks it.
    #[inline]
    fn start(&self, (file, line): (u32, u32)) -> usize {
        self.seed.hash_one(u64::from(file) << 32 | u64::from(line)) as usize
    }

    #[cold]
    fn grow(&mut self, frames: &[(u32, u32)], meter: &mut Meter) -> Result<()> {
        let length = (self.places.len() * 2).max(1024);
        let mut places: Vec<u32> = Vec::new();
        meter::resize(&mut places, length, meter)?;
        places.resize(length, 0);
        for (id, &key) in (1..).zip(frames) {
            let mut at = self.start(key) & (length - 1);
            while places[at] != 0 {
                at = (at + 1) & (length - 1);
            }
            places[at] = id;
        }
        meter.refund_vec(&self.places);
        self.places = places;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_again() {
        let (mut columns, mut meter) = (TraceColumns::default(), Meter::new());
        for round in 0..2 {
            for line in 0..20_000 {
                let frame = columns.frame(line % 7, line, &mut meter).unwrap();
                assert_eq!(frame.0, line, "round {round}");
            }
        }
    }

    #[test]
    fn a_traceback_has_one_id_for_each_total() {
        let (mut columns, mut meter) = (TraceColumns::default(), Meter::new());
        let frame = columns.frame(0, 1, &mut meter).unwrap();
        let used = columns.traceback([frame].into_iter(), &mut meter).unwrap();
        let unused = columns.traceback([frame].into_iter(), &mut meter).unwrap();
        let totals = [
            Some(3),
            Some(9),
            None,
            Some(3),
            Some(u32::MAX),
            Some(9),
            Some(u32::MAX),
            None,
        ];
        for total in totals {
            columns
                .trace((0, 1), used, total, false, &mut meter)
                .unwrap();
        }
        assert_eq!(columns.total(0), Some(3));
        let (tables, rows) = columns
            .finish(Rows::First(totals.len()), &mut meter)
            .unwrap();
        let found: Vec<_> = rows
            .tracebacks
            .iter()
            .map(|&id| tables.stacks[id as usize])
            .collect();
        assert!(
            found
                .iter()
                .zip(totals)
                .all(|(stack, total)| stack.total_nframe == total)
        );
        assert_eq!(rows.tracebacks, [0, 2, 3, 0, 4, 2, 4, 3]);
        assert_eq!(unused, 1);
    }
}
