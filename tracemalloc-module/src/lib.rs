//! Python's `tracemalloc`, native, for RustPython's VM.
//!
//! This is the third step on the data's way, *expose*: what `vm-hooks` records and `snapshot`
//! analyses, under the names that the Python documentation gives them. Two modules:
//! `tracemalloc`, and the private `_tracemalloc` that Python's own `tracemalloc.py` builds on.
//!
//! ```ignore
//! let builder = rustpython_vm::InterpreterBuilder::new();
//! let modules = tracemalloc_module::module_defs(&builder.ctx);
//! let builder = builder.add_native_modules(&modules);
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `functions` | `_tracemalloc`: start, stop, the counters |
//! | `module` | `tracemalloc`: what is in it, `take_snapshot`, `get_object_traceback` |
//! | `frame`, `traceback`, `trace`, `statistic`, `filter`, `py_snapshot` | the classes |
//! | `attr` | attributes that are slots |
//! | `raw` | between Python's tuples and the snapshot crate's columns |
//! | `names` | Python strings and frames for ids, each made once |
//! | `text` | what `str()` and `repr()` give |
//! | `persist`, `values` | `Snapshot.dump` and `Snapshot.load` |
//!
//! Invariant of the classes: attributes that are slots in Python are slots here, what lives in
//! `__dict__` there lives there here; so copying, pickling, subclassing and patching work as in
//! Python. Numbers and names are whatever objects the program put in; they become the snapshot
//! crate's only to be counted.

mod attr;
mod filter;
mod frame;
mod functions;
mod module;
mod names;
mod persist;
mod py_snapshot;
mod raw;
mod statistic;
mod text;
mod trace;
mod traceback;
mod values;

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
