//! `tracemalloc.Frame`: one frame of a traceback.
//!
//! Invariant: equality, order and hash are those of the (filename, lineno) tuple.

use crate::arguments::arguments;
use crate::attr::{self, Attr};
use crate::originals;
use crate::text::Words;
use rustpython_vm::class::StaticType;
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::function::PySetterValue;
use rustpython_vm::types::{
    Comparable, Constructor, DefaultConstructor, Hashable, Initializer, Representable,
};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, Traverse, VirtualMachine,
    pyclass,
};

/// Frame of a traceback: a file name and a line number.
#[pyclass(module = false, name = "Frame", traverse)]
#[derive(Debug, PyPayload)]
pub(crate) struct PyFrame {
    #[pymember(writable)]
    _frame: Attr,
}

impl Default for PyFrame {
    fn default() -> Self {
        Self {
            _frame: Attr::from(None),
        }
    }
}

impl PyFrame {
    /// A frame of a (filename, lineno) tuple.
    pub(crate) fn of(frame: PyObjectRef, vm: &VirtualMachine) -> PyRef<Self> {
        let _frame = attr::attr(frame);
        Self { _frame }.into_ref(&vm.ctx)
    }

    /// What `Frame` makes of a (filename, lineno) tuple now.
    pub(crate) fn by_name(frame: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        if originals::means("Frame", Self::static_type(), vm) {
            return Ok(Self::of(frame, vm).into());
        }
        originals::instance("Frame", vec![frame], vm)
    }

    fn item(zelf: &Py<Self>, index: usize, vm: &VirtualMachine) -> PyResult {
        attr::get(zelf.as_object(), &zelf._frame, "_frame", vm)?.get_item(&index, vm)
    }
}

#[pyclass(
    flags(BASETYPE, HEAPTYPE),
    with(Constructor, Initializer, Comparable, Hashable, Representable)
)]
impl PyFrame {
    #[pyattr]
    fn __slots__(ctx: &rustpython_vm::Context) -> PyObjectRef {
        crate::module::names(&["_frame"], ctx)
    }

    /// The name of the file.
    #[pygetset]
    fn filename(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        Self::item(zelf, 0, vm)
    }

    #[pygetset(setter)]
    fn set_filename(zelf: &Py<Self>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        attr::read_only(zelf.as_object(), "filename", &value, vm)
    }

    /// The number of the line.
    #[pygetset]
    fn lineno(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        Self::item(zelf, 1, vm)
    }

    #[pygetset(setter)]
    fn set_lineno(zelf: &Py<Self>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
        attr::read_only(zelf.as_object(), "lineno", &value, vm)
    }

    #[pyslot]
    fn slot_str(
        zelf: &PyObject,
        vm: &VirtualMachine,
    ) -> PyResult<rustpython_vm::builtins::PyStrRef> {
        let words = Words::new(vm).str_of(&*zelf.get_attr("filename", vm)?)?;
        let words = words.put(":").str_of(&*zelf.get_attr("lineno", vm)?)?;
        Ok(vm.ctx.new_str(words.done()))
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

arguments! { pub(crate) struct FrameArgs of method "Frame.__init__" (frame) }

impl DefaultConstructor for PyFrame {}

impl Initializer for PyFrame {
    type Args = FrameArgs;

    fn init(zelf: &Py<Self>, args: FrameArgs, vm: &VirtualMachine) -> PyResult<()> {
        attr::set(&zelf._frame, args.frame, vm);
        Ok(())
    }
}

attr::compares_by_parts!(PyFrame, ordered, _frame);

impl Representable for PyFrame {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let zelf = zelf.as_object();
        let words = Words::new(vm).put("<Frame filename=");
        let words = words.repr_of(&*zelf.get_attr("filename", vm)?)?;
        let words = words.put(" lineno=");
        let words = words.repr_of(&*zelf.get_attr("lineno", vm)?)?;
        Ok(words.put(">").done())
    }
}
