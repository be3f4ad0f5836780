//! `tracemalloc.Trace`, and `_Traces`: the sequence of traces of a snapshot.
//!
//! Invariant: a sequence holds either the snapshot's columns or a Python sequence of raw traces.
//! Columns become a list when a program asks for the list itself (`_traces`) or walks over all
//! of it; from then on the list is the truth, since the program may change it.

use crate::attr::{self, Attr};
use crate::names::Names;
use crate::raw;
use crate::text::Words;
use crate::traceback::PyTraceback;
use rustpython_vm::builtins::{PyList, PySlice, PyStrRef, PyTuple};
use rustpython_vm::common::lock::{LazyLock, PyMutex};
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::function::{PyComparisonValue, PySetterValue};
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

    fn tuple(&self, vm: &VirtualMachine) -> PyObjectRef {
        attr::get(&self._trace, vm)
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
        zelf.tuple(vm).get_item(&0_usize, vm)
    }

    /// The size of the block in bytes.
    #[pygetset]
    fn size(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        zelf.tuple(vm).get_item(&1_usize, vm)
    }

    /// The traceback that allocated the block.
    #[pygetset]
    fn traceback(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<PyRef<PyTraceback>> {
        let trace: Vec<PyObjectRef> = vm.extract_elements_with(&zelf.tuple(vm), Ok)?;
        let Some(frames) = trace.get(2) else {
            return Err(vm.new_type_error("a trace is a tuple of a domain, a size and frames"));
        };
        let total = trace.get(3).cloned().unwrap_or_else(|| vm.ctx.none());
        PyTraceback::reversed(frames, total, vm)
    }

    #[pyslot]
    fn slot_str(zelf: &PyObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
        let words = Words::new(vm)
            .str_of(&*zelf.get_attr("traceback", vm)?)?
            .put(": ")
            .size(&*zelf.get_attr("size", vm)?, false)?;
        Ok(vm.ctx.new_str(words.done()))
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, _protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::state(zelf.as_object(), &["_trace"], vm)
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct TraceArgs {
    #[pyarg(any)]
    trace: PyObjectRef,
}

impl DefaultConstructor for PyTrace {}

impl Initializer for PyTrace {
    type Args = TraceArgs;

    fn init(zelf: &Py<Self>, args: TraceArgs, vm: &VirtualMachine) -> PyResult<()> {
        attr::set(&zelf._trace, args.trace, vm);
        Ok(())
    }
}

attr::compares_as_tuple!(PyTrace);

impl Representable for PyTrace {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let zelf = zelf.as_object();
        let words = Words::new(vm)
            .put("<Trace domain=")
            .str_of(&*zelf.get_attr("domain", vm)?)?
            .put(" size=")
            .size(&*zelf.get_attr("size", vm)?, false)?
            .put(", traceback=")
            .repr_of(&*zelf.get_attr("traceback", vm)?)?;
        Ok(words.put(">").done())
    }
}

/// Where the traces are.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    Columns(Snapshot),
    Objects(PyObjectRef),
}

/// Sequence of Trace instances.
#[pyclass(module = false, name = "_Traces")]
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
    pub(crate) fn rows(&self, vm: &VirtualMachine) -> Rows {
        let rows = self.rows.lock().clone();
        rows.unwrap_or_else(|| Rows::Objects(vm.ctx.new_list(Vec::new()).into()))
    }

    /// The rows as Python objects, which they are from now on.
    pub(crate) fn objects(&self, vm: &VirtualMachine) -> PyObjectRef {
        let objects: PyObjectRef = match self.rows(vm) {
            Rows::Objects(objects) => return objects,
            Rows::Columns(snapshot) => vm.ctx.new_list(raw::traces_of(&snapshot, vm)).into(),
        };
        let mut rows = self.rows.lock();
        if let Some(Rows::Objects(first)) = &*rows {
            // Another thread was faster; there is one list.
            return first.clone();
        }
        *rows = Some(Rows::Objects(objects.clone()));
        objects
    }

    fn len(&self, vm: &VirtualMachine) -> PyResult<usize> {
        match self.rows(vm) {
            Rows::Columns(snapshot) => Ok(snapshot.len()),
            Rows::Objects(objects) => objects.length(vm),
        }
    }

    fn item(&self, index: isize, vm: &VirtualMachine) -> PyResult {
        let trace = match self.rows(vm) {
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
        Ok(PyTrace::of(trace, vm).into())
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
    fn get_traces(zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        zelf.objects(vm)
    }

    #[pygetset(name = "_traces", setter)]
    fn set_traces(zelf: &Py<Self>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        let PySetterValue::Assign(traces) = value else {
            return Err(vm.new_attribute_error("_traces cannot be deleted"));
        };
        *zelf.rows.lock() = Some(Rows::Objects(traces));
        Ok(())
    }

    fn getitem(zelf: &Py<Self>, index: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        if index.downcast_ref::<PySlice>().is_some() {
            let rows = zelf.objects(vm).get_item(&*index, vm)?;
            let traces: Vec<PyObjectRef> =
                vm.extract_elements_with(&rows, |trace| Ok(PyTrace::of(trace, vm).into()))?;
            return Ok(PyTuple::new_ref(traces, &vm.ctx).into());
        }
        if let Rows::Objects(objects) = zelf.rows(vm) {
            return Ok(PyTrace::of(objects.get_item(&*index, vm)?, vm).into());
        }
        let index = index.try_index(vm)?;
        match index.try_to_primitive(vm) {
            Ok(index) => zelf.item(index, vm),
            Err(_) => Err(vm.new_index_error("cannot fit 'int' into an index-sized integer")),
        }
    }

    fn contains(zelf: &Py<Self>, trace: &PyObject, vm: &VirtualMachine) -> PyResult<bool> {
        let trace = trace.get_attr("_trace", vm)?;
        vm._contains(&zelf.objects(vm), &trace)
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, _protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        let state = vm.ctx.new_dict();
        if let Some(dict) = zelf.as_object().dict() {
            for (name, value) in dict {
                state.set_item(&*name, value, vm)?;
            }
        }
        state.set_item("_traces", zelf.objects(vm), vm)?;
        Ok(state.into())
    }

    #[pymethod]
    fn __setstate__(zelf: &Py<Self>, state: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
        crate::module::set_attributes(zelf.as_object(), &state, vm)
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct TracesArgs {
    #[pyarg(any)]
    traces: PyObjectRef,
}

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
        // `map(Trace, rows)`: one trace at a time, whatever the rows are.
        let rows = zelf.objects(vm).get_iter(vm)?;
        let map = vm.builtins.get_attr("map", vm)?;
        let class: PyObjectRef = <PyTrace as rustpython_vm::class::StaticType>::static_type()
            .to_owned()
            .into();
        map.call((class, PyObjectRef::from(rows)), vm)
    }
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
            vm.bool_eq(&zelf.objects(vm), &other.objects(vm))
                .map(PyComparisonValue::Implemented)
        })
    }
}

impl Representable for PyTraces {
    fn repr_str(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<String> {
        Ok(format!("<Traces len={}>", zelf.len(vm)?))
    }
}

/// A list with the same elements.
pub(crate) fn copied(objects: &PyObject, vm: &VirtualMachine) -> PyResult {
    match objects.downcast_ref::<PyList>() {
        Some(list) => Ok(vm.ctx.new_list(list.borrow_vec().to_vec()).into()),
        None => vm.call_method(objects, "copy", ()),
    }
}
