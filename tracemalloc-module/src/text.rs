//! What `str()` and `repr()` of the classes give.
//!
//! Invariant: the words are those of Python's `tracemalloc.py`, whatever objects the attributes
//! are. Formats of strings only are put together piece by piece ([`Words`]), as the compiler does
//! it for them; those with numbers by Python's own `%` ([`percent`]).

use crate::attr::holds;
use crate::originals;
use rustpython_vm::builtins::{PyFloat, PyInt, PyStrRef, PyTuple};
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

/// Builds a text from pieces. Strings may hold lone surrogates, so it is WTF-8.
pub(crate) struct Words<'a> {
    text: Wtf8Buf,
    vm: &'a VirtualMachine,
}

impl<'a> Words<'a> {
    pub(crate) fn new(vm: &'a VirtualMachine) -> Self {
        Self {
            text: Wtf8Buf::new(),
            vm,
        }
    }

    pub(crate) fn put(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    pub(crate) fn str_of(mut self, value: &PyObject) -> PyResult<Self> {
        let text = value.str(self.vm)?;
        self.text.push_wtf8(text.as_wtf8());
        Ok(self)
    }

    pub(crate) fn repr_of(mut self, value: &PyObject) -> PyResult<Self> {
        let text = value.repr(self.vm)?;
        self.text.push_wtf8(text.as_wtf8());
        Ok(self)
    }

    pub(crate) fn done(self) -> Wtf8Buf {
        self.text
    }
}

/// `format % values`
pub(crate) fn percent(
    format: &str,
    values: Vec<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<PyStrRef> {
    let format = vm.ctx.new_str(format);
    let values = PyTuple::new_ref(values, &vm.ctx);
    vm._mod(format.as_object(), values.as_object())?
        .try_into_value(vm)
}

/// A size as the module's `_format_size` words it now.
pub(crate) fn size(size: PyObjectRef, sign: bool, vm: &VirtualMachine) -> PyResult {
    let sign: PyObjectRef = vm.ctx.new_bool(sign).into();
    if originals::unpatched(&["_format_size"], vm) {
        return format_size(size, &sign, vm);
    }
    originals::instance("_format_size", vec![size, sign], vm)
}

/// `_format_size`: a size in the unit that suits it.
pub(crate) fn format_size(size: PyObjectRef, sign: &PyObject, vm: &VirtualMachine) -> PyResult {
    if let Some(number) = exact(&size, vm) {
        let text = snapshot::format_size(number, sign.to_owned().try_to_bool(vm)?);
        return Ok(vm.ctx.new_str(text).into());
    }
    let number = |number: i32| -> PyObjectRef { vm.ctx.new_int(number).into() };
    let below = |size: &PyObject, limit: i32| -> PyResult<bool> {
        let size = vm._abs(size)?;
        holds(&size, &number(limit), PyComparisonOp::Lt, vm)
    };
    let mut size = size;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        let digits = if below(&size, 100)? && unit != "B" {
            1
        } else if below(&size, 10 * 1024)? || unit == "TiB" {
            0
        } else {
            size = vm._itruediv(&size, &number(1024))?;
            continue;
        };
        let plus = if sign.to_owned().try_to_bool(vm)? {
            "+"
        } else {
            ""
        };
        let format = format!("%{plus}.{digits}f {unit}");
        return Ok(percent(&format, vec![size], vm)?.into());
    }
    Ok(vm.ctx.none())
}

/// A number that divides by 1024 the same as a float.
fn exact(size: &PyObject, vm: &VirtualMachine) -> Option<f64> {
    if let Some(float) = size.downcast_ref_if_exact::<PyFloat>(vm) {
        return Some(float.to_f64());
    }
    let int = size.downcast_ref_if_exact::<PyInt>(vm)?.as_bigint();
    // Beyond, the limits of a unit could be rounded away.
    i64::try_from(int)
        .ok()
        .filter(|int| int.unsigned_abs() < 1 << 53)
        .map(|int| int as f64)
}
