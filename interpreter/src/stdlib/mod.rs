//! The standard library inside the binary.
//!
//! Invariant: whatever a script can see of a library module names one place, [`ROOT`]: its
//! `__file__`, the `co_filename` of its code, its spec's `origin`, the entry of `sys.path`. That
//! place does not exist; what would be read from it is answered from the archive that the build
//! script made (`build.rs`, [`archive`]).
//!
//! How an import arrives here:
//!
//! ```text
//! sys.path entry ROOT ─▶ sys.path_hooks[0], native::path_hook ─▶ Lib/_tracepy_stdlib.py: finder
//!     ─▶ loader ─▶ native functions (find, code, source, data) ─▶ archive
//! ```
//!
//! The few modules that the VM imports before there is a `sys.path` are frozen, as in CPython;
//! [`frozen`] replaces their code by the archive's, so that they too have the right file name.

mod archive;
mod frozen;
mod hook;
mod layout;
mod native;

#[cfg(test)]
mod archive_writer;
#[cfg(test)]
mod tests;

use archive::Archive;
pub use layout::ROOT;
use rustpython::InterpreterBuilderExt;
use rustpython_vm::{InterpreterBuilder, VirtualMachine, common::rc::PyRc};
use std::sync::LazyLock;

/// The archive, checked when it is first used.
///
/// Panics then if it is damaged: it is part of the executable, so the executable is.
static ARCHIVE: LazyLock<Archive<'static>> = LazyLock::new(|| {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/stdlib.archive"));
    match Archive::open(bytes) {
        Ok(archive) => archive,
        Err(error) => panic!("the built-in standard library is damaged: {error}"),
    }
});

/// Adds the standard library to `builder`: the native modules, and the Python ones from the
/// archive. To be called once, instead of `init_stdlib`.
#[must_use]
pub fn add_to(builder: InterpreterBuilder) -> InterpreterBuilder {
    let builder = builder.init_stdlib();
    let native = native::module_def(&builder.ctx);
    let hooked = hook::hooked_module_def(&builder.ctx);
    builder
        .add_native_module(native)
        .add_native_modules(hooked.as_slice())
        .add_frozen_modules(frozen::modules())
        .init_hook(set_paths)
}

/// Puts [`ROOT`] where CPython has its library: after `PYTHONPATH`, before site-packages.
///
/// The VM's guesses (a library beside the executable or under `/usr/local`, and the folder of the
/// build machine) are dropped: another Python's library must not mix with this one.
fn set_paths(vm: &mut VirtualMachine) {
    // Hooks run before anything else can hold the state; see `initialize_vm` of rustpython-vm.
    let Some(state) = PyRc::get_mut(&mut vm.state) else {
        return;
    };
    let config = &mut state.config;
    config.paths.stdlib_dir = Some(ROOT.to_owned());
    config.paths.module_search_paths = config.settings.path_list.clone();
    config.paths.module_search_paths.push(ROOT.to_owned());
    // Not needed before `sys.path` works, and not frozen in CPython: a script may shadow it.
    state.frozen.remove("copyreg");
}
