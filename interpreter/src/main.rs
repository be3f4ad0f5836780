//! `tracepy`: a Python interpreter that traces every allocation.

use interpreter::Mimalloc;
use std::process::ExitCode;
use vm_hooks::TracingAllocator;

#[global_allocator]
static ALLOCATOR: TracingAllocator<Mimalloc> = TracingAllocator::new(Mimalloc);

fn main() -> ExitCode {
    interpreter::run(|builder| builder)
}
