//! Between Python's raw traces and the snapshot crate's columns.
//!
//! A raw trace is what CPython's `_tracemalloc._get_traces` gives: a tuple (domain, size,
//! ((filename, lineno), …), total number of frames), the most recent frame first.
//!
//! Invariant: both ways keep the order of traces and every value.

use crate::names::{Names, string};
use crate::objects::unpack;
use rustpython_vm::builtins::{PyInt, PyList, PyStr, PyTuple, PyTupleRef};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};
use snapshot::{BuildError, Snapshot, SnapshotBuilder, Text, Trace, Traceback};
use std::collections::{HashMap, HashSet};

/// One raw trace of a snapshot.
pub(crate) fn trace(
    names: &mut Names<'_>,
    from: &Snapshot,
    trace: Trace,
    vm: &VirtualMachine,
) -> PyObjectRef {
    let frames = names.frames_most_recent_first(trace.traceback, vm);
    row(trace, frames, from.total_nframe(trace.traceback), vm)
}

fn row(trace: Trace, frames: PyTupleRef, total: Option<u32>, vm: &VirtualMachine) -> PyObjectRef {
    let total: PyObjectRef = match total {
        Some(total) => vm.ctx.new_int(total).into(),
        None => vm.ctx.none(),
    };
    vm.new_tuple((trace.domain, trace.size, frames, total))
        .into()
}

/// All raw traces of a snapshot.
pub(crate) fn traces_of(snapshot: &Snapshot, vm: &VirtualMachine) -> Vec<PyObjectRef> {
    let mut names = Names::new(snapshot);
    let mut tracebacks: Vec<Option<PyTupleRef>> = vec![None; snapshot.tracebacks_len()];
    snapshot
        .traces()
        .map(|trace| {
            let id = trace.traceback;
            let frames = tracebacks[id.0 as usize]
                .get_or_insert_with(|| names.frames_most_recent_first(id, vm))
                .clone();
            row(trace, frames, snapshot.total_nframe(id), vm)
        })
        .collect()
}

/// The frames of a traceback as a tuple of tuples, the most recent first.
pub(crate) fn frames_most_recent_first(traceback: &Traceback, vm: &VirtualMachine) -> PyTupleRef {
    let frames = traceback.frames().iter().rev();
    let frames = frames.map(|f| vm.new_tuple((string(&f.filename, vm), f.lineno)).into());
    PyTuple::new_ref(frames.collect(), &vm.ctx)
}

/// A snapshot of the raw traces in a sequence.
///
/// # Errors
///
/// What Python's own code raises for a row of another shape; `OverflowError` for numbers that no
/// trace has.
pub(crate) fn snapshot_of(
    traces: &PyObject,
    limit: u32,
    vm: &VirtualMachine,
) -> PyResult<Snapshot> {
    let traces: Vec<PyObjectRef> = vm.extract_elements_with(traces, Ok)?;
    let mut reader = Reader {
        builder: SnapshotBuilder::new(limit),
        files: HashMap::new(),
        tracebacks: HashMap::new(),
    };
    reader.builder.reserve(traces.len());
    for trace in &traces {
        let [domain, size, frames, total] = unpack(trace, vm)?;
        let domain = number(&domain, vm)?;
        let size = number(&size, vm)?;
        let traceback = reader.traceback(frames, total, vm)?;
        reader.builder.trace(domain, size, traceback);
    }
    reader.builder.build().map_err(|error| match error {
        BuildError::EmptyTraceback => vm.new_index_error("tuple index out of range"),
        BuildError::Memory => vm.new_memory_error(error.to_string()),
        error => vm.new_overflow_error(error.to_string()),
    })
}

/// A snapshot of the raw traces in a list or tuple of the usual rows; `None` for anything else.
///
/// Exactly the usual classes: a bool is an int for Python, but is shown as another one.
pub(crate) fn plain_snapshot_of(
    traces: &PyObject,
    limit: u32,
    vm: &VirtualMachine,
) -> Option<Snapshot> {
    let types = &vm.ctx.types;
    let is_int = |value: &PyObject| value.class().is(types.int_type);
    let is_frame = |frame: &PyObjectRef| {
        let frame = frame.downcast_ref_if_exact::<PyTuple>(vm);
        frame.is_some_and(|frame| match frame.as_slice() {
            [file, line] => file.class().is(types.str_type) && is_int(line),
            _ => false,
        })
    };
    let mut known = HashSet::new();
    let mut is_row = |row: &PyObjectRef| {
        let row = row.downcast_ref_if_exact::<PyTuple>(vm);
        row.is_some_and(|row| match row.as_slice() {
            [domain, size, frames, total] => {
                let Some(tuple) = frames.downcast_ref_if_exact::<PyTuple>(vm) else {
                    return false;
                };
                is_int(domain)
                    && is_int(size)
                    && (vm.is_none(total) || is_int(total))
                    // Nobody else frees the tuples while we look.
                    && (!known.insert(frames.get_id()) || tuple.as_slice().iter().all(is_frame))
            }
            _ => false,
        })
    };
    let plain = if let Some(list) = traces.downcast_ref_if_exact::<PyList>(vm) {
        list.borrow_vec().iter().all(&mut is_row)
    } else {
        let tuple = traces.downcast_ref_if_exact::<PyTuple>(vm)?;
        tuple.as_slice().iter().all(&mut is_row)
    };
    if !plain {
        return None;
    }
    snapshot_of(traces, limit, vm).ok()
}

struct Reader {
    builder: SnapshotBuilder,
    files: HashMap<usize, (u32, PyObjectRef)>,
    /// By the addresses of the frames and of the total, which stay alive beside their id.
    tracebacks: HashMap<(usize, usize), (u32, PyObjectRef, PyObjectRef)>,
}

impl Reader {
    fn traceback(
        &mut self,
        frames: PyObjectRef,
        total: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<u32> {
        let key = (frames.get_id(), total.get_id());
        if let Some((id, ..)) = self.tracebacks.get(&key) {
            return Ok(*id);
        }
        let total_frames = if vm.is_none(&total) {
            None
        } else {
            Some(number(&total, vm)?)
        };
        let mut pairs = Vec::new();
        for frame in vm.extract_elements_with(&frames, Ok)? {
            let [file, line] = unpack(&frame, vm)?;
            pairs.push((self.file(file, vm)?, number(&line, vm)?));
        }
        let id = self.builder.traceback(pairs, total_frames);
        // A list of frames can change while we read; a tuple cannot.
        if frames.downcast_ref::<PyTuple>().is_some() {
            self.tracebacks.insert(key, (id, frames, total));
        }
        Ok(id)
    }

    fn file(&mut self, name: PyObjectRef, vm: &VirtualMachine) -> PyResult<u32> {
        if let Some((id, _)) = self.files.get(&name.get_id()) {
            return Ok(*id);
        }
        let id = self.builder.file(text(&name, vm)?);
        self.files.insert(name.get_id(), (id, name));
        Ok(id)
    }
}

/// The WTF-8 of a Python string.
pub(crate) fn text(name: &PyObject, vm: &VirtualMachine) -> PyResult<Text> {
    match name.downcast_ref::<PyStr>() {
        Some(name) => Ok(Text::new(name.as_wtf8().as_bytes())),
        None => Err(vm.new_type_error(format!(
            "a file name must be str, not {}",
            name.class().name()
        ))),
    }
}

/// A Python int as one of the numbers of a trace.
pub(crate) fn number<T>(value: &PyObject, vm: &VirtualMachine) -> PyResult<T>
where
    T: for<'a> TryFrom<&'a malachite_bigint::BigInt>,
{
    let Some(int) = value.downcast_ref::<PyInt>() else {
        return Err(vm.new_type_error(format!("an int is required, not {}", value.class().name())));
    };
    T::try_from(int.as_bigint())
        .map_err(|_| vm.new_overflow_error("Python int is not a number that a trace can have"))
}
