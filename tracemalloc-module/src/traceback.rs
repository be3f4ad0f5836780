//! `tracemalloc.Traceback`: a sequence of frames, the oldest first.
//!
//! Invariant: equality, order and hash are those of the tuple of frames; the total number of
//! frames does not count.

use crate::arguments::arguments;
use crate::attr::{self, Attr};
use crate::frame::PyFrame;
use crate::text::Words;
use crate::{objects, originals};
use rustpython_vm::builtins::{PySlice, PyStrRef, PyTuple, PyTupleRef};
use rustpython_vm::common::lock::LazyLock;
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::function::PySetterValue;
use rustpython_vm::protocol::{PyIterReturn, PyMappingMethods, PySequenceMethods};
use rustpython_vm::types::{
    AsMapping, AsSequence, Comparable, Constructor, DefaultConstructor, Hashable, Initializer,
    Iterable, PyComparisonOp, Representable,
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
        let tuple = frames.downcast_ref_if_exact::<PyTuple>(vm);
        let frames: Vec<PyObjectRef> = match tuple {
            Some(tuple) => tuple.as_slice().iter().rev().cloned().collect(),
            None => {
                let reversed = vm.builtins.get_attr("reversed", vm)?;
                let frames = reversed.call((frames.to_owned(),), vm)?;
                vm.extract_elements_with(&frames, Ok)?
            }
        };
        attr::set(&self._frames, PyTuple::new_ref(frames, &vm.ctx), vm);
        attr::set(&self._total_nframe, total, vm);
        Ok(())
    }

    fn frames(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::get(zelf.as_object(), &zelf._frames, "_frames", vm)
    }
}

#[pyclass(
    flags(BASETYPE, HEAPTYPE, SEQUENCE),
    with(
        Constructor,
        Initializer,
        AsSequence,
        AsMapping,
        Iterable,
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
    fn total_nframe(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::get(zelf.as_object(), &zelf._total_nframe, "_total_nframe", vm)
    }

    #[pygetset(setter)]
    fn set_total_nframe(
        zelf: &Py<Self>,
        value: PySetterValue,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        attr::read_only(zelf.as_object(), "total_nframe", &value, vm)
    }

    /// Format the traceback as a list of lines, with the lines of the sources where linecache
    /// finds them.
    ///
    /// A positive *limit* keeps the *limit* most recent frames, a negative one the abs(*limit*)
    /// oldest frames. *most_recent_first* turns the order round.
    #[pymethod]
    fn format(zelf: &Py<Self>, args: FormatArgs, vm: &VirtualMachine) -> PyResult {
        let mut frames = zelf.as_object().to_owned();
        if !vm.is_none(&args.limit) {
            frames = frames.get_item(&*kept(&args.limit, vm)?, vm)?;
        }
        if args.most_recent_first.try_to_bool(vm)? {
            frames = vm.builtins.get_attr("reversed", vm)?.call((frames,), vm)?;
        }
        let frames = frames.get_iter(vm)?;
        let mut lines = Vec::new();
        while let PyIterReturn::Return(frame) = frames.next(vm)? {
            let words = Words::new(vm).put("  File \"");
            let words = words.str_of(&*frame.get_attr("filename", vm)?)?;
            let words = words.put("\", line ");
            let words = words.str_of(&*frame.get_attr("lineno", vm)?)?;
            lines.push(vm.ctx.new_str(words.done()).into());
            let (file, line) = (
                frame.get_attr("filename", vm)?,
                frame.get_attr("lineno", vm)?,
            );
            let getline = originals::attribute("linecache", vm)?.get_attr("getline", vm)?;
            let source = getline.call((file, line), vm)?;
            let source = vm.call_method(&source, "strip", ())?;
            if source.clone().try_to_bool(vm)? {
                let words = Words::new(vm).put("    ").str_of(&source)?;
                lines.push(vm.ctx.new_str(words.done()).into());
            }
        }
        Ok(vm.ctx.new_list(lines).into())
    }

    fn getitem(zelf: &Py<Self>, index: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        let item = Self::frames(zelf, vm)?.get_item(&*index, vm)?;
        if index.downcast_ref::<PySlice>().is_none() {
            return PyFrame::by_name(item, vm);
        }
        let frames = vm.extract_elements_with(&item, |frame| PyFrame::by_name(frame, vm))?;
        Ok(PyTuple::new_ref(frames, &vm.ctx).into())
    }

    fn contains(zelf: &Py<Self>, frame: &PyObject, vm: &VirtualMachine) -> PyResult<bool> {
        let frame = frame.get_attr("_frame", vm)?;
        vm._contains(&*Self::frames(zelf, vm)?, &frame)
    }

    #[pyslot]
    fn slot_str(zelf: &PyObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
        zelf.get_item(&0_usize, vm)?.str(vm)
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

/// The frames that a limit keeps, as a slice: of a positive one the most recent, of a negative
/// one the oldest, as the documentation has it.
fn kept(limit: &PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let zero: PyObjectRef = vm.ctx.new_int(0).into();
    if attr::holds(limit, &zero, PyComparisonOp::Gt, vm)? {
        let start = vm._neg(limit)?;
        return Ok(objects::slice(Some(start), vm.ctx.none(), vm));
    }
    Ok(objects::slice(None, vm._abs(limit)?, vm))
}

arguments! {
    pub(crate) struct TracebackArgs of method "Traceback.__init__" (frames; total_nframe = None)
}
arguments! {
    pub(crate) struct FormatArgs of method "Traceback.format" (
        ; limit = None, most_recent_first = False
    )
}

impl DefaultConstructor for PyTraceback {}

impl Initializer for PyTraceback {
    type Args = TracebackArgs;

    fn init(zelf: &Py<Self>, args: TracebackArgs, vm: &VirtualMachine) -> PyResult<()> {
        zelf.set(&args.frames, args.total_nframe, vm)
    }
}

impl AsSequence for PyTraceback {
    fn as_sequence() -> &'static PySequenceMethods {
        static METHODS: LazyLock<PySequenceMethods> = LazyLock::new(|| PySequenceMethods {
            length: atomic_func!(|seq, vm| {
                PyTraceback::frames(PyTraceback::sequence_downcast(seq), vm)?.length(vm)
            }),
            item: atomic_func!(|seq, i, vm| {
                let frames = PyTraceback::frames(PyTraceback::sequence_downcast(seq), vm)?;
                PyFrame::by_name(frames.get_item(&*vm.new_pyobj(i), vm)?, vm)
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
                PyTraceback::frames(PyTraceback::mapping_downcast(mapping), vm)?.length(vm)
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

impl Iterable for PyTraceback {
    fn iter(zelf: PyRef<Self>, vm: &VirtualMachine) -> PyResult {
        let frames = Self::frames(&zelf, vm)?;
        crate::trace::each("Frame", &frames, zelf.as_object(), vm)
    }
}

attr::compares_by_parts!(PyTraceback, ordered, _frames);

impl Representable for PyTraceback {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let frames: Vec<PyObjectRef> = vm.extract_elements_with(zelf.as_object(), Ok)?;
        let frames = PyTuple::new_ref(frames, &vm.ctx);
        let words = Words::new(vm)
            .put("<Traceback ")
            .repr_of(frames.as_object())?;
        if vm.is_none(&*Self::total_nframe(zelf, vm)?) {
            return Ok(words.put(">").done());
        }
        let total = zelf.as_object().get_attr("total_nframe", vm)?;
        let words = words.put(" total_nframe=").str_of(&total)?;
        Ok(words.put(">").done())
    }
}
