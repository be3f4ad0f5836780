//! `tracepy`: a Python interpreter that traces every allocation.
//!
//! This is where the steps are put together: the allocator that records, the native module, the
//! standard library inside the binary, and the command line that starts tracing.
//!
//! Invariant: tracing starts before any Python code runs, not even that of `importlib`; without
//! it, a program runs as on the plain VM.

use rustpython::InterpreterBuilder;
use rustpython_vm::VirtualMachine;
use std::process::ExitCode;
use vm_hooks::TracingAllocator;

mod options;
mod stdlib;

#[global_allocator]
static ALLOCATOR: TracingAllocator<mimalloc::MiMalloc> = TracingAllocator::new(mimalloc::MiMalloc);

fn main() -> ExitCode {
    if let Some(exit) = options::early_exit(std::env::args_os()) {
        return exit.finish();
    }
    let builder = stdlib::add_to(InterpreterBuilder::new());
    let modules = tracemalloc_module::module_defs(&builder.ctx);
    let builder = builder.add_native_modules(&modules);
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
