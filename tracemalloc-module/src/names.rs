//! Python strings and frame tuples for the ids of one snapshot, each made once.
//!
//! Invariant: the same id gives the same object, so that a million traces of a thousand frames
//! make a thousand tuples. The garbage collector does not look at them.

use rustpython_vm::builtins::{PyTuple, PyTupleRef};
use rustpython_vm::gc_state::gc_state;
use rustpython_vm::{AsObject, PyObjectRef, VirtualMachine};
use snapshot::{FileId, FrameId, Key, Snapshot, Text, TracebackId};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::NonNull;

pub(crate) struct Names<'a> {
    snapshot: &'a Snapshot,
    files: ById<FileId, PyObjectRef>,
    frames: ById<FrameId, PyTupleRef>,
}

type ById<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// For ids, of which nobody can choose those that collide: they count from 0.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    #[inline]
    fn write_u32(&mut self, id: u32) {
        // Odd, so that different ids stay different; its high bits reach the top ones.
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    #[inline]
    fn finish(&self) -> u64 {
        // The table takes the low bits and the top ones.
        self.0.rotate_left(32)
    }
}

impl<'a> Names<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            files: ById::default(),
            frames: ById::default(),
        }
    }

    fn file(&mut self, id: FileId, vm: &VirtualMachine) -> PyObjectRef {
        let name = || string(self.snapshot.file(id), vm);
        self.files.entry(id).or_insert_with(name).clone()
    }

    fn frame(&mut self, id: FrameId, vm: &VirtualMachine) -> PyTupleRef {
        if let Some(frame) = self.frames.get(&id) {
            return frame.clone();
        }
        let (file, line) = self.snapshot.raw_frame(id);
        let file = self.file(file, vm);
        let frame = without_cycles(vm.new_tuple((file, line)));
        self.frames.insert(id, frame.clone());
        frame
    }

    /// The frames of a traceback as a tuple of tuples, the most recent first.
    pub(crate) fn frames_most_recent_first(
        &mut self,
        id: TracebackId,
        vm: &VirtualMachine,
    ) -> PyTupleRef {
        let snapshot = self.snapshot;
        let ids = snapshot.frame_ids(id).iter();
        let frames = ids.map(|id| self.frame(*id, vm).into()).collect();
        without_cycles(PyTuple::new_ref(frames, &vm.ctx))
    }

    /// The frames of what statistics are grouped by, the oldest first.
    pub(crate) fn key(&mut self, key: Key, vm: &VirtualMachine) -> PyTupleRef {
        let frames = match key {
            Key::Traceback(id) => {
                let snapshot = self.snapshot;
                let ids = snapshot.frame_ids(id).iter().rev();
                ids.map(|id| self.frame(*id, vm).into()).collect()
            }
            Key::Filename(file) => {
                let file = self.file(file, vm);
                vec![without_cycles(vm.new_tuple((file, 0))).into()]
            }
            Key::Lineno(frame) => vec![self.frame(frame, vm).into()],
        };
        without_cycles(PyTuple::new_ref(frames, &vm.ctx))
    }
}

/// Takes a new tuple, of strings, numbers or such tuples, away from the garbage collector, as CPython's
/// collector does when it sees one: it can be part of no cycle, and a million of them take the
/// collector seconds.
fn without_cycles(tuple: PyTupleRef) -> PyTupleRef {
    let object = tuple.as_object();
    if object.is_gc_tracked() {
        // SAFETY: it is tracked, and alive as long as the reference.
        unsafe { gc_state().untrack_object(NonNull::from(object)) };
    }
    tuple
}

/// A Python string.
pub(crate) fn string(text: &Text, vm: &VirtualMachine) -> PyObjectRef {
    use rustpython_vm::common::wtf8::Wtf8;
    match Wtf8::from_bytes(text.as_bytes()) {
        Some(name) => vm.ctx.new_str(name.to_owned()).into(),
        None => vm.ctx.new_str(text.to_string_lossy().into_owned()).into(),
    }
}
