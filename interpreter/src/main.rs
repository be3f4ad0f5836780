//! `tracepy`: a Python interpreter that traces every allocation.

use std::process::ExitCode;
use vm_hooks::TracingAllocator;

#[global_allocator]
static ALLOCATOR: TracingAllocator<mimalloc::MiMalloc> = TracingAllocator::new(mimalloc::MiMalloc);

fn main() -> ExitCode {
    interpreter::run(|builder| builder)
}
