//! CPython's `test_tracemalloc`, whole, by an interpreter that has the C API which it asks for.
//!
//! This program is two. Under the name [`INTERPRETER`] it is `tracepy` with `_testcapi` added,
//! which the shipped interpreter has not. Under its own name it is the test: it gives itself that
//! name and runs the suite of an installed CPython 3.13 (`tests/cpython_suite.py`), which in turn
//! starts `sys.executable` again and again.
//!
//! `CPYTHON_TEST_PACKAGE=/path/to/test` takes the suite from there, say 3.14's.
//!
//! Invariant: every test passes; none is skipped.

mod ledger;
mod testcapi;

#[path = "../e2e/util.rs"]
#[allow(dead_code, unused_macros)]
mod util;

use ledger::Ledger;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};
use vm_hooks::TracingAllocator;

#[global_allocator]
static ALLOCATOR: Ledger<TracingAllocator<mimalloc::MiMalloc>> =
    Ledger(TracingAllocator::new(mimalloc::MiMalloc));

const INTERPRETER: &str = "tracepy-with-testcapi";

fn main() -> ExitCode {
    let name = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if name.file_name().is_some_and(|name| name == INTERPRETER) {
        return interpreter::run(|builder| {
            let module = testcapi::module_def(&builder.ctx);
            builder.add_native_module(module)
        });
    }
    // What `cargo test` asks every test program; this one has a single test.
    if env::args().any(|arg| arg == "--list") {
        println!("cpythons_own_suite: test");
        return ExitCode::SUCCESS;
    }
    let named = env::var_os("CPYTHON_TEST_PACKAGE").map(PathBuf::from);
    match named.or_else(|| Some(util::cpython_with_tests()?.1)) {
        Some(package) => passes_whole(&package),
        None => util::skip(
            "tests/capi",
            "no CPython 3.13 with its `test` package was found",
        ),
    }
    ExitCode::SUCCESS
}

fn passes_whole(package: &Path) {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join(INTERPRETER);
    let _ = fs::remove_file(&python);
    let this = env::current_exe().expect("the path of this program");
    std::os::unix::fs::symlink(this, &python).expect("a link in the folder for tests");
    let out = util::Cmd::new(&python)
        .arg(util::root().join("tests/cpython_suite.py"))
        .arg(package)
        .timeout(600)
        .run()
        .success()
        .stdout_has("failures=0 errors=0 skipped=0");
    println!("{}", out.stdout.trim_end());
}
