//! What `tracepy` is made of: the native modules, the standard library inside the binary, and the
//! command line that starts tracing.
//!
//! This is where the steps are put together. The binary adds the allocator that records.
//!
//! Invariant: tracing starts before any Python code runs, not even that of `importlib`; without
//! it, a program runs as on the plain VM.

use rustpython::InterpreterBuilder;
use rustpython_vm::VirtualMachine;
use std::process::ExitCode;

mod options;
mod stdlib;

/// Runs the command line of this process to its end, and returns its exit status.
///
/// `extend` adds what a variant of the interpreter has beyond `tracepy` (the tests have one).
pub fn run(extend: impl FnOnce(InterpreterBuilder) -> InterpreterBuilder) -> ExitCode {
    if let Some(exit) = options::early_exit(std::env::args_os()) {
        return exit.finish();
    }
    let builder = stdlib::add_to(InterpreterBuilder::new());
    let modules = tracemalloc_module::module_defs(&builder.ctx);
    let builder = extend(builder.add_native_modules(&modules));
    rustpython::run(builder.init_hook(start_tracing))
}

/// Starts tracing where the command line or the environment asks for it.
fn start_tracing(vm: &mut VirtualMachine) {
    let settings = &vm.state.config.settings;
    let variable = match settings.ignore_environment {
        true => None,
        false => std::env::var_os("PYTHONTRACEMALLOC"),
    };
    let frames = match options::tracing_request(&settings.xoptions, variable.as_deref()) {
        Ok(Some(frames)) => frames,
        Ok(None) => return,
        Err(error) => {
            eprint!("{error}");
            std::process::exit(options::StartupError::STATUS);
        }
    };
    if let Err(error) = vm_hooks::start(u32::from(frames)) {
        eprintln!("Fatal Python error: can't start tracemalloc: {error}");
        std::process::exit(options::StartupError::STATUS);
    }
}
