//! The tables that the ids of a snapshot point into.
//!
//! Invariants: file names are distinct, frames are distinct, every file id in a frame and every
//! frame id in a traceback is in range, and a traceback has at least one frame. Tracebacks need
//! not be distinct: [`Tables::canonical`] says which have equal frames.

use std::cmp::Ordering;
use std::collections::TryReserveError;
use std::sync::{Arc, OnceLock};

use crate::hash::SeededMap;
use crate::index::Index;
use crate::{FileId, FileName, Frame, FrameId, Key, Traceback, TracebackId};

/// The frames of a traceback are `flat[start..start + length]`, the most recent first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    pub start: usize,
    pub length: u32,
    pub total_nframe: Option<u32>,
}

/// Tables of file names, frames and tracebacks. Shared by a snapshot and those filtered from it.
#[derive(Default)]
pub(crate) struct Tables {
    pub files: Vec<FileName>,
    /// (file id, line)
    pub frames: Vec<(u32, u32)>,
    /// The frame ids of all tracebacks.
    pub flat: Vec<FrameId>,
    pub stacks: Vec<Stack>,
    canonical: OnceLock<Vec<u32>>,
    ranks: OnceLock<Vec<u32>>,
}

impl Tables {
    /// The frames of a traceback, the most recent first.
    #[inline]
    pub fn stack(&self, traceback: u32) -> &[FrameId] {
        let Stack { start, length, .. } = self.stacks[traceback as usize];
        &self.flat[start..start + length as usize]
    }

    #[inline]
    pub fn frame(&self, frame: FrameId) -> (u32, u32) {
        self.frames[frame.0 as usize]
    }

    /// For each traceback, the first one that has equal frames. Worked out once.
    pub fn canonical(&self) -> &[u32] {
        self.canonical.get_or_init(|| {
            let mut first = Index::new(self.stacks.len());
            // Ids fit in u32: the builder sees to it.
            (0..self.stacks.len() as u32)
                .map(|id| first.insert(id, |id| self.stack(id)))
                .collect()
        })
    }

    /// For each frame, its place in the order of frames. Worked out once, when first two
    /// statistics tie.
    pub fn ranks(&self) -> &[u32] {
        self.ranks.get_or_init(|| {
            let files = places(self.files.len(), |a, b| self.files[a].cmp(&self.files[b]));
            let key = |(file, line): (u32, u32)| (files[file as usize], line);
            places(self.frames.len(), |a, b| {
                key(self.frames[a]).cmp(&key(self.frames[b]))
            })
        })
    }

    pub fn owned_frame(&self, frame: FrameId) -> Frame {
        let (file, lineno) = self.frame(frame);
        Frame {
            filename: self.files[file as usize].clone(),
            lineno,
        }
    }

    pub fn owned_traceback(&self, id: TracebackId) -> Traceback {
        Traceback::new(
            self.owned_frames(id),
            self.stacks[id.0 as usize].total_nframe,
        )
    }

    /// The oldest first.
    fn owned_frames(&self, id: TracebackId) -> Arc<[Frame]> {
        self.stack(id.0)
            .iter()
            .rev()
            .map(|&frame| self.owned_frame(frame))
            .collect()
    }

    /// The traceback that stands for a key in statistics.
    pub fn key_traceback(&self, key: Key) -> Traceback {
        match key {
            Key::Traceback(id) => Traceback::new(self.owned_frames(id), None),
            Key::Lineno(frame) => Traceback::new([self.owned_frame(frame)], None),
            Key::Filename(FileId(file)) => {
                let filename = self.files[file as usize].clone();
                Traceback::new(
                    [Frame {
                        filename,
                        lineno: 0,
                    }],
                    None,
                )
            }
        }
    }

    /// The order of the tracebacks that stand for two keys, each with its own tables.
    pub fn compare_keys(&self, key: Key, other: &Tables, other_key: Key) -> Ordering {
        if std::ptr::eq(self, other) && key == other_key {
            return Ordering::Equal;
        }
        match (key, other_key) {
            (Key::Traceback(a), Key::Traceback(b)) if std::ptr::eq(self, other) => {
                let ranks = self.ranks();
                let rank = |frame: &FrameId| ranks[frame.0 as usize];
                let (a, b) = (self.stack(a.0).iter().rev(), self.stack(b.0).iter().rev());
                a.map(rank).cmp(b.map(rank))
            }
            (Key::Traceback(a), Key::Traceback(b)) => {
                let mut a = self.stack(a.0).iter().rev();
                let mut b = other.stack(b.0).iter().rev();
                loop {
                    match (a.next(), b.next()) {
                        (Some(&a), Some(&b)) => match self.compare_frames(a, other, b) {
                            Ordering::Equal => {}
                            order => return order,
                        },
                        (a, b) => return a.is_some().cmp(&b.is_some()),
                    }
                }
            }
            (Key::Lineno(a), Key::Lineno(b)) => self.compare_frames(a, other, b),
            (Key::Filename(a), Key::Filename(b)) => {
                self.files[a.0 as usize].cmp(&other.files[b.0 as usize])
            }
            // Keys of one kind are compared, always; any order of kinds will do.
            _ => key.cmp(&other_key),
        }
    }

    fn compare_frames(&self, a: FrameId, other: &Tables, b: FrameId) -> Ordering {
        if std::ptr::eq(self, other) {
            let ranks = self.ranks();
            return ranks[a.0 as usize].cmp(&ranks[b.0 as usize]);
        }
        let ((file, line), (other_file, other_line)) = (self.frame(a), other.frame(b));
        let files = self.files[file as usize].cmp(&other.files[other_file as usize]);
        files.then(line.cmp(&other_line))
    }
}

/// For each of `length` distinct things, its place in their order.
fn places(length: usize, mut compare: impl FnMut(usize, usize) -> Ordering) -> Vec<u32> {
    // Ids fit in u32: the builder sees to it.
    let mut order: Vec<u32> = (0..length as u32).collect();
    order.sort_unstable_by(|&a, &b| compare(a as usize, b as usize));
    let mut places = vec![0; length];
    for (place, id) in (0_u32..).zip(order) {
        places[id as usize] = place;
    }
    places
}

/// Fills [`Tables`], keeping their invariants: it gives ids only to what it has checked.
#[derive(Default)]
pub(crate) struct TableBuilder {
    tables: Tables,
    file_ids: SeededMap<FileName, u32>,
    frame_ids: SeededMap<(u32, u32), u32>,
}

/// Why a table has no id for something.
#[derive(Debug)]
pub(crate) enum NoId {
    /// It would need more than 2³² − 1 ids.
    Full,
    /// There is no memory.
    Memory,
}

impl From<TryReserveError> for NoId {
    fn from(_: TryReserveError) -> Self {
        NoId::Memory
    }
}

impl TableBuilder {
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    pub fn into_tables(self) -> Tables {
        self.tables
    }

    pub fn file(&mut self, name: FileName) -> Result<u32, NoId> {
        if let Some(&id) = self.file_ids.get(&name) {
            return Ok(id);
        }
        let id = next_id(self.tables.files.len())?;
        self.tables.files.try_reserve(1)?;
        self.file_ids.try_reserve(1)?;
        self.tables.files.push(name.clone());
        self.file_ids.insert(name, id);
        Ok(id)
    }

    /// The id of a (file, line) pair; the file id must be in range.
    #[inline]
    pub fn frame(&mut self, file: u32, line: u32) -> Result<FrameId, NoId> {
        debug_assert!((file as usize) < self.tables.files.len());
        if let Some(&id) = self.frame_ids.get(&(file, line)) {
            return Ok(FrameId(id));
        }
        let id = next_id(self.tables.frames.len())?;
        self.tables.frames.try_reserve(1)?;
        self.frame_ids.try_reserve(1)?;
        self.tables.frames.push((file, line));
        self.frame_ids.insert((file, line), id);
        Ok(FrameId(id))
    }

    /// Appends a frame id (in range) to the flat column.
    #[inline]
    pub fn push_flat(&mut self, frame: FrameId) -> Result<(), NoId> {
        self.tables.flat.try_reserve(1)?;
        self.tables.flat.push(frame);
        Ok(())
    }

    /// Adds a traceback over frames that are in the flat column already.
    pub fn stack(&mut self, stack: Stack) -> Result<u32, NoId> {
        debug_assert!(stack.length > 0);
        debug_assert!(stack.start + stack.length as usize <= self.tables.flat.len());
        let id = next_id(self.tables.stacks.len())?;
        self.tables.stacks.try_reserve(1)?;
        self.tables.stacks.push(stack);
        Ok(id)
    }

    /// Takes back the frames from `start` on, which no traceback has yet.
    pub fn truncate_flat(&mut self, start: usize) {
        self.tables.flat.truncate(start);
    }
}

fn next_id(length: usize) -> Result<u32, NoId> {
    u32::try_from(length)
        .ok()
        .filter(|&id| id < u32::MAX)
        .ok_or(NoId::Full)
}
