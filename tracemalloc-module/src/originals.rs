//! Whether the module and its classes are still as they were made.
//!
//! A program may replace a name of the module or a method of a class, as `unittest.mock.patch`
//! does, and expects that the rest of the module uses what it put there. The columns of a snapshot
//! are counted and filtered without looking at any of that, so they are only used while everything
//! is as it was.
//!
//! Invariant: a class that was changed once counts as changed for ever; a name of the module
//! counts as changed while it is.

use rustpython_vm::builtins::{PyStrRef, PyType};
use rustpython_vm::{AsObject, Context, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};
use std::sync::atomic::{AtomicU32, Ordering};

/// The name in `_tracemalloc` of the dict of this module's names as they were made.
pub(crate) const UNPATCHED: &str = "_unpatched";

/// A module that is loaded: this one or `_tracemalloc`. An import would take much longer.
fn loaded(name: &'static str, vm: &VirtualMachine) -> PyResult {
    let modules = vm.sys_module.get_attr("modules", vm)?;
    match modules.get_item(name, vm) {
        Ok(module) => Ok(module),
        Err(_) => vm.import(name, 0),
    }
}

/// What a name in this module means now.
pub(crate) fn attribute(name: &'static str, vm: &VirtualMachine) -> PyResult {
    loaded("tracemalloc", vm)?.get_attr(name, vm)
}

/// Whether names in this module mean what they meant at first.
pub(crate) fn unpatched(names: &[&'static str], vm: &VirtualMachine) -> bool {
    let all = || -> PyResult<bool> {
        let module = loaded("tracemalloc", vm)?;
        let original = loaded("_tracemalloc", vm)?.get_attr(UNPATCHED, vm)?;
        for name in names {
            if !module
                .get_attr(*name, vm)?
                .is(&original.get_item(*name, vm)?)
            {
                return Ok(false);
            }
        }
        Ok(true)
    };
    // Where a name is missing, whoever uses it next says so.
    all().unwrap_or(false)
}

/// Whether the functions of other modules that filters rely on are Python's own.
pub(crate) fn unpatched_helpers(vm: &VirtualMachine) -> bool {
    let all = || -> PyResult<bool> {
        let path = attribute("os", vm)?.get_attr("path", vm)?;
        if !is_of(
            &*path.get_attr("normcase", vm)?,
            "normcase",
            &["posixpath", "ntpath"],
            vm,
        )? {
            return Ok(false);
        }
        let modules = vm.sys_module.get_attr("modules", vm)?;
        let own = loaded("tracemalloc", vm)?.dict();
        let patched = match own {
            Some(own) => own.get_item_opt("fnmatch", vm)?,
            None => None,
        };
        let matching = match patched {
            Some(patched) => Some(patched),
            // Not imported yet, it is as it is in the library.
            None => vm.call_method(&modules, "get", ("fnmatch",)).ok(),
        };
        match matching {
            Some(module) if !vm.is_none(&module) => is_of(
                &*module.get_attr("fnmatch", vm)?,
                "fnmatch",
                &["fnmatch"],
                vm,
            ),
            _ => Ok(true),
        }
    };
    all().unwrap_or(false)
}

/// Whether this is a function of that name and of one of these modules.
fn is_of(function: &PyObject, name: &str, modules: &[&str], vm: &VirtualMachine) -> PyResult<bool> {
    let text = |attribute: &'static str| -> PyResult<PyStrRef> {
        function.get_attr(attribute, vm)?.try_into_value(vm)
    };
    let module = text("__module__")?;
    Ok(function.class().is(vm.ctx.types.function_type)
        && text("__qualname__")?.as_bytes() == name.as_bytes()
        && modules.iter().any(|m| m.as_bytes() == module.as_bytes()))
}

/// The version of each class after it was made; RustPython gives a changed class another one.
static VERSIONS: [AtomicU32; 10] = [const { AtomicU32::new(0) }; 10];

fn version(class: &Py<PyType>) -> u32 {
    // A look-up gives a class its version.
    class.get_attr(Context::genesis().intern_str("__init__"));
    class.tp_version_tag.load(Ordering::Acquire)
}

/// Remembers the classes as they are.
pub(crate) fn remember(classes: &[&'static Py<PyType>]) {
    for (known, class) in VERSIONS.iter().zip(classes) {
        // A second interpreter of the process finds the classes as the first one left them.
        let _ = known.compare_exchange(0, version(class), Ordering::AcqRel, Ordering::Acquire);
    }
}

/// Whether no class was changed.
pub(crate) fn unchanged(classes: &[&'static Py<PyType>]) -> bool {
    let mut pairs = VERSIONS.iter().zip(classes);
    pairs.all(|(known, class)| known.load(Ordering::Acquire) == version(class))
}

/// An instance of what a name in this module means now.
pub(crate) fn instance(
    name: &'static str,
    arguments: Vec<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult {
    attribute(name, vm)?.call(rustpython_vm::function::PosArgs::new(arguments), vm)
}

/// Whether a name in this module means this class.
pub(crate) fn means(name: &'static str, class: &Py<PyType>, vm: &VirtualMachine) -> bool {
    attribute(name, vm).is_ok_and(|now| now.is(class.as_object()))
}
