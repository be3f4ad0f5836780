//! Runs Python code in a VM of its own, traced, and prints where it keeps its memory. The same program as
//! in the README.

use rustpython_vm::InterpreterBuilder;
use snapshot::KeyType;
use vm_hooks::TracingAllocator;

// Or around another allocator: TracingAllocator::new(mimalloc::MiMalloc).
#[global_allocator]
static ALLOCATOR: TracingAllocator<std::alloc::System> = TracingAllocator::new(std::alloc::System);

const SCRIPT: &str = "
import _tracemalloc
kept = [b'x' * n for n in range(1000, 2000)]
limit = _tracemalloc.get_traceback_limit()
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    vm_hooks::start(25)?;

    let builder = InterpreterBuilder::new();
    let modules = tracemalloc_module::module_defs(&builder.ctx);
    let interpreter = builder.add_native_modules(&modules).interpreter();

    let snapshot = interpreter.enter(|vm| {
        let scope = vm.new_scope_with_builtins();
        match vm.run_string(scope.clone(), SCRIPT, "embedded.py") {
            Ok(_) => vm_hooks::take_snapshot().map_err(|error| error.to_string()),
            Err(_) => Err("the script failed".to_owned()),
        }
    })?;
    let lines = snapshot.statistics(KeyType::Lineno, false)?;
    let kept = lines
        .iter()
        .find(|line| line.to_string().starts_with("embedded.py:3:"));
    println!("{}", kept.ok_or("line 3 keeps its memory")?);
    vm_hooks::stop();
    Ok(())
}
