//! A program with a fixed course that allocates, resizes, frees and tracks; and what must be true
//! of the tracer meanwhile, whatever fails.
//!
//! Each call that can lose a trace is looked at when it is over: the model knows which traces there
//! are, and how many were lost.

use crate::map::Mark;
use crate::record;
use crate::tracer::{self, MAP, StartError};
use crate::{ALLOCATOR, read};
use crate::{allocator, failing, frames};
use std::alloc::{GlobalAlloc, Layout};
use std::collections::BTreeMap;

/// Work of the model, not of the program.
fn untraced<R>(f: impl FnOnce() -> R) -> R {
    failing::exempt(|| allocator::untraced(f))
}

/// Frames that are kept; stacks are deeper.
const LIMIT: u32 = 2;

type Stack = Vec<(u8, u32)>;

struct Block {
    address: *mut u8,
    layout: Layout,
    fill: u8,
    /// The frames of its trace, if it has one.
    trace: Option<Stack>,
}

/// What the course came to.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Outcome {
    /// Of all that the program saw of its own memory.
    pub(crate) sum: u64,
    pub(crate) dropped: u64,
}

struct Course {
    random: u64,
    traced: bool,
    blocks: Vec<Block>,
    tracked: BTreeMap<(u32, usize), (usize, Stack)>,
    /// Lost since tracing started, and before.
    dropped: u64,
    dropped_before: u64,
    sum: u64,
    stack: Stack,
}

/// Runs the course with `operations` steps, traced or not.
pub(crate) fn run(operations: u32, traced: bool) -> Outcome {
    let mut course = untraced(|| Course {
        random: 0x5eed,
        traced,
        blocks: Vec::with_capacity(operations as usize),
        tracked: BTreeMap::new(),
        dropped: 0,
        dropped_before: 0,
        sum: 0,
        stack: Vec::with_capacity(8),
    });
    course.start();
    for i in 0..operations {
        course.step();
        if i % 2048 == 100 {
            course.look();
        }
        match i * 8 / operations {
            3 if i.is_multiple_of(operations / 8) => course.clear(),
            5 if i.is_multiple_of(operations / 8) => course.stop(),
            6 if i.is_multiple_of(operations / 8) => course.start(),
            _ => {}
        }
    }
    course.look();
    course.end()
}

fn kept(stack: &Stack) -> Stack {
    stack.iter().rev().take(LIMIT as usize).copied().collect()
}

impl Course {
    fn next(&mut self, below: usize) -> usize {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }

    fn start(&mut self) {
        if !self.traced {
            return;
        }
        let was_on = tracer::is_tracing();
        match tracer::start(LIMIT) {
            Ok(()) if !was_on => self.dropped = 0,
            Ok(()) => {}
            // No memory: the program goes on without.
            Err(error) => assert_eq!(error, StartError::Memory),
        }
        assert!(!was_on || tracer::is_tracing());
    }

    fn stop(&mut self) {
        if self.traced {
            assert_eq!(tracer::dropped_traces(), self.dropped);
            self.dropped_before += std::mem::take(&mut self.dropped);
            tracer::stop();
            tracer::start(LIMIT).ok();
            tracer::stop();
            self.forget();
        }
    }

    fn clear(&mut self) {
        if self.traced {
            tracer::clear();
            self.forget();
        }
    }

    fn forget(&mut self) {
        untraced(|| {
            self.blocks.iter_mut().for_each(|block| block.trace = None);
            self.tracked.clear();
        });
    }

    /// One step of the program.
    fn step(&mut self) {
        untraced(|| {
            let depth = 2 + self.next(6);
            self.stack.clear();
            for _ in 0..depth {
                let frame = (self.next(40) as u8, 1 + self.next(25) as u32);
                self.stack.push(frame);
            }
            frames::run(&self.stack);
        });
        match self.next(100) {
            0..=44 => self.alloc(),
            45..=64 => self.free(),
            65..=79 => self.resize(),
            80..=89 => self.reborn(),
            90..=95 => self.track(),
            _ => self.untrack(),
        }
    }

    fn size(&mut self) -> usize {
        match self.next(12) {
            0 if self.next(4) == 0 => 200_000 + self.next(100_000),
            1..=3 => 24 + self.next(3000),
            _ => 24 + self.next(200),
        }
    }

    fn alloc(&mut self) {
        let layout = Layout::from_size_align(self.size(), 1 << self.next(6)).unwrap();
        let fill = self.next(256) as u8;
        // SAFETY: the size is not zero.
        let address = unsafe { ALLOCATOR.alloc(layout) };
        if address.is_null() {
            return;
        }
        // SAFETY: a fresh block of this size.
        unsafe { address.write_bytes(fill, layout.size()) };
        let trace = None;
        self.blocks.push(Block {
            address,
            layout,
            fill,
            trace,
        });
        self.expect_trace(self.blocks.len() - 1);
    }

    /// A block has just got the traceback of now, or its trace was dropped.
    fn expect_trace(&mut self, i: usize) {
        if !tracer::is_tracing() {
            return;
        }
        untraced(|| {
            let block = &mut self.blocks[i];
            let mark = MAP.get(record::address(block.address, block.layout.size()));
            block.trace = (mark == Some(Mark::Live)).then(|| kept(&self.stack));
            self.dropped += u64::from(block.trace.is_none());
        });
    }

    fn take(&mut self) -> Option<usize> {
        (!self.blocks.is_empty()).then(|| self.next(self.blocks.len()))
    }

    /// The program reads its block, up to a length.
    fn read(&mut self, i: usize, len: usize) {
        let block = &self.blocks[i];
        // SAFETY: the block is this program's, and at least that large.
        let bytes = unsafe { std::slice::from_raw_parts(block.address, len) };
        assert!(bytes.iter().all(|byte| *byte == block.fill));
        let sum = self.sum.wrapping_mul(31).wrapping_add(len as u64);
        self.sum = sum ^ u64::from(block.fill);
    }

    fn free(&mut self) {
        let Some(i) = self.take() else { return };
        self.read(i, self.blocks[i].layout.size());
        let block = self.blocks.swap_remove(i);
        // SAFETY: allocated with this layout, and freed once.
        unsafe { ALLOCATOR.dealloc(block.address, block.layout) };
        untraced(|| drop(block.trace));
    }

    fn resize(&mut self) {
        let size = self.size();
        let Some(i) = self.take() else { return };
        let (address, old) = (self.blocks[i].address, self.blocks[i].layout);
        // SAFETY: as in `free`; the new size is not zero.
        let moved = unsafe { ALLOCATOR.realloc(address, old, size) };
        if moved.is_null() {
            return;
        }
        let block = &mut self.blocks[i];
        block.address = moved;
        block.layout = Layout::from_size_align(size, old.align()).unwrap();
        self.read(i, old.size().min(size));
        let block = &self.blocks[i];
        // SAFETY: the block is this program's, and has this size.
        unsafe { moved.write_bytes(block.fill, size) };
        self.expect_trace(i);
    }

    /// The VM takes an object from a free list. Its trace is the new one, or stays the old one
    /// where that cannot be had.
    fn reborn(&mut self) {
        let Some(i) = self.take() else { return };
        let before = tracer::dropped_traces();
        let (address, size) = (self.blocks[i].address, self.blocks[i].layout.size());
        if !(address as usize).is_multiple_of(8) {
            return;
        }
        crate::reborn::reborn(address, size);
        if !tracer::is_tracing() {
            return;
        }
        let found = read::object_traceback(address as usize);
        untraced(|| {
            let now: Option<Stack> = found.map(|traceback| {
                let frame = |frame: &snapshot::Frame| (file(&frame.filename), frame.lineno);
                traceback.frames().iter().rev().map(frame).collect()
            });
            let lost = now.as_ref() != Some(&kept(&self.stack));
            // The look itself can fail for want of memory: then the count has to be believed.
            match now {
                Some(now) => {
                    assert!(!lost || Some(&now) == self.blocks[i].trace.as_ref());
                    self.blocks[i].trace = Some(now);
                    self.dropped += u64::from(lost);
                }
                None => {
                    let lost = tracer::dropped_traces() - before;
                    assert!(lost <= 1);
                    if lost == 0 {
                        self.blocks[i].trace = Some(kept(&self.stack));
                    }
                    self.dropped += lost;
                }
            }
        });
    }

    fn track(&mut self) {
        let key = (1 + self.next(3) as u32, 16 * self.next(400));
        let size = self.size();
        let tracked = tracer::track(key.0, key.1, size);
        if tracer::is_tracing() {
            untraced(|| match tracked {
                true => _ = self.tracked.insert(key, (size, kept(&self.stack))),
                false => self.dropped += 1,
            });
        }
    }

    fn untrack(&mut self) {
        let key = (1 + self.next(3) as u32, 16 * self.next(400));
        tracer::untrack(key.0, key.1);
        untraced(|| self.tracked.remove(&key));
    }

    /// What the tracer says now is what the model knows.
    fn look(&mut self) {
        if !tracer::is_tracing() {
            return;
        }
        assert_eq!(tracer::dropped_traces(), self.dropped, "dropped traces");
        let snapshot = read::take_snapshot();
        untraced(|| {
            let blocks = self.blocks.iter().filter_map(|block| {
                let trace = block.trace.clone()?;
                Some((0, block.layout.size(), trace))
            });
            let tracked = self.tracked.iter();
            let tracked = tracked.map(|(key, trace)| (key.0, trace.0, trace.1.clone()));
            let mut model: Vec<(u32, usize, Stack)> = blocks.chain(tracked).collect();
            let total: usize = model.iter().map(|trace| trace.1).sum();
            assert_eq!(tracer::traced_memory().0 as usize, total, "traced bytes");
            let snapshot = match snapshot {
                Ok(snapshot) => snapshot,
                Err(error) => return assert_eq!(error, read::SnapshotError::Memory),
            };
            let mut traces: Vec<(u32, usize, Stack)> = snapshot
                .traces()
                .map(|trace| {
                    let traceback = snapshot.traceback(trace.traceback);
                    let frames = traceback.frames().iter().rev();
                    let frames = frames.map(|frame| (file(&frame.filename), frame.lineno));
                    (trace.domain, trace.size as usize, frames.collect())
                })
                .collect();
            model.sort_unstable();
            traces.sort_unstable();
            assert!(traces == model, "the traces of a snapshot");
        });
    }

    fn end(self) -> Outcome {
        let mut this = self;
        let outcome = this.outcome();
        untraced(|| drop(this));
        outcome
    }

    fn outcome(&mut self) -> Outcome {
        while !self.blocks.is_empty() {
            self.free();
        }
        let dropped = self.dropped_before + self.dropped;
        if self.traced && tracer::is_tracing() {
            assert_eq!(tracer::dropped_traces(), self.dropped);
        }
        Outcome {
            sum: self.sum,
            dropped,
        }
    }
}

/// The number that a file name was made of.
fn file(name: &snapshot::FileName) -> u8 {
    let bytes = name.as_bytes();
    (bytes[4] - b'a') * 16 + (bytes[5] - b'a')
}
