//! `_tracemalloc`: the functions below the classes.
//!
//! Invariant: each function is a thin call of `vm_hooks`, with Python's arguments, results and
//! exceptions around it.

use rustpython_vm::pymodule;

#[pymodule]
pub(crate) mod _tracemalloc {
    use crate::raw;
    use rustpython_vm::builtins::PyListRef;
    use rustpython_vm::function::ArgIndex;
    use rustpython_vm::{AsObject, FromArgs, PyObjectRef, PyResult, VirtualMachine};
    use vm_hooks::{SnapshotError, StartError};

    /// Start tracing memory allocations.
    ///
    /// Of each traceback the *nframe* most recent frames are kept. While tracing is on already,
    /// nothing changes. ValueError: *nframe* is not in the range 1 to 65535.
    #[pyfunction]
    fn start(args: StartArgs, vm: &VirtualMachine) -> PyResult<()> {
        let frames: i32 = args
            .nframe
            .into_int_ref()
            .try_to_primitive(vm)
            .map_err(|_| vm.new_overflow_error("Python int too large to convert to C int"))?;
        vm_hooks::start(frames.try_into().unwrap_or(0)).map_err(|error| match error {
            StartError::Frames => vm.new_value_error(error.to_string()),
            StartError::Memory => vm.new_memory_error(error.to_string()),
        })
    }

    #[derive(FromArgs)]
    struct StartArgs {
        #[pyarg(any, default = 1)]
        nframe: ArgIndex,
    }

    /// Stop tracing memory allocations and forget all traces.
    #[pyfunction]
    fn stop() {
        vm_hooks::stop();
    }

    /// Return True while memory allocations are traced.
    #[pyfunction]
    fn is_tracing() -> bool {
        vm_hooks::is_tracing()
    }

    /// Forget the traces of all memory blocks allocated so far.
    #[pyfunction]
    fn clear_traces() {
        vm_hooks::clear();
    }

    /// Set the peak size of traced memory to the current size.
    #[pyfunction]
    fn reset_peak() {
        vm_hooks::reset_peak();
    }

    /// Return how many frames of a traceback are kept, as start() was told.
    ///
    /// RuntimeError: tracing is off.
    #[pyfunction]
    fn get_traceback_limit(vm: &VirtualMachine) -> PyResult<u32> {
        vm_hooks::traceback_limit().ok_or_else(|| {
            vm.new_runtime_error(
                "the tracemalloc module must be tracing memory allocations \
                 to get the traceback limit",
            )
        })
    }

    /// Return the current and the peak size of traced memory in bytes, as a tuple.
    #[pyfunction]
    fn get_traced_memory() -> (u64, u64) {
        vm_hooks::traced_memory()
    }

    /// Return how many bytes the tracing itself takes.
    #[pyfunction]
    fn get_tracemalloc_memory() -> usize {
        vm_hooks::tracer_memory()
    }

    /// Return how many traces were dropped since the last start() because the tracer found no
    /// memory for them. CPython has no such function.
    #[pyfunction]
    fn _get_dropped_traces() -> u64 {
        vm_hooks::dropped_traces()
    }

    /// Return the frames that allocated an object, the most recent first, or None.
    #[pyfunction]
    fn _get_object_traceback(obj: PyObjectRef, vm: &VirtualMachine) -> PyObjectRef {
        match vm_hooks::object_traceback(obj.get_id()) {
            Some(traceback) => raw::frames_most_recent_first(&traceback, vm).into(),
            None => vm.ctx.none(),
        }
    }

    /// Return the traces of all memory blocks, as a list of
    /// (domain, size, frames, total number of frames) tuples; empty while tracing is off.
    #[pyfunction]
    fn _get_traces(vm: &VirtualMachine) -> PyResult<PyListRef> {
        let traces = match vm_hooks::take_snapshot() {
            Ok(snapshot) => raw::traces_of(&snapshot, vm),
            Err(SnapshotError::NotTracing) => Vec::new(),
            Err(error) => return Err(vm.new_memory_error(error.to_string())),
        };
        Ok(vm.ctx.new_list(traces))
    }
}
