//! Attributes that are slots in Python: cells that hold any object, can be set, and travel in
//! pickles as `__slots__` do.

use rustpython_vm::builtins::descriptor::{MemberKind, PyMemberDef, PyMemberDescriptor};
use rustpython_vm::builtins::{PyStrRef, PyTuple, PyType};
use rustpython_vm::common::hash::PyHash;
use rustpython_vm::function::{ItemDoc, PyComparisonValue, PySetterValue};
use rustpython_vm::object::PyAtomicRef;
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{
    AsObject, Context, Py, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine,
};

/// The cell of one attribute, behind `#[pymember(writable)]`.
pub(crate) type Attr = PyAtomicRef<Option<PyObject>>;

/// A cell with a value in it.
pub(crate) fn attr(value: impl Into<PyObjectRef>) -> Attr {
    Attr::from(Some(value.into()))
}

/// What is in the cell of an attribute.
///
/// # Errors
///
/// `AttributeError` where nothing is, as for any slot.
pub(crate) fn get(
    zelf: &PyObject,
    attr: &Attr,
    name: &'static str,
    vm: &VirtualMachine,
) -> PyResult {
    match attr.load_owned() {
        Some(value) => Ok(value),
        None => Err(vm.new_attribute_error(format!(
            "'{}' object has no attribute '{name}'",
            zelf.class().fully_qualified_name(vm)?
        ))),
    }
}

/// Changes what is in a cell. The old object lives on until the running frame ends, so that
/// nobody who just read it is left with nothing.
pub(crate) fn set(attr: &Attr, value: impl Into<PyObjectRef>, vm: &VirtualMachine) {
    attr.swap_to_temporary_refs(Some(value.into()), vm);
}

/// Makes the members of a class what `__slots__` are: without a value until they get one, and to
/// be deleted.
pub(crate) fn be_slots(class: &'static Py<PyType>, names: &[&'static str], ctx: &Context) {
    for name in names {
        let name = ctx.intern_str(*name);
        let Some(member) = class.get_attr(name) else {
            continue;
        };
        if let Some(found) = member.downcast_ref::<PyMemberDescriptor>() {
            let PyMemberDef { offset, flags, .. } = found.member;
            let kind = MemberKind::ObjectEx;
            let text = name.as_str();
            let slot = ctx.new_member(text, kind, offset, flags, class, ItemDoc::NONE);
            class.set_attr(name, slot.into());
        }
    }
}

/// `__getstate__` of a class with slots: what Python's own gives, so that pickles are the same.
pub(crate) fn state(zelf: &PyObject, vm: &VirtualMachine) -> PyResult {
    let class: PyObjectRef = zelf.class().to_owned().into();
    let names = vm.import("copyreg", 0)?.get_attr("_slotnames", vm)?;
    let names: Vec<PyStrRef> =
        vm.extract_elements_with(&*names.call((class,), vm)?, |name| name.try_into_value(vm))?;
    let slots = vm.ctx.new_dict();
    for name in names {
        if let Some(value) = vm.get_attribute_opt(zelf, &name)? {
            slots.set_item(&*name, value, vm)?;
        }
    }
    let dict = match zelf.dict() {
        Some(dict) if !dict.is_empty() => dict.into(),
        _ => vm.ctx.none(),
    };
    if slots.is_empty() {
        return Ok(dict);
    }
    Ok(vm.new_tuple((dict, slots)).into())
}

/// `__reduce_ex__` of every class: as `object`'s takes an instance of a Python class apart.
pub(crate) fn reduce(zelf: PyObjectRef, protocol: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let object: PyObjectRef = vm.ctx.types.object_type.to_owned().into();
    let number: i32 = protocol.try_index(vm)?.try_to_primitive(vm)?;
    let name = vm.ctx.intern_str("__reduce__");
    let own = match (
        zelf.class().get_attr(name),
        vm.ctx.types.object_type.get_attr(name),
    ) {
        (Some(its), Some(usual)) => !its.is(&usual),
        _ => false,
    };
    // Protocols 0 and 1 know no slots. What lives in `__dict__` is written with `__newobj__`, since
    // `object.__new__`, which Python's own classes are made again with, makes no native object.
    if number < 2 && !own && vm.get_attribute_opt(&zelf, "__slots__")?.is_some() {
        return Err(vm.new_type_error(
            "a class that defines __slots__ without defining __getstate__ cannot be pickled",
        ));
    }
    vm.call_method(&object, "__reduce_ex__", (zelf, number.max(2)))
}

/// Refuses to change an attribute that is a `property` in Python.
pub(crate) fn read_only(
    zelf: &PyObject,
    name: &str,
    value: &PySetterValue,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let class = zelf.class();
    let class = class.name();
    let class = class.rsplit('.').next().unwrap_or_default();
    let what = match value {
        PySetterValue::Assign(_) => "setter",
        PySetterValue::Delete => "deleter",
    };
    Err(vm.new_attribute_error(format!(
        "property '{name}' of '{class}' object has no {what}"
    )))
}

/// Equality, and order, of a class by its attributes, as Python's module writes them down.
pub(crate) trait ByParts: PyPayload {
    /// The attributes, in the order in which they are compared.
    const PARTS: &'static [&'static str];
    /// Whether `functools.total_ordering` stands above the class.
    const ORDERED: bool;

    /// The value of an attribute.
    fn part(zelf: &Py<Self>, at: usize, vm: &VirtualMachine) -> PyResult;
}

/// The comparison of two instances.
pub(crate) fn compare<T: ByParts>(
    zelf: &Py<T>,
    other: &PyObject,
    op: PyComparisonOp,
    vm: &VirtualMachine,
) -> PyResult<PyComparisonValue> {
    let Some(theirs) = other.downcast_ref::<T>() else {
        return Ok(PyComparisonValue::NotImplemented);
    };
    let equal = || -> PyResult<bool> {
        for at in 0..T::PARTS.len() {
            let (a, b) = (T::part(zelf, at, vm)?, T::part(theirs, at, vm)?);
            if !holds(&a, &b, PyComparisonOp::Eq, vm)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let less = || -> PyResult<bool> {
        let (a, b) = (T::part(zelf, 0, vm)?, T::part(theirs, 0, vm)?);
        holds(&a, &b, PyComparisonOp::Lt, vm)
    };
    let result = match op {
        PyComparisonOp::Eq => equal()?,
        PyComparisonOp::Ne => !equal()?,
        _ if !T::ORDERED => return Ok(PyComparisonValue::NotImplemented),
        // The others follow from `<` and `==`, which a subclass may have its own of.
        PyComparisonOp::Lt => less()?,
        PyComparisonOp::Le => less()? || holds(zelf.as_object(), other, PyComparisonOp::Eq, vm)?,
        PyComparisonOp::Gt => !less()? && holds(zelf.as_object(), other, PyComparisonOp::Ne, vm)?,
        PyComparisonOp::Ge => !less()?,
    };
    Ok(PyComparisonValue::Implemented(result))
}

/// Whether a comparison of Python's holds.
pub(crate) fn holds(
    a: &PyObject,
    b: &PyObject,
    op: PyComparisonOp,
    vm: &VirtualMachine,
) -> PyResult<bool> {
    a.rich_compare(b, op, vm)?.try_to_bool(vm)
}

/// All attributes of an instance.
pub(crate) fn parts<T: ByParts>(zelf: &Py<T>, vm: &VirtualMachine) -> PyResult<Vec<PyObjectRef>> {
    (0..T::PARTS.len())
        .map(|at| T::part(zelf, at, vm))
        .collect()
}

/// The hash of the tuple of all attributes; that of the attribute itself where there is but one.
pub(crate) fn hash<T: ByParts>(zelf: &Py<T>, vm: &VirtualMachine) -> PyResult<PyHash> {
    let parts = parts(zelf, vm)?;
    match parts.as_slice() {
        [one] => one.hash(vm),
        _ => PyTuple::new_ref(parts, &vm.ctx).as_object().hash(vm),
    }
}

/// Comparison and hash of a class by its slots, in their order; `ordered` or `equality only`.
macro_rules! compares_by_parts {
    ($class:ty, ordered, $($slot:ident),+) => {
        $crate::attr::compares_by_parts!(@impl $class, true, $($slot),+);
    };
    ($class:ty, equality only, $($slot:ident),+) => {
        $crate::attr::compares_by_parts!(@impl $class, false, $($slot),+);
    };
    (@impl $class:ty, $ordered:expr, $($slot:ident),+) => {
        impl $crate::attr::ByParts for $class {
            const PARTS: &'static [&'static str] = &[$(stringify!($slot)),+];
            const ORDERED: bool = $ordered;

            fn part(
                zelf: &rustpython_vm::Py<Self>,
                at: usize,
                vm: &rustpython_vm::VirtualMachine,
            ) -> rustpython_vm::PyResult {
                let cells = [$(&zelf.$slot),+];
                $crate::attr::get(zelf.as_object(), cells[at], Self::PARTS[at], vm)
            }
        }

        impl rustpython_vm::types::Comparable for $class {
            fn cmp(
                zelf: &rustpython_vm::Py<Self>,
                other: &rustpython_vm::PyObject,
                op: rustpython_vm::types::PyComparisonOp,
                vm: &rustpython_vm::VirtualMachine,
            ) -> rustpython_vm::PyResult<rustpython_vm::function::PyComparisonValue> {
                $crate::attr::compare(zelf, other, op, vm)
            }
        }

        impl rustpython_vm::types::Hashable for $class {
            fn hash(
                zelf: &rustpython_vm::Py<Self>,
                vm: &rustpython_vm::VirtualMachine,
            ) -> rustpython_vm::PyResult<rustpython_vm::common::hash::PyHash> {
                $crate::attr::hash(zelf, vm)
            }
        }
    };
}
pub(crate) use compares_by_parts;
