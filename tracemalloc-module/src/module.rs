//! `tracemalloc`: what is in it, and the two functions that need the classes.
//!
//! Invariant: the functions of `_tracemalloc` are in here too, the same objects, as in Python;
//! `take_snapshot` calls them by their names in this module, so that a test which patches a name
//! has its effect.

use crate::arguments::arguments;
use crate::filter::{PyBaseFilter, PyDomainFilter, PyFilter};
use crate::frame::PyFrame;
use crate::originals::{self, attribute};
use crate::py_snapshot::PySnapshot;
use crate::statistic::{DIFF, PyStatistic, PyStatisticDiff, STATISTIC};
use crate::trace::{PyTrace, PyTraces};
use crate::traceback::PyTraceback;
use rustpython_vm::builtins::{PyDict, PyDictRef, PyStrRef, PyTuple, PyType};
use rustpython_vm::class::StaticType;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{
    AsObject, Context, Py, PyObject, PyObjectRef, PyResult, VirtualMachine, pymodule,
};

/// A tuple of names, for `__slots__`.
pub(crate) fn names(names: &[&'static str], ctx: &Context) -> PyObjectRef {
    let names = names.iter().map(|name| ctx.new_str(*name).into());
    PyTuple::new_ref(names.collect(), ctx).into()
}

/// All classes of the module, each after its base.
pub(crate) fn classes() -> [&'static Py<PyType>; 10] {
    [
        PyBaseFilter::static_type(),
        PyDomainFilter::static_type(),
        PyFilter::static_type(),
        PyFrame::static_type(),
        PySnapshot::static_type(),
        PyStatistic::static_type(),
        PyStatisticDiff::static_type(),
        PyTrace::static_type(),
        PyTraceback::static_type(),
        PyTraces::static_type(),
    ]
}

/// The classes with slots, and their names.
fn slots() -> [(&'static Py<PyType>, &'static [&'static str]); 5] {
    [
        (PyFrame::static_type(), &["_frame"]),
        (PyStatistic::static_type(), &STATISTIC),
        (PyStatisticDiff::static_type(), &DIFF),
        (PyTrace::static_type(), &["_trace"]),
        (PyTraceback::static_type(), &["_frames", "_total_nframe"]),
    ]
}

arguments! { struct NoArgs of function "take_snapshot" () }
arguments! { struct ObjectArgs of function "get_object_traceback" (obj) }
arguments! { struct SizeArgs of function "_format_size" (size, sign) }
arguments! { struct NameArgs of function "_normalize_filename" (filename) }
arguments! { struct GroupsArgs of function "_compare_grouped_stats" (old_group, new_group) }

/// Modules that are imported when somebody asks for them here.
const LATER: [&str; 2] = ["fnmatch", "pickle"];

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
    use rustpython_vm::builtins::PyModule;
    use rustpython_vm::class::PyClassImpl;
    use vm_hooks::SnapshotError;

    /// What `take_snapshot` looks up by its name.
    const TAKING: [&str; 5] = [
        "is_tracing",
        "_get_traces",
        "get_traceback_limit",
        "Snapshot",
        "_Traces",
    ];

    /// Take a snapshot of the traces of all memory blocks.
    ///
    /// RuntimeError: tracing is off.
    #[pyfunction]
    fn take_snapshot(_args: NoArgs, vm: &VirtualMachine) -> PyResult {
        if !originals::unpatched(&TAKING, vm) || !originals::unchanged(&classes()) {
            return take_snapshot_by_name(vm);
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
        originals::instance("Snapshot", vec![traces, limit], vm)
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
        originals::instance("Traceback", vec![frames], vm)
    }

    #[pyfunction]
    fn _format_size(args: SizeArgs, vm: &VirtualMachine) -> PyResult {
        crate::text::format_size(args.size, &args.sign, vm)
    }

    #[pyfunction]
    fn _normalize_filename(args: NameArgs, vm: &VirtualMachine) -> PyResult {
        crate::filter::normalized(args.filename, vm)
    }

    #[pyfunction]
    fn _compare_grouped_stats(args: GroupsArgs, vm: &VirtualMachine) -> PyResult {
        crate::objects::compare(&args.old_group, &args.new_group, vm)
    }

    /// Imports what Python's module imports at its start, and hardly anybody asks for here.
    #[pyfunction]
    fn __getattr__(name: PyStrRef, vm: &VirtualMachine) -> PyResult {
        if let Some(later) = LATER
            .iter()
            .find(|later| name.as_bytes() == later.as_bytes())
        {
            return vm.import(*later, 0);
        }
        Err(vm.new_attribute_error(format!("module 'tracemalloc' has no attribute '{name}'")))
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
        for (name, from, what) in [
            ("linecache", "linecache", None),
            ("os", "os", None),
            ("total_ordering", "functools", Some("total_ordering")),
            ("Iterable", "_collections_abc", Some("Iterable")),
            ("Sequence", "_collections_abc", Some("Sequence")),
        ] {
            let mut value = vm.import(from, 0)?;
            if let Some(what) = what {
                value = value.get_attr(what, vm)?;
            }
            module.set_attr(ctx.intern_str(name), value, vm)?;
        }
        module.set_attr("__file__", file_name(vm), vm)?;
        be_sequences(vm)?;
        be_classes_of_python(ctx);
        // The last of all: what was made is what there is to compare with.
        let names = vm.call_method(module.dict().as_object(), "copy", ())?;
        native.set_attr(originals::UNPATCHED, names, vm)
    }

    /// In Python they are classes written in Python: their attributes can be set, and messages
    /// show their names alone.
    fn be_classes_of_python(ctx: &Context) {
        for class in classes() {
            class.slots.flags.remove(PyTypeFlags::IMMUTABLETYPE);
            // One string for all of them: a pickle writes it once.
            let home = ctx.intern_str("tracemalloc").to_owned();
            class.set_attr(ctx.intern_str("__module__"), home.into());
        }
        // `copyreg` would note the names of the slots in the class when it first pickles an
        // instance, and the class would count as changed.
        let noted = ctx.intern_str("__slotnames__");
        for class in classes() {
            class.set_attr(noted, ctx.new_list(Vec::new()).into());
        }
        for (class, names) in slots() {
            crate::attr::be_slots(class, names, ctx);
            let names = names.iter().map(|name| ctx.new_str(*name).into());
            class.set_attr(noted, ctx.new_list(names.collect()).into());
        }
        originals::remember(&classes());
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
