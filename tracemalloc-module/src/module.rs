//! `tracemalloc`: what is in it, and the two functions that need the classes.
//!
//! Invariant: the functions of `_tracemalloc` are in here too, the same objects, as in Python;
//! `take_snapshot` calls them by their names in this module, so that a test which patches a name
//! has its effect.

use rustpython_vm::builtins::{PyDict, PyDictRef, PyStrRef, PyTuple};
use rustpython_vm::{
    AsObject, Context, PyObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine, identifier,
    pymodule,
};

/// A tuple of names, for `__slots__`.
pub(crate) fn names(names: &[&'static str], ctx: &Context) -> PyObjectRef {
    let names = names.iter().map(|name| ctx.new_str(*name).into());
    PyTuple::new_ref(names.collect(), ctx).into()
}

/// An argument that is asked for its truth, but kept as it is; False by default.
#[derive(Default)]
pub(crate) struct Flag(Option<PyObjectRef>);

impl Flag {
    pub(crate) fn object(self, vm: &VirtualMachine) -> PyObjectRef {
        self.0.unwrap_or_else(|| vm.ctx.new_bool(false).into())
    }
}

impl TryFromObject for Flag {
    fn try_from_object(_vm: &VirtualMachine, flag: PyObjectRef) -> PyResult<Self> {
        Ok(Self(Some(flag)))
    }
}

/// What a name in this module means now.
pub(crate) fn attribute(name: &'static str, vm: &VirtualMachine) -> PyResult {
    vm.import("tracemalloc", 0)?.get_attr(name, vm)
}

/// Sets the attributes in a state dict, as unpickling does.
pub(crate) fn set_attributes(
    object: &PyObject,
    state: &PyObject,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let Some(state) = state.downcast_ref::<PyDict>() else {
        return Err(vm.new_type_error("the state of an object must be a dict"));
    };
    let state: PyDictRef = state.to_owned();
    for (name, value) in state {
        let name = name.try_into_value::<PyStrRef>(vm)?;
        object.set_attr(&name, value, vm)?;
    }
    Ok(())
}

/// Trace the memory blocks that Python allocates.
#[pymodule]
pub(crate) mod tracemalloc {
    use super::*;
    use crate::filter::{PyBaseFilter, PyDomainFilter, PyFilter};
    use crate::frame::PyFrame;
    use crate::py_snapshot::PySnapshot;
    use crate::statistic::{PyStatistic, PyStatisticDiff};
    use crate::trace::{PyTrace, PyTraces};
    use crate::traceback::PyTraceback;
    use rustpython_vm::builtins::PyModule;
    use rustpython_vm::class::PyClassImpl;
    use rustpython_vm::function::PosArgs;
    use rustpython_vm::types::PyTypeFlags;
    use rustpython_vm::{FromArgs, Py};
    use vm_hooks::SnapshotError;

    /// Take a snapshot of the traces of all memory blocks.
    ///
    /// RuntimeError: tracing is off.
    #[pyfunction]
    fn take_snapshot(vm: &VirtualMachine) -> PyResult {
        const USED: [&str; 3] = ["is_tracing", "_get_traces", "get_traceback_limit"];
        let native = vm.import("_tracemalloc", 0)?;
        for name in USED {
            if !attribute(name, vm)?.is(&native.get_attr(name, vm)?) {
                return take_snapshot_by_name(vm);
            }
        }
        match vm_hooks::take_snapshot() {
            Ok(snapshot) => PySnapshot::of(snapshot, vm),
            Err(SnapshotError::NotTracing) => Err(not_tracing(vm)),
            Err(error) => Err(vm.new_memory_error(error.to_string())),
        }
    }

    fn not_tracing(vm: &VirtualMachine) -> rustpython_vm::builtins::PyBaseExceptionRef {
        vm.new_runtime_error(
            "the tracemalloc module must be tracing memory allocations to take a snapshot",
        )
    }

    fn take_snapshot_by_name(vm: &VirtualMachine) -> PyResult {
        if !attribute("is_tracing", vm)?.call((), vm)?.try_to_bool(vm)? {
            return Err(not_tracing(vm));
        }
        let traces = attribute("_get_traces", vm)?.call((), vm)?;
        let limit = attribute("get_traceback_limit", vm)?.call((), vm)?;
        let class = attribute("Snapshot", vm)?;
        class.call(PosArgs::new(vec![traces, limit]), vm)
    }

    /// Return the traceback that allocated an object, as a Traceback instance.
    ///
    /// None: tracing is off, or was off when the object was allocated.
    #[pyfunction]
    fn get_object_traceback(args: ObjectArgs, vm: &VirtualMachine) -> PyResult {
        let frames = attribute("_get_object_traceback", vm)?.call((args.obj,), vm)?;
        if vm.is_none(&frames) {
            return Ok(frames);
        }
        Ok(PyTraceback::reversed(&frames, vm.ctx.none(), vm)?.into())
    }

    #[derive(FromArgs)]
    struct ObjectArgs {
        #[pyarg(any)]
        obj: PyObjectRef,
    }

    #[pyfunction]
    fn _format_size(size: PyObjectRef, sign: PyObjectRef, vm: &VirtualMachine) -> PyResult<String> {
        let size = size.try_float(vm)?.to_f64();
        Ok(snapshot::format_size(size, sign.try_to_bool(vm)?))
    }

    pub(crate) fn module_exec(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
        __module_exec(vm, module);
        let ctx = &vm.ctx;
        // A class after its base.
        let classes = [
            ("BaseFilter", PyBaseFilter::make_static_type()),
            ("DomainFilter", PyDomainFilter::make_static_type()),
            ("Filter", PyFilter::make_static_type()),
            ("Frame", PyFrame::make_static_type()),
            ("Snapshot", PySnapshot::make_static_type()),
            ("Statistic", PyStatistic::make_static_type()),
            ("StatisticDiff", PyStatisticDiff::make_static_type()),
            ("Trace", PyTrace::make_static_type()),
            ("Traceback", PyTraceback::make_static_type()),
            ("_Traces", PyTraces::make_static_type()),
        ];
        for (name, class) in classes {
            // In Python they are classes written in Python: their attributes can be set, and
            // messages show their names alone.
            class.slots.flags.remove(PyTypeFlags::IMMUTABLETYPE);
            class.set_attr(
                identifier!(vm, __module__),
                ctx.new_str("tracemalloc").into(),
            );
            module.set_attr(ctx.intern_str(name), class, vm)?;
        }
        let native = vm.import("_tracemalloc", 0)?;
        for name in [
            "clear_traces",
            "get_traceback_limit",
            "get_traced_memory",
            "get_tracemalloc_memory",
            "is_tracing",
            "reset_peak",
            "start",
            "stop",
            "_get_object_traceback",
            "_get_traces",
        ] {
            module.set_attr(ctx.intern_str(name), native.get_attr(name, vm)?, vm)?;
        }
        module.set_attr("linecache", vm.import("linecache", 0)?, vm)?;
        module.set_attr("__file__", file_name(vm), vm)?;
        be_sequences(vm)
    }

    /// Where Python's own module would lie, for the programs that filter on it.
    fn file_name(vm: &VirtualMachine) -> PyObjectRef {
        let name = match vm.state.config.paths.stdlib_dir.as_deref() {
            Some(dir) => format!("{dir}/tracemalloc.py"),
            None => "tracemalloc.py".to_owned(),
        };
        vm.ctx.new_str(name).into()
    }

    /// Registers the sequences as such, and gives them the methods that follow from that.
    fn be_sequences(vm: &VirtualMachine) -> PyResult<()> {
        let sequence = vm.import("_collections_abc", 0)?.get_attr("Sequence", vm)?;
        for class in [
            PyTraceback::make_static_type(),
            PyTraces::make_static_type(),
        ] {
            for name in ["__reversed__", "count", "index"] {
                class.set_attr(vm.ctx.intern_str(name), sequence.get_attr(name, vm)?);
            }
            vm.call_method(&sequence, "register", (class,))?;
        }
        Ok(())
    }
}
