//! Python's `tracemalloc`, native, for RustPython's VM.
//!
//! This is the third step on the data's way, *expose*: what `vm-hooks` records and `snapshot`
//! analyses, under the names that the Python documentation gives them. Two modules:
//! `tracemalloc`, and the private `_tracemalloc` that Python's own `tracemalloc.py` builds on.
//!
//! ```no_run
//! use rustpython_vm::InterpreterBuilder;
//! use snapshot::KeyType;
//! use vm_hooks::TracingAllocator;
//!
//! // Or around another allocator: TracingAllocator::new(mimalloc::MiMalloc).
//! #[global_allocator]
//! static ALLOCATOR: TracingAllocator<std::alloc::System> = TracingAllocator::new(std::alloc::System);
//!
//! const SCRIPT: &str = "
//! import _tracemalloc
//! kept = [b'x' * n for n in range(1000, 2000)]
//! limit = _tracemalloc.get_traceback_limit()
//! ";
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     vm_hooks::start(25)?;
//!
//!     let builder = InterpreterBuilder::new();
//!     let modules = tracemalloc_module::module_defs(&builder.ctx);
//!     let interpreter = builder.add_native_modules(&modules).interpreter();
//!
//!     let snapshot = interpreter.enter(|vm| {
//!         let scope = vm.new_scope_with_builtins();
//!         match vm.run_string(scope.clone(), SCRIPT, "embedded.py") {
//!             Ok(_) => vm_hooks::take_snapshot().map_err(|error| error.to_string()),
//!             Err(_) => Err("the script failed".to_owned()),
//!         }
//!     })?;
//!     let lines = snapshot.statistics(KeyType::Lineno, false)?;
//!     let kept = lines
//!         .iter()
//!         .find(|line| line.to_string().starts_with("embedded.py:3:"));
//!     println!("{}", kept.ok_or("line 3 keeps its memory")?);
//!     vm_hooks::stop();
//!     Ok(())
//! }
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `functions` | `_tracemalloc`: start, stop, the counters |
//! | `module` | `tracemalloc`: what is in it, `take_snapshot`, `get_object_traceback` |
//! | `frame`, `traceback`, `trace`, `statistic`, `filter`, `py_snapshot` | the classes |
//! | `arguments` | how arguments are bound, and refused |
//! | `attr` | attributes that are slots |
//! | `objects` | statistics of traces that columns cannot hold |
//! | `originals` | whether the program has replaced a name or a method |
//! | `raw` | between Python's tuples and the snapshot crate's columns |
//! | `names` | Python strings and frames for ids, each made once |
//! | `text` | what `str()` and `repr()` give |
//! | `persist`, `values`, `whole_file` | `Snapshot.dump` and `Snapshot.load` |
//!
//! Invariant of the classes: attributes that are slots in Python are slots here, what lives in
//! `__dict__` there lives there here; so copying, pickling, subclassing and patching work as in
//! Python. Numbers and names are whatever objects the program put in; they become the snapshot
//! crate's only to be counted.

mod arguments;
mod attr;
mod filter;
mod frame;
mod functions;
mod module;
mod names;
mod objects;
mod originals;
mod persist;
mod py_snapshot;
mod raw;
mod statistic;
mod text;
mod trace;
mod traceback;
mod values;
mod whole_file;

pub use whole_file::{replace, replaceable};

use rustpython_vm::Context;
use rustpython_vm::builtins::PyModuleDef;

/// The definitions of `tracemalloc` and `_tracemalloc`, for
/// `InterpreterBuilder::add_native_modules`.
pub fn module_defs(context: &Context) -> [&'static PyModuleDef; 2] {
    [
        module::tracemalloc::module_def(context),
        functions::_tracemalloc::module_def(context),
    ]
}
