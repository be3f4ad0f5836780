//! Attributes that are slots in Python: cells that hold any object, can be set, and travel in
//! pickles as `__slots__` do.

use rustpython_vm::object::PyAtomicRef;
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

/// The cell of one attribute, behind `#[pymember(writable)]`.
pub(crate) type Attr = PyAtomicRef<Option<PyObject>>;

/// A cell with a value in it.
pub(crate) fn attr(value: impl Into<PyObjectRef>) -> Attr {
    Attr::from(Some(value.into()))
}

/// What is in a cell; None where nothing is.
pub(crate) fn get(attr: &Attr, vm: &VirtualMachine) -> PyObjectRef {
    attr.load_owned().unwrap_or_else(|| vm.ctx.none())
}

/// Changes what is in a cell. The old object lives on until the running frame ends, so that
/// nobody who just read it is left with nothing.
pub(crate) fn set(attr: &Attr, value: impl Into<PyObjectRef>, vm: &VirtualMachine) {
    attr.swap_to_temporary_refs(Some(value.into()), vm);
}

/// `__getstate__` of a class with these slots: what Python's own gives, so that pickles are the
/// same.
pub(crate) fn state(zelf: &PyObject, names: &[&'static str], vm: &VirtualMachine) -> PyResult {
    let slots = vm.ctx.new_dict();
    for name in names {
        slots.set_item(*name, zelf.get_attr(*name, vm)?, vm)?;
    }
    let dict = match zelf.dict() {
        Some(dict) if !dict.is_empty() => dict.into(),
        _ => vm.ctx.none(),
    };
    Ok(vm.new_tuple((dict, slots)).into())
}

/// `__reduce_ex__` of every class: as protocol 2 does it, for protocols 0 and 1 too, which
/// cannot take a native object apart.
pub(crate) fn reduce(zelf: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let object: PyObjectRef = vm.ctx.types.object_type.to_owned().into();
    vm.call_method(&object, "__reduce_ex__", (zelf, 2))
}
