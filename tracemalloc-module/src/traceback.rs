//! `tracemalloc.Traceback`: a sequence of frames, the oldest first.
//!
//! Invariant: equality, order and hash are those of the tuple of frames; the total number of
//! frames does not count.

use crate::attr::{self, Attr};
use crate::frame::PyFrame;
use crate::text::Words;
use rustpython_vm::builtins::{PySlice, PyStrRef, PyTuple, PyTupleRef};
use rustpython_vm::common::lock::LazyLock;
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::function::ArgIntoBool;
use rustpython_vm::protocol::{PyMappingMethods, PySequenceMethods};
use rustpython_vm::types::{
    AsMapping, AsSequence, Comparable, Constructor, DefaultConstructor, Hashable, Initializer,
    Representable,
};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, Traverse, VirtualMachine,
    atomic_func, pyclass,
};

/// Sequence of Frame instances, from the oldest frame to the most recent one.
#[pyclass(module = false, name = "Traceback", traverse)]
#[derive(Debug, PyPayload)]
pub(crate) struct PyTraceback {
    #[pymember(writable)]
    _frames: Attr,
    #[pymember(writable)]
    _total_nframe: Attr,
}

impl Default for PyTraceback {
    fn default() -> Self {
        Self {
            _frames: Attr::from(None),
            _total_nframe: Attr::from(None),
        }
    }
}

impl PyTraceback {
    /// Of frame tuples, the oldest first.
    pub(crate) fn of(frames: PyTupleRef, vm: &VirtualMachine) -> PyRef<Self> {
        let this = Self {
            _frames: attr::attr(frames),
            _total_nframe: attr::attr(vm.ctx.none()),
        };
        this.into_ref(&vm.ctx)
    }

    /// Of a sequence of frame tuples, the most recent first.
    pub(crate) fn reversed(
        frames: &PyObject,
        total_nframe: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Self>> {
        let this = Self::default().into_ref(&vm.ctx);
        this.set(frames, total_nframe, vm)?;
        Ok(this)
    }

    fn set(&self, frames: &PyObject, total: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
        let mut frames: Vec<PyObjectRef> = vm.extract_elements_with(frames, Ok)?;
        frames.reverse();
        attr::set(&self._frames, PyTuple::new_ref(frames, &vm.ctx), vm);
        attr::set(&self._total_nframe, total, vm);
        Ok(())
    }

    fn tuple(&self, vm: &VirtualMachine) -> PyObjectRef {
        attr::get(&self._frames, vm)
    }
}

#[pyclass(
    flags(BASETYPE, HEAPTYPE, SEQUENCE),
    with(
        Constructor,
        Initializer,
        AsSequence,
        AsMapping,
        Comparable,
        Hashable,
        Representable
    )
)]
impl PyTraceback {
    #[pyattr]
    fn __slots__(ctx: &rustpython_vm::Context) -> PyObjectRef {
        crate::module::names(&["_frames", "_total_nframe"], ctx)
    }

    /// How many frames the traceback had before it was cut to the limit; None where that is not
    /// known.
    #[pygetset]
    fn total_nframe(zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        attr::get(&zelf._total_nframe, vm)
    }

    /// Format the traceback as a list of lines, with the lines of the sources where linecache
    /// finds them.
    ///
    /// A positive *limit* keeps the *limit* most recent frames, a negative one the abs(*limit*)
    /// oldest frames. *most_recent_first* turns the order round.
    #[pymethod]
    fn format(zelf: &Py<Self>, args: FormatArgs, vm: &VirtualMachine) -> PyResult {
        let mut frames: Vec<PyObjectRef> = vm.extract_elements_with(&zelf.tuple(vm), Ok)?;
        if let Some(limit) = args.limit {
            let limit = limit.try_index(vm)?;
            let limit: isize = limit.try_to_primitive(vm).unwrap_or_else(|_| {
                let negative = limit.as_bigint() < &0.into();
                if negative { isize::MIN } else { isize::MAX }
            });
            let keep = limit.unsigned_abs().min(frames.len());
            if limit > 0 {
                frames.drain(..frames.len() - keep);
            } else {
                frames.truncate(keep);
            }
        }
        if args.most_recent_first.into_bool() {
            frames.reverse();
        }
        let getline = crate::module::attribute("linecache", vm)?.get_attr("getline", vm)?;
        let mut lines = Vec::new();
        for frame in frames {
            let (file, line) = (frame.get_item(&0_usize, vm)?, frame.get_item(&1_usize, vm)?);
            let place = Words::new(vm).put("  File \"").str_of(&file)?;
            let place = place.put("\", line ").str_of(&line)?.done();
            lines.push(vm.ctx.new_str(place).into());
            let source = getline.call((file, line), vm)?;
            let source = vm.call_method(&source, "strip", ())?;
            if source.clone().try_to_bool(vm)? {
                let source = Words::new(vm).put("    ").str_of(&source)?.done();
                lines.push(vm.ctx.new_str(source).into());
            }
        }
        Ok(vm.ctx.new_list(lines).into())
    }

    fn getitem(zelf: &Py<Self>, index: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        let item = zelf.tuple(vm).get_item(&*index, vm)?;
        if index.downcast_ref::<PySlice>().is_none() {
            return Ok(PyFrame::of(item, vm).into());
        }
        let frames: Vec<PyObjectRef> =
            vm.extract_elements_with(&item, |frame| Ok(PyFrame::of(frame, vm).into()))?;
        Ok(PyTuple::new_ref(frames, &vm.ctx).into())
    }

    fn contains(zelf: &Py<Self>, frame: &PyObject, vm: &VirtualMachine) -> PyResult<bool> {
        let frame = frame.get_attr("_frame", vm)?;
        vm._contains(&zelf.tuple(vm), &frame)
    }

    #[pyslot]
    fn slot_str(zelf: &PyObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
        zelf.get_item(&0_usize, vm)?.str(vm)
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, _protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::state(zelf.as_object(), &["_frames", "_total_nframe"], vm)
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct TracebackArgs {
    #[pyarg(any)]
    frames: PyObjectRef,
    #[pyarg(any, default, py_default = "None")]
    total_nframe: Option<PyObjectRef>,
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct FormatArgs {
    #[pyarg(any, default, py_default = "None")]
    limit: Option<PyObjectRef>,
    #[pyarg(any, default = ArgIntoBool::FALSE)]
    most_recent_first: ArgIntoBool,
}

impl DefaultConstructor for PyTraceback {}

impl Initializer for PyTraceback {
    type Args = TracebackArgs;

    fn init(zelf: &Py<Self>, args: TracebackArgs, vm: &VirtualMachine) -> PyResult<()> {
        let total = args.total_nframe.unwrap_or_else(|| vm.ctx.none());
        zelf.set(&args.frames, total, vm)
    }
}

impl AsSequence for PyTraceback {
    fn as_sequence() -> &'static PySequenceMethods {
        static METHODS: LazyLock<PySequenceMethods> = LazyLock::new(|| PySequenceMethods {
            length: atomic_func!(|seq, vm| {
                PyTraceback::sequence_downcast(seq).tuple(vm).length(vm)
            }),
            item: atomic_func!(|seq, i, vm| {
                let frames = PyTraceback::sequence_downcast(seq).tuple(vm);
                let item = frames.get_item(&*vm.new_pyobj(i), vm)?;
                Ok(PyFrame::of(item, vm).into())
            }),
            contains: atomic_func!(|seq, frame, vm| {
                PyTraceback::contains(PyTraceback::sequence_downcast(seq), frame, vm)
            }),
            ..PySequenceMethods::NOT_IMPLEMENTED
        });
        &METHODS
    }
}

impl AsMapping for PyTraceback {
    fn as_mapping() -> &'static PyMappingMethods {
        static METHODS: LazyLock<PyMappingMethods> = LazyLock::new(|| PyMappingMethods {
            length: atomic_func!(|mapping, vm| {
                PyTraceback::mapping_downcast(mapping).tuple(vm).length(vm)
            }),
            subscript: atomic_func!(|mapping, index, vm| {
                let zelf = PyTraceback::mapping_downcast(mapping);
                PyTraceback::getitem(zelf, index.to_owned(), vm)
            }),
            ..PyMappingMethods::NOT_IMPLEMENTED
        });
        &METHODS
    }
}

attr::compares_as_tuple!(PyTraceback, ordered);

impl Representable for PyTraceback {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let frames: Vec<PyObjectRef> = vm.extract_elements_with(zelf.as_object(), Ok)?;
        let frames = PyTuple::new_ref(frames, &vm.ctx);
        let words = Words::new(vm)
            .put("<Traceback ")
            .repr_of(frames.as_object())?;
        let total = attr::get(&zelf._total_nframe, vm);
        if vm.is_none(&total) {
            return Ok(words.put(">").done());
        }
        let words = words.put(" total_nframe=").str_of(&total)?;
        Ok(words.put(">").done())
    }
}
