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

/// Hash and equality of a class are those of its `tuple`; the rest of the order, too, where the
/// last word is `ordered`.
macro_rules! compares_as_tuple {
    ($class:ty) => {
        $crate::attr::compares_as_tuple!(@impl $class, true);
    };
    ($class:ty, ordered) => {
        $crate::attr::compares_as_tuple!(@impl $class, false);
    };
    (@impl $class:ty, $eq_only:expr) => {
        impl rustpython_vm::types::Comparable for $class {
            fn cmp(
                zelf: &rustpython_vm::Py<Self>,
                other: &rustpython_vm::PyObject,
                op: rustpython_vm::types::PyComparisonOp,
                vm: &rustpython_vm::VirtualMachine,
            ) -> rustpython_vm::PyResult<rustpython_vm::function::PyComparisonValue> {
                use rustpython_vm::function::PyComparisonValue;
                use rustpython_vm::types::PyComparisonOp;
                let equality = matches!(op, PyComparisonOp::Eq | PyComparisonOp::Ne);
                let Some(other) = other.downcast_ref::<Self>() else {
                    return Ok(PyComparisonValue::NotImplemented);
                };
                if $eq_only && !equality {
                    return Ok(PyComparisonValue::NotImplemented);
                }
                let (a, b) = (zelf.tuple(vm), other.tuple(vm));
                a.rich_compare_bool(&b, op, vm)
                    .map(PyComparisonValue::Implemented)
            }
        }

        impl rustpython_vm::types::Hashable for $class {
            fn hash(
                zelf: &rustpython_vm::Py<Self>,
                vm: &rustpython_vm::VirtualMachine,
            ) -> rustpython_vm::PyResult<rustpython_vm::common::hash::PyHash> {
                zelf.tuple(vm).hash(vm)
            }
        }
    };
}
pub(crate) use compares_as_tuple;
