//! `_testcapi`, as far as `test_tracemalloc` needs it: the functions of CPython's C API that trace
//! memory which no allocator of Python's gave out, over `vm_hooks::track` and `untrack`.
//!
//! What 3.14's suite has beyond 3.13's is here as well. Importing it also gives `_testinternalcapi`,
//! which the VM has, `_PyTraceMalloc_GetTraceback` (3.14: `_testcapi.tracemalloc_get_traceback`).

pub(super) use _testcapi::module_def;

/// The functions; those of the ledger and those that refuse memory are not CPython's.
#[rustpython_vm::pymodule]
mod _testcapi {
    use crate::{ledger, refusing};
    use rustpython_vm::builtins::{PyModule, PyTuple};
    use rustpython_vm::function::OptionalArg;
    use rustpython_vm::{Py, PyObjectRef, PyResult, VirtualMachine};

    fn check_tracing(vm: &VirtualMachine) -> PyResult<()> {
        match vm_hooks::is_tracing() {
            true => Ok(()),
            false => Err(vm.new_runtime_error("tracemalloc is not tracing")),
        }
    }

    /// As `PyTraceMalloc_Track`.
    #[pyfunction]
    fn tracemalloc_track(
        domain: u32,
        address: usize,
        size: usize,
        release_gil: OptionalArg<bool>,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let track = || vm_hooks::track(domain, address, size);
        let traced = match release_gil.unwrap_or(false) {
            true => vm.allow_threads(track),
            false => track(),
        };
        check_tracing(vm)?;
        match traced {
            true => Ok(()),
            false => Err(vm.new_memory_error("no memory for the trace")),
        }
    }

    /// As `PyTraceMalloc_Untrack`.
    #[pyfunction]
    fn tracemalloc_untrack(
        domain: u32,
        address: usize,
        release_gil: OptionalArg<bool>,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let untrack = || vm_hooks::untrack(domain, address);
        match release_gil.unwrap_or(false) {
            true => vm.allow_threads(untrack),
            false => untrack(),
        }
        check_tracing(vm)
    }

    /// The frames of a traced block, the most recent first, or None.
    #[pyfunction]
    fn tracemalloc_get_traceback(domain: u32, address: usize, vm: &VirtualMachine) -> PyObjectRef {
        let Some(traceback) = vm_hooks::block_traceback(domain, address) else {
            return vm.ctx.none();
        };
        let frames = traceback.frames().iter().rev().map(|frame| {
            let name = frame.filename.to_string();
            vm.new_tuple((name, frame.lineno)).into()
        });
        PyTuple::new_ref(frames.collect(), &vm.ctx).into()
    }

    /// Threads track and untrack while tracing ends.
    #[pyfunction]
    fn tracemalloc_track_race(vm: &VirtualMachine) -> PyResult<()> {
        vm_hooks::start(1).map_err(|error| vm.new_memory_error(error.to_string()))?;
        vm.allow_threads(|| {
            std::thread::scope(|scope| {
                for thread in 0..50 {
                    scope.spawn(move || {
                        vm_hooks::track(123, 10 + thread % 2, 1);
                        vm_hooks::untrack(123, 10 + thread % 2);
                    });
                }
                vm_hooks::stop();
            });
        });
        Ok(())
    }

    /// Blocks without a byte are traced and freed as others are.
    #[pyfunction]
    fn test_pymem_alloc0(vm: &VirtualMachine) -> PyResult<()> {
        for _ in 0..100 {
            let empty = vm.ctx.new_bytes(Vec::new());
            let address = empty.as_bytes().as_ptr() as usize;
            vm_hooks::track(u32::MAX, address, 0);
            vm_hooks::untrack(u32::MAX, address);
        }
        Ok(())
    }

    /// Starts tracing, and a second bookkeeper beside it.
    #[pyfunction]
    fn ledger_start(frames: u32, vm: &VirtualMachine) -> PyResult<()> {
        ledger::start(frames).map_err(|error| vm.new_value_error(error.to_string()))
    }

    /// Compares the two: (bytes that get_traced_memory() counts, the sum of the sizes of all
    /// traces, the sum of the ledger, traces, blocks in the ledger, whether the sizes are the same
    /// ones). Tracing goes on.
    #[pyfunction]
    fn ledger_compare(vm: &VirtualMachine) -> PyResult<(u64, u64, u64, usize, usize, bool)> {
        let blocks = ledger::close();
        let counted = vm_hooks::traced_memory().0;
        let snapshot =
            vm_hooks::take_snapshot().map_err(|error| vm.new_memory_error(error.to_string()))?;
        let mut traces: Vec<usize> = snapshot.traces().map(|trace| trace.size as usize).collect();
        traces.sort_unstable();
        let sum = |sizes: &[usize]| sizes.iter().map(|size| *size as u64).sum::<u64>();
        let (traced, allocated) = (sum(&traces), sum(&blocks));
        let same = traces == blocks;
        Ok((counted, traced, allocated, traces.len(), blocks.len(), same))
    }

    /// Starts tracing; with 0 frames it does nothing, on the same way through the VM.
    #[pyfunction]
    fn start_or_not(frames: u32, vm: &VirtualMachine) -> PyResult<()> {
        match frames {
            0 => Ok(()),
            _ => vm_hooks::start(frames).map_err(|error| vm.new_value_error(error.to_string())),
        }
    }

    /// Refuses this thread's requests for memory from number `first` to `last`, counted from now on:
    /// of the calls below the tracer that each leads to the first `calls`.
    #[pyfunction]
    fn refuse(first: u64, last: u64, calls: u32) {
        refusing::refuse(first, last, calls);
    }

    /// Refuses nothing any more. Gives (how many requests there were, how many calls below the tracer
    /// were refused, a sum of all requests).
    #[pyfunction]
    fn refuse_nothing() -> (u64, u32, u64) {
        refusing::refuse_nothing()
    }

    /// Bytes that get_traced_memory() counts, and the sum of the sizes of all traces of a snapshot.
    #[pyfunction]
    fn traced_bytes(vm: &VirtualMachine) -> PyResult<(u64, u64)> {
        let counted = vm_hooks::traced_memory().0;
        let snapshot =
            vm_hooks::take_snapshot().map_err(|error| vm.new_memory_error(error.to_string()))?;
        let traced = snapshot.traces().map(|trace| trace.size as u64).sum();
        Ok((counted, traced))
    }

    pub(crate) fn module_exec(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
        __module_exec(vm, module);
        let get_traceback = module.get_attr("tracemalloc_get_traceback", vm)?;
        let internal = vm.import("_testinternalcapi", 0)?;
        internal.set_attr("_PyTraceMalloc_GetTraceback", get_traceback, vm)
    }
}
