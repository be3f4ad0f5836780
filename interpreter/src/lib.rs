//! What `tracepy` is made of: the native modules, the standard library inside the binary, and the
//! command line that starts tracing.
//!
//! This is where the steps are put together. The binary adds the allocator that records.
//!
//! Invariant: tracing starts before any Python code runs, not even that of `importlib`; without
//! it, a program runs as on the plain VM.

use options::Start;
use rustpython::InterpreterBuilder;
use rustpython_vm::VirtualMachine;
use std::process::ExitCode;

#[cfg(unix)]
mod dumps;
mod mimalloc;
mod options;
#[cfg(unix)]
mod push;
#[cfg(unix)]
mod serve;
mod stdlib;

pub use mimalloc::Mimalloc;

/// Runs the command line of this process to its end, and returns its exit status.
///
/// `extend` adds what a variant of the interpreter has beyond `tracepy` (the tests have one).
pub fn run(extend: impl FnOnce(InterpreterBuilder) -> InterpreterBuilder) -> ExitCode {
    let start = match options::read(std::env::args_os()) {
        Ok(start) => start,
        Err(exit) => return exit.finish(),
    };
    // A client that comes before the interpreter is up waits for it.
    #[cfg(unix)]
    let listener = match start.http.clone().map_or(Ok(None), serve::listen) {
        Ok(listener) => listener,
        Err(message) => {
            eprint!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let builder = stdlib::add_to(InterpreterBuilder::new());
    let modules = tracemalloc_module::module_defs(&builder.ctx);
    let builder = extend(builder.add_native_modules(&modules));
    #[cfg(unix)]
    let builder = match start.dumps {
        Some(_) => dumps::add_to(builder),
        None => builder,
    };
    rustpython::run(builder.init_hook(|vm| {
        #[cfg(unix)]
        let has_dumps = start.dumps.is_some();
        begin(start, vm);
        // After the dumps: so are they in the child of a fork.
        #[cfg(unix)]
        if let Some(listener) = listener
            && let Err(error) = serve::start(listener, has_dumps, vm)
        {
            cannot_start("the service of tracemalloc", &error);
        }
    }))
}

/// Starts what the command line and the environment ask for.
fn begin(start: Start, vm: &VirtualMachine) {
    if let Some(frames) = start.frames
        && let Err(error) = vm_hooks::start(u32::from(frames))
    {
        cannot_start("tracemalloc", &error);
    }
    #[cfg(unix)]
    if let Some(plan) = start.push {
        push::prepare(plan);
    }
    #[cfg(unix)]
    if let Some(plan) = start.dumps
        && let Err(error) = dumps::start(plan, vm)
    {
        cannot_start("the dumps of tracemalloc", &error);
    }
    #[cfg(not(unix))]
    let _ = vm;
}

fn cannot_start(what: &str, error: &dyn std::error::Error) -> ! {
    eprintln!("Fatal Python error: can't start {what}: {error}");
    std::process::exit(options::StartupError::STATUS);
}
