//! What `str()` and `repr()` of the classes give.
//!
//! Invariant: the words are those of Python's `tracemalloc.py`, whatever objects the attributes
//! are; strings may hold lone surrogates, so everything is WTF-8.

use rustpython_vm::builtins::PyInt;
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

/// Builds a text from pieces.
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

    /// As `_format_size`: a size in the unit that suits it.
    pub(crate) fn size(self, value: &PyObject, sign: bool) -> PyResult<Self> {
        let size = float(value, self.vm)?;
        Ok(self.put(&snapshot::format_size(size, sign)))
    }

    /// As `%i`, or `%+i`.
    pub(crate) fn int(self, value: &PyObject, sign: bool) -> PyResult<Self> {
        let text = match value.downcast_ref::<PyInt>() {
            Some(int) => int.as_bigint().to_string(),
            None => format!("{}", float(value, self.vm)?.trunc() as i64),
        };
        let plus = sign && !text.starts_with('-');
        Ok(self.put(if plus { "+" } else { "" }).put(&text))
    }

    /// As in statistics: the average, unless there is nothing to count.
    pub(crate) fn average(self, size: &PyObject, count: &PyObject) -> PyResult<Self> {
        if !count.to_owned().try_to_bool(self.vm)? {
            return Ok(self);
        }
        let average = float(size, self.vm)? / float(count, self.vm)?;
        let average = snapshot::format_size(average, false);
        Ok(self.put(", average=").put(&average))
    }

    pub(crate) fn done(self) -> Wtf8Buf {
        self.text
    }
}

fn float(value: &PyObject, vm: &VirtualMachine) -> PyResult<f64> {
    Ok(value.try_float(vm)?.to_f64())
}
