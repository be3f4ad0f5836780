//! `tracemalloc.Trace`, and `_Traces`: the sequence of traces of a snapshot.
//!
//! Invariant: a sequence holds either the snapshot's columns or a Python sequence of raw traces.
//! Columns become a list when a program asks for the list itself (`_traces`) or walks over all
//! of it; from then on the list is the truth, since the program may change it.

use crate::arguments::arguments;
use crate::attr::{self, Attr};
use crate::names::Names;
use crate::text::{self, Words};
use crate::traceback::PyTraceback;
use crate::{objects, originals, raw};
use rustpython_vm::builtins::{PyInt, PySlice, PyStrRef, PyTuple};
use rustpython_vm::class::StaticType;
use rustpython_vm::common::lock::{LazyLock, PyMutex};
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::function::{PyComparisonValue, PySetterValue};
use rustpython_vm::object::{self, TraverseFn};
use rustpython_vm::protocol::{PyMappingMethods, PySequenceMethods};
use rustpython_vm::types::{
    AsMapping, AsSequence, Comparable, Constructor, DefaultConstructor, Hashable, Initializer,
    Iterable, PyComparisonOp, Representable,
};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, Traverse, VirtualMachine,
    atomic_func, class_or_notimplemented, pyclass,
};
use snapshot::Snapshot;

/// Trace of a memory block: its domain, its size in bytes and the traceback that allocated it.
#[pyclass(module = false, name = "Trace", traverse)]
#[derive(Debug, PyPayload)]
pub(crate) struct PyTrace {
    #[pymember(writable)]
    _trace: Attr,
}

impl Default for PyTrace {
    fn default() -> Self {
        Self {
            _trace: Attr::from(None),
        }
    }
}

impl PyTrace {
    fn of(trace: PyObjectRef, vm: &VirtualMachine) -> PyRef<Self> {
        let _trace = attr::attr(trace);
        Self { _trace }.into_ref(&vm.ctx)
    }

    /// What `Trace` makes of a raw trace now.
    fn by_name(trace: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        if originals::means("Trace", Self::static_type(), vm) {
            return Ok(Self::of(trace, vm).into());
        }
        originals::instance("Trace", vec![trace], vm)
    }

    fn raw(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::get(zelf.as_object(), &zelf._trace, "_trace", vm)
    }
}

#[pyclass(
    flags(BASETYPE, HEAPTYPE),
    with(Constructor, Initializer, Comparable, Hashable, Representable)
)]
impl PyTrace {
    #[pyattr]
    fn __slots__(ctx: &rustpython_vm::Context) -> PyObjectRef {
        crate::module::names(&["_trace"], ctx)
    }

    /// The domain of the block; 0 is Python's own.
    #[pygetset]
    fn domain(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        Self::raw(zelf, vm)?.get_item(&0_usize, vm)
    }

    #[pygetset(setter)]
    fn set_domain(zelf: &Py<Self>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        attr::read_only(zelf.as_object(), "domain", &value, vm)
    }

    /// The size of the block in bytes.
    #[pygetset]
    fn size(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        Self::raw(zelf, vm)?.get_item(&1_usize, vm)
    }

    #[pygetset(setter)]
    fn set_size(zelf: &Py<Self>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        attr::read_only(zelf.as_object(), "size", &value, vm)
    }

    /// The traceback that allocated the block.
    #[pygetset]
    fn traceback(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        let rest = objects::slice(Some(vm.ctx.new_int(2).into()), vm.ctx.none(), vm);
        let rest = Self::raw(zelf, vm)?.get_item(&*rest, vm)?;
        let rest: Vec<PyObjectRef> = vm.extract_elements_with(&rest, Ok)?;
        if let [frames, total] = rest.as_slice()
            && originals::means("Traceback", PyTraceback::static_type(), vm)
        {
            return Ok(PyTraceback::reversed(frames, total.clone(), vm)?.into());
        }
        originals::instance("Traceback", rest, vm)
    }

    #[pygetset(setter)]
    fn set_traceback(zelf: &Py<Self>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        attr::read_only(zelf.as_object(), "traceback", &value, vm)
    }

    #[pyslot]
    fn slot_str(zelf: &PyObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
        let words = Words::new(vm).str_of(&*zelf.get_attr("traceback", vm)?)?;
        let size = text::size(zelf.get_attr("size", vm)?, false, vm)?;
        Ok(vm.ctx.new_str(words.put(": ").str_of(&size)?.done()))
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, protocol, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::state(zelf.as_object(), vm)
    }
}

arguments! { pub(crate) struct TraceArgs of method "Trace.__init__" (trace) }

impl DefaultConstructor for PyTrace {}

impl Initializer for PyTrace {
    type Args = TraceArgs;

    fn init(zelf: &Py<Self>, args: TraceArgs, vm: &VirtualMachine) -> PyResult<()> {
        attr::set(&zelf._trace, args.trace, vm);
        Ok(())
    }
}

attr::compares_by_parts!(PyTrace, equality only, _trace);

impl Representable for PyTrace {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let zelf = zelf.as_object();
        let words = Words::new(vm).put("<Trace domain=");
        let words = words.str_of(&*zelf.get_attr("domain", vm)?)?;
        let size = text::size(zelf.get_attr("size", vm)?, false, vm)?;
        let words = words.put(" size=").str_of(&size)?.put(", traceback=");
        let words = words.repr_of(&*zelf.get_attr("traceback", vm)?)?;
        Ok(words.put(">").done())
    }
}

/// Where the traces are.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    Columns(Snapshot),
    Objects(PyObjectRef),
}

// SAFETY: columns hold no Python objects; the other kind is one, and it is visited.
unsafe impl object::Traverse for Rows {
    fn traverse(&self, visit: &mut TraverseFn<'_>) {
        if let Self::Objects(objects) = self {
            objects.traverse(visit);
        }
    }
}

/// Sequence of Trace instances.
#[pyclass(module = false, name = "_Traces", unhashable = true, traverse)]
#[derive(Debug, PyPayload)]
pub(crate) struct PyTraces {
    rows: PyMutex<Option<Rows>>,
}

impl Default for PyTraces {
    fn default() -> Self {
        Self {
            rows: PyMutex::new(None),
        }
    }
}

impl PyTraces {
    pub(crate) fn of(rows: Rows, vm: &VirtualMachine) -> PyRef<Self> {
        let rows = PyMutex::new(Some(rows));
        Self { rows }.into_ref(&vm.ctx)
    }

    /// The rows as they are now.
    pub(crate) fn rows(&self, vm: &VirtualMachine) -> PyResult<Rows> {
        let rows = self.rows.lock().clone();
        rows.ok_or_else(|| vm.new_attribute_error("'_Traces' object has no attribute '_traces'"))
    }

    /// The rows as Python objects, which they are from now on.
    pub(crate) fn objects(&self, vm: &VirtualMachine) -> PyResult {
        let objects: PyObjectRef = match self.rows(vm)? {
            Rows::Objects(objects) => return Ok(objects),
            Rows::Columns(snapshot) => vm.ctx.new_list(raw::traces_of(&snapshot, vm)).into(),
        };
        let mut rows = self.rows.lock();
        if let Some(Rows::Objects(first)) = &*rows {
            // Another thread was faster; there is one list.
            return Ok(first.clone());
        }
        *rows = Some(Rows::Objects(objects.clone()));
        Ok(objects)
    }

    fn len(&self, vm: &VirtualMachine) -> PyResult<usize> {
        match self.rows(vm)? {
            Rows::Columns(snapshot) => Ok(snapshot.len()),
            Rows::Objects(objects) => objects.length(vm),
        }
    }

    fn item(&self, index: isize, vm: &VirtualMachine) -> PyResult {
        let trace = match self.rows(vm)? {
            Rows::Columns(snapshot) => {
                let at = match index {
                    0.. => Some(index as usize),
                    _ => snapshot.len().checked_sub(index.unsigned_abs()),
                };
                let Some(trace) = at.and_then(|at| snapshot.trace(at)) else {
                    return Err(vm.new_index_error("list index out of range"));
                };
                raw::trace(&mut Names::new(&snapshot), &snapshot, trace, vm)
            }
            Rows::Objects(objects) => objects.get_item(&*vm.new_pyobj(index), vm)?,
        };
        PyTrace::by_name(trace, vm)
    }
}

#[pyclass(
    flags(BASETYPE, HEAPTYPE, SEQUENCE, HAS_DICT, HAS_WEAKREF),
    with(
        Constructor,
        Initializer,
        AsSequence,
        AsMapping,
        Iterable,
        Comparable,
        Representable
    )
)]
impl PyTraces {
    #[pygetset(name = "_traces")]
    fn get_traces(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        zelf.objects(vm)
    }

    #[pygetset(name = "_traces", setter)]
    fn set_traces(zelf: &Py<Self>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        if let PySetterValue::Assign(traces) = value {
            *zelf.rows.lock() = Some(Rows::Objects(traces));
            return Ok(());
        }
        zelf.rows(vm)?;
        let gone = zelf.rows.lock().take();
        drop(gone);
        Ok(())
    }

    fn getitem(zelf: &Py<Self>, index: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        if index.downcast_ref::<PySlice>().is_some() {
            let rows = zelf.objects(vm)?.get_item(&*index, vm)?;
            let traces = vm.extract_elements_with(&rows, |trace| PyTrace::by_name(trace, vm))?;
            return Ok(PyTuple::new_ref(traces, &vm.ctx).into());
        }
        if let Rows::Columns(_) = zelf.rows(vm)?
            && let Some(index) = index.downcast_ref::<PyInt>()
            && let Ok(index) = isize::try_from(index.as_bigint())
        {
            return zelf.item(index, vm);
        }
        PyTrace::by_name(zelf.objects(vm)?.get_item(&*index, vm)?, vm)
    }

    fn contains(zelf: &Py<Self>, trace: &PyObject, vm: &VirtualMachine) -> PyResult<bool> {
        let trace = trace.get_attr("_trace", vm)?;
        vm._contains(&*zelf.objects(vm)?, &trace)
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, protocol, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        let state = vm.ctx.new_dict();
        if zelf.rows(vm).is_ok() {
            state.set_item("_traces", zelf.objects(vm)?, vm)?;
        }
        if let Some(dict) = zelf.as_object().dict() {
            for (name, value) in dict {
                state.set_item(&*name, value, vm)?;
            }
        }
        Ok(match state.is_empty() {
            true => vm.ctx.none(),
            false => state.into(),
        })
    }

    #[pymethod]
    fn __setstate__(zelf: &Py<Self>, state: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
        crate::module::set_attributes(zelf.as_object(), &state, vm)
    }
}

arguments! { pub(crate) struct TracesArgs of method "_Traces.__init__" (traces) }

impl DefaultConstructor for PyTraces {}

impl Initializer for PyTraces {
    type Args = TracesArgs;

    fn init(zelf: &Py<Self>, args: TracesArgs, _vm: &VirtualMachine) -> PyResult<()> {
        *zelf.rows.lock() = Some(Rows::Objects(args.traces));
        Ok(())
    }
}

impl AsSequence for PyTraces {
    fn as_sequence() -> &'static PySequenceMethods {
        static METHODS: LazyLock<PySequenceMethods> = LazyLock::new(|| PySequenceMethods {
            length: atomic_func!(|seq, vm| PyTraces::sequence_downcast(seq).len(vm)),
            item: atomic_func!(|seq, i, vm| PyTraces::sequence_downcast(seq).item(i, vm)),
            contains: atomic_func!(|seq, trace, vm| {
                PyTraces::contains(PyTraces::sequence_downcast(seq), trace, vm)
            }),
            ..PySequenceMethods::NOT_IMPLEMENTED
        });
        &METHODS
    }
}

impl AsMapping for PyTraces {
    fn as_mapping() -> &'static PyMappingMethods {
        static METHODS: LazyLock<PyMappingMethods> = LazyLock::new(|| PyMappingMethods {
            length: atomic_func!(|mapping, vm| PyTraces::mapping_downcast(mapping).len(vm)),
            subscript: atomic_func!(|mapping, index, vm| {
                let zelf = PyTraces::mapping_downcast(mapping);
                PyTraces::getitem(zelf, index.to_owned(), vm)
            }),
            ..PyMappingMethods::NOT_IMPLEMENTED
        });
        &METHODS
    }
}

impl Iterable for PyTraces {
    fn iter(zelf: PyRef<Self>, vm: &VirtualMachine) -> PyResult {
        let rows = zelf.objects(vm)?;
        each("Trace", &rows, zelf.as_object(), vm)
    }
}

/// An iterator over a sequence of rows, each wrapped into what a name in this module means now.
pub(crate) fn each(
    class: &'static str,
    rows: &PyObject,
    sequence: &PyObject,
    vm: &VirtualMachine,
) -> PyResult {
    let plain = [vm.ctx.types.list_type, vm.ctx.types.tuple_type];
    if !plain.iter().any(|class| rows.class().is(*class)) {
        // By index, as `Sequence` does it.
        let by_index = vm.import("_collections_abc", 0)?.get_attr("Sequence", vm)?;
        let by_index = by_index.get_attr("__iter__", vm)?;
        return by_index.call((sequence.to_owned(),), vm);
    }
    let map = vm.builtins.get_attr("map", vm)?;
    let rows: PyObjectRef = rows.get_iter(vm)?.into();
    map.call((originals::attribute(class, vm)?, rows), vm)
}

impl Comparable for PyTraces {
    fn cmp(
        zelf: &Py<Self>,
        other: &PyObject,
        op: PyComparisonOp,
        vm: &VirtualMachine,
    ) -> PyResult<PyComparisonValue> {
        op.eq_only(|| {
            let other = class_or_notimplemented!(Self, other);
            let (ours, theirs) = (zelf.objects(vm)?, other.objects(vm)?);
            attr::holds(&ours, &theirs, PyComparisonOp::Eq, vm).map(PyComparisonValue::Implemented)
        })
    }
}

impl Representable for PyTraces {
    fn repr_str(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<String> {
        Ok(format!("<Traces len={}>", zelf.len(vm)?))
    }
}
