//! `Snapshot.dump` and `Snapshot.load`.
//!
//! A dump replaces a file whole, see [`crate::whole_file`]. What cannot be replaced (a device, a
//! pipe, a file with several names, a descriptor) is written to directly.
//!
//! Invariant: what is loaded is read, never executed.

use crate::py_snapshot::{self, PySnapshot};
use crate::values;
use crate::whole_file::{replace, replaceable};
use rustpython_vm::builtins::{PyBaseExceptionRef, PyBytes, PyInt, PyStr};
use rustpython_vm::class::StaticType;
use rustpython_vm::function::FsPath;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};
use snapshot::Snapshot;
use std::io::{self, Read, Write};

pub(crate) fn dump(
    snapshot: &PyObject,
    filename: PyObjectRef,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let content = content(snapshot, vm)?;
    if filename.downcast_ref::<PyInt>().is_some() {
        return write_directly(&content, filename, vm);
    }
    let path = FsPath::try_from_path_like(filename.clone(), true, vm)?;
    let target = path.to_path_buf(vm)?;
    let written = match replaceable(&target) {
        Ok(Some(target)) => vm_hooks::untraced(|| replace(&target, |file| content.write(file))),
        // Where it cannot even be looked at, opening it says why.
        Ok(None) | Err(_) => return write_directly(&content, filename, vm),
    };
    written.or_else(|error| Err(os_error(&error, filename, vm)?))
}

/// The `OSError` of the kind that suits the number of the error.
fn os_error(
    error: &io::Error,
    filename: PyObjectRef,
    vm: &VirtualMachine,
) -> PyResult<PyBaseExceptionRef> {
    let text = error.to_string();
    let Some(errno) = error.raw_os_error() else {
        return Ok(vm.new_os_error(text));
    };
    let text = text.split(" (os error").next().unwrap_or_default();
    let class = vm.ctx.exceptions.os_error.as_object();
    let error = class.call((errno, vm.ctx.new_str(text), filename), vm)?;
    error
        .downcast()
        .map_err(|_| vm.new_os_error(text.to_owned()))
}

/// What a dump consists of.
enum Content {
    Columns(Snapshot),
    /// Of a subclass: what Python's pickle makes of it.
    Bytes(PyObjectRef),
}

fn content(snapshot: &PyObject, vm: &VirtualMachine) -> PyResult<Content> {
    if !snapshot.class().is(PySnapshot::static_type()) {
        let pickle = vm.import("pickle", 0)?;
        let protocol = pickle.get_attr("HIGHEST_PROTOCOL", vm)?;
        let bytes = vm.call_method(&pickle, "dumps", (snapshot.to_owned(), protocol))?;
        return Ok(Content::Bytes(bytes));
    }
    let limit = crate::raw::number(&*snapshot.get_attr("traceback_limit", vm)?, vm)?;
    let mut extra = Vec::new();
    if let Some(dict) = snapshot.dict() {
        for (name, value) in dict {
            let Some(name) = name.downcast_ref::<PyStr>() else {
                continue;
            };
            if !matches!(name.as_wtf8().as_bytes(), b"traces" | b"traceback_limit") {
                extra.push((
                    snapshot::Text::new(name.as_wtf8().as_bytes()),
                    values::from_python(name, &value, vm)?,
                ));
            }
        }
    }
    let columns = py_snapshot::columns(snapshot, vm)?;
    let columns = vm_hooks::untraced(|| columns.with_traceback_limit(limit).with_extra(extra));
    Ok(Content::Columns(columns))
}

impl Content {
    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Columns(snapshot) => snapshot.dump(to),
            Self::Bytes(bytes) => match bytes.downcast_ref::<PyBytes>() {
                Some(bytes) => to.write_all(bytes.as_bytes()),
                None => Err(io::ErrorKind::InvalidData.into()),
            },
        }
    }
}

fn write_directly(content: &Content, filename: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
    let mut bytes = Vec::new();
    content
        .write(&mut bytes)
        .map_err(|error| vm.new_os_error(error.to_string()))?;
    let file = open(filename, "wb", vm)?;
    let written = vm.call_method(&file, "write", (vm.ctx.new_bytes(bytes),));
    let closed = vm.call_method(&file, "close", ());
    written.and(closed).map(drop)
}

fn open(filename: PyObjectRef, mode: &str, vm: &VirtualMachine) -> PyResult {
    let mode = vm.ctx.new_str(mode);
    vm.builtins.get_attr("open", vm)?.call((filename, mode), vm)
}

pub(crate) fn load(filename: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let mut reader = Reader {
        file: open(filename.clone(), "rb", vm)?,
        error: None,
        vm,
    };
    let loaded = vm_hooks::untraced(|| Snapshot::load(&mut reader));
    vm.call_method(&reader.file, "close", ())?;
    let snapshot = match (loaded, reader.error) {
        (Ok(snapshot), _) => snapshot,
        (Err(_), Some(error)) => return Err(error),
        (Err(error), None) => return Err(refusal(&filename, &error.to_string(), vm)?),
    };
    let object = PySnapshot::of(snapshot.clone(), vm)?;
    for (name, value) in snapshot.extra() {
        let name = crate::names::string(name, vm);
        let name = name.downcast_ref::<PyStr>().map(ToOwned::to_owned);
        if let Some(name) = name {
            object.set_attr(&name, values::to_python(value, vm)?, vm)?;
        }
    }
    Ok(object)
}

/// A file of Python's, read as far as it is needed.
struct Reader<'a> {
    file: PyObjectRef,
    /// What it raised.
    error: Option<PyBaseExceptionRef>,
    vm: &'a VirtualMachine,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.vm.call_method(&self.file, "read", (buffer.len(),));
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => {
                self.error = Some(error);
                return Err(io::ErrorKind::Other.into());
            }
        };
        let bytes = bytes
            .downcast_ref::<PyBytes>()
            .map(|bytes| bytes.as_bytes());
        let Some(place) = bytes.and_then(|bytes| buffer.get_mut(..bytes.len())) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let bytes = bytes.unwrap_or_default();
        place.copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

/// `pickle.UnpicklingError`, which Python users expect, with the name of the file.
fn refusal(filename: &PyObject, why: &str, vm: &VirtualMachine) -> PyResult<PyBaseExceptionRef> {
    let class = vm.import("pickle", 0)?.get_attr("UnpicklingError", vm)?;
    let words = crate::text::Words::new(vm)
        .repr_of(filename)?
        .put(": ")
        .put(why);
    let error = class.call((vm.ctx.new_str(words.done()),), vm)?;
    error
        .downcast()
        .map_err(|_| vm.new_value_error(why.to_owned()))
}
