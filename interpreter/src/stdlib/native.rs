//! The native module `_tracepy_archive`: what the finder in `Lib/_tracepy_stdlib.py` asks for.
//!
//! Invariant: a path is answered only if it is [`ROOT`] or lies below it; for every other one the
//! functions say "not here" and touch no file. Nothing here raises for an unknown path, except
//! `get_data` (`FileNotFoundError`) and `path_hook` (`ImportError`), whose protocols say so.

pub(super) use _tracepy_archive::module_def;

use super::{ARCHIVE, ROOT, archive::Entry};

/// The module's name.
pub(super) const NAME: &str = "_tracepy_archive";

/// `path` relative to the library's root; `None` if it is not below it.
fn relative(path: &str) -> Option<&str> {
    match path.strip_prefix(ROOT)? {
        "" => Some(""),
        rest => rest
            .strip_prefix('/')
            .map(|rest| rest.trim_end_matches('/')),
    }
}

fn entry(path: &str) -> Option<Entry<'static>> {
    ARCHIVE.find(relative(path)?)
}

#[rustpython_vm::pymodule]
mod _tracepy_archive {
    use super::{ARCHIVE, ROOT, archive_error, entry, relative};
    use rustpython_vm::builtins::{PyBytes, PyCode, PyStr, PyStrRef};
    use rustpython_vm::compiler::Mode;
    use rustpython_vm::frozen::FrozenCodeObject;
    use rustpython_vm::{AsObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

    /// "No such file", on every system.
    const ENOENT: i32 = 2;

    /// The directory under which the library appears.
    #[pyattr]
    fn root(vm: &VirtualMachine) -> PyStrRef {
        vm.ctx.new_str(ROOT)
    }

    /// The file of module `tail` in directory `directory`, and whether it is a package; None if
    /// there is none.
    #[pyfunction]
    fn find_module(directory: PyStrRef, tail: PyStrRef) -> Option<(String, bool)> {
        let (directory, tail) = (directory.to_str()?, tail.to_str()?);
        [("/__init__.py", true), (".py", false)]
            .into_iter()
            .map(|(suffix, package)| (format!("{directory}/{tail}{suffix}"), package))
            .find(|(path, _)| entry(path).is_some())
    }

    /// Whether `path` is a directory of the library.
    #[pyfunction]
    fn is_dir(path: PyStrRef) -> bool {
        path.to_str()
            .and_then(relative)
            .is_some_and(|path| ARCHIVE.is_dir(path))
    }

    /// Whether `path` is a file of the library.
    #[pyfunction]
    fn is_file(path: PyStrRef) -> bool {
        path.to_str().and_then(entry).is_some()
    }

    /// The names in directory `path`, each with whether it is a directory; empty if there is none.
    #[pyfunction]
    fn list_dir(path: PyStrRef, vm: &VirtualMachine) -> Vec<PyObjectRef> {
        let names = path
            .to_str()
            .and_then(relative)
            .map(|path| ARCHIVE.list(path));
        names
            .unwrap_or_default()
            .into_iter()
            .map(|(name, is_dir)| vm.new_tuple((name, is_dir)).into())
            .collect()
    }

    /// The code of the module in file `path`; None if there is no such file. It was compiled when
    /// the interpreter was built, unless the options ask for another result (`-O`, `-OO`,
    /// `-X no_debug_ranges`).
    #[pyfunction]
    fn get_code(path: PyStrRef, vm: &VirtualMachine) -> PyResult<Option<PyRef<PyCode>>> {
        let Some(entry) = path.to_str().and_then(entry) else {
            return Ok(None);
        };
        let settings = &vm.state.config.settings;
        let ready = entry.code().filter(|_| settings.code_debug_ranges);
        if let (Some(bytes), 0) = (ready, settings.optimize) {
            let code = PyCode::new_ref_from_frozen(vm, FrozenCodeObject { bytes });
            return Ok(Some(code));
        }
        let source = source(entry, vm)?;
        if let (Some(bytes), 1) = (ready, settings.optimize)
            && !depends_on_debug(&source)
        {
            let code = PyCode::new_ref_from_frozen(vm, FrozenCodeObject { bytes });
            return Ok(Some(code));
        }
        let file_name = super::super::layout::code_file_name(entry.name());
        vm.compile_with_opts(&source, Mode::Exec, file_name, vm.compile_opts())
            .map(Some)
            .map_err(|error| error.into_pyexception(vm, Some(&source)))
    }

    /// The text of file `path`; None if there is no such file.
    #[pyfunction]
    fn get_source(path: PyStrRef, vm: &VirtualMachine) -> PyResult<Option<String>> {
        match path.to_str().and_then(entry) {
            Some(entry) => source(entry, vm).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes of file `path`.
    #[pyfunction]
    fn get_data(path: PyStrRef, vm: &VirtualMachine) -> PyResult<PyRef<PyBytes>> {
        let Some(entry) = path.to_str().and_then(entry) else {
            let error = vm.new_errno_error(ENOENT, "No such file or directory");
            error.as_object().set_attr("filename", path, vm)?;
            return Err(error.upcast());
        };
        let data = entry.data().map_err(|error| archive_error(error, vm))?;
        Ok(PyBytes::from(data).into_ref(&vm.ctx))
    }

    /// The finder for `path`. ImportError, as `sys.path_hooks` wants it, if that is not a
    /// directory of the library.
    #[pyfunction]
    fn path_hook(path: PyObjectRef, vm: &VirtualMachine) -> PyResult {
        let ours = path
            .downcast_ref::<PyStr>()
            .and_then(|path| path.to_str())
            .and_then(relative)
            .is_some_and(|path| ARCHIVE.is_dir(path));
        if !ours {
            let name = vm.ctx.new_str("");
            return Err(vm.new_import_error("not in the built-in standard library", name));
        }
        vm.import("_tracepy_stdlib", 0)?
            .get_attr("StdlibFinder", vm)?
            .call((path,), vm)
    }

    /// Whether `-O` may make a difference: all that it leaves out has one of these words. Most
    /// modules have neither, and need not be compiled then.
    fn depends_on_debug(source: &str) -> bool {
        source.contains("assert") || source.contains("__debug__")
    }

    fn source(entry: super::Entry<'static>, vm: &VirtualMachine) -> PyResult<String> {
        let data = entry.data().map_err(|error| archive_error(error, vm))?;
        let text = String::from_utf8(data)
            .map_err(|_| vm.new_value_error(format!("{}: not UTF-8", entry.name())))?;
        // As `importlib` decodes source: without the mark, with `\n` at the end of lines.
        let text = text
            .strip_prefix('\u{feff}')
            .map(str::to_owned)
            .unwrap_or(text);
        Ok(if text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text
        })
    }
}

fn archive_error(
    error: super::archive::Damaged,
    vm: &rustpython_vm::VirtualMachine,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_os_error(format!("the built-in standard library is damaged: {error}"))
}
