//! `tracemalloc.Frame`: one frame of a traceback.
//!
//! Invariant: equality, order and hash are those of the (filename, lineno) tuple.

use crate::attr::{self, Attr};
use crate::text::Words;
use rustpython_vm::common::wtf8::Wtf8Buf;
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

    pub(crate) fn tuple(&self, vm: &VirtualMachine) -> PyObjectRef {
        attr::get(&self._frame, vm)
    }

    fn item(&self, index: usize, vm: &VirtualMachine) -> PyResult {
        self.tuple(vm).get_item(&index, vm)
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
        zelf.item(0, vm)
    }

    /// The number of the line.
    #[pygetset]
    fn lineno(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        zelf.item(1, vm)
    }

    #[pyslot]
    fn slot_str(
        zelf: &PyObject,
        vm: &VirtualMachine,
    ) -> PyResult<rustpython_vm::builtins::PyStrRef> {
        let words = Words::new(vm)
            .str_of(&*zelf.get_attr("filename", vm)?)?
            .put(":")
            .str_of(&*zelf.get_attr("lineno", vm)?)?;
        Ok(vm.ctx.new_str(words.done()))
    }

    #[pymethod]
    fn __reduce_ex__(zelf: PyObjectRef, _protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        attr::reduce(zelf, vm)
    }

    #[pymethod]
    fn __getstate__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        attr::state(zelf.as_object(), &["_frame"], vm)
    }
}

#[derive(rustpython_vm::FromArgs)]
pub(crate) struct FrameArgs {
    #[pyarg(any)]
    frame: PyObjectRef,
}

impl DefaultConstructor for PyFrame {}

impl Initializer for PyFrame {
    type Args = FrameArgs;

    fn init(zelf: &Py<Self>, args: FrameArgs, vm: &VirtualMachine) -> PyResult<()> {
        attr::set(&zelf._frame, args.frame, vm);
        Ok(())
    }
}

attr::compares_as_tuple!(PyFrame, ordered);

impl Representable for PyFrame {
    fn repr_wtf8(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let zelf = zelf.as_object();
        let words = Words::new(vm)
            .put("<Frame filename=")
            .repr_of(&*zelf.get_attr("filename", vm)?)?
            .put(" lineno=")
            .repr_of(&*zelf.get_attr("lineno", vm)?)?;
        Ok(words.put(">").done())
    }
}
