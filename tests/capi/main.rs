//! What needs an interpreter of its own, with functions that the shipped one has not.
//!
//! This program is two. Under the name [`INTERPRETER`] it is `tracepy` with `_testcapi` added, with a
//! second bookkeeper ([`ledger`]) around its allocator, and with what refuses memory ([`refusing`])
//! around and below that. Under its own name it is the test: it gives itself that name and runs
//!
//! - `tests/capi/ledger.py`: what is traced is what was allocated, to the byte;
//! - `tests/capi/refused.py`: a program that gets no memory at its n-th request ends as it ends
//!   untraced, at 40 positions n, or as many as `REFUSED=10000` says;
//! - CPython's `test_tracemalloc`, whole (`tests/cpython_suite.py`), from an installed CPython 3.13;
//!   it starts `sys.executable` again and again.
//!
//! `CPYTHON_TEST_PACKAGE=/path/to/test` takes the suite from there, say 3.14's.
//!
//! Invariant: every test passes; none is skipped.

mod ledger;
mod refusing;
mod testcapi;

#[path = "../e2e/util.rs"]
#[allow(dead_code, unused_macros)]
mod util;

use interpreter::Mimalloc;
use ledger::Ledger;
use refusing::{Refusing, Requests};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};
use vm_hooks::TracingAllocator;

#[global_allocator]
static ALLOCATOR: Requests<Ledger<TracingAllocator<Refusing<Mimalloc>>>> =
    Requests(Ledger(TracingAllocator::new(Refusing(Mimalloc))));

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
        println!("capi: test");
        return ExitCode::SUCCESS;
    }
    let python = link();
    for frames in ["1", "25"] {
        let script = util::root().join("tests/capi/ledger.py");
        let out = util::Cmd::new(&python).arg(script).arg(frames).run();
        println!("{}", out.success().stdout.trim_end());
    }
    let positions = env::var("REFUSED").ok();
    let out = util::Cmd::new(&python)
        .arg(util::root().join("tests/capi/refused.py"))
        .args(["--positions", positions.as_deref().unwrap_or("40")])
        .timeout(if positions.is_some() { 36_000 } else { 600 })
        .run();
    println!("{}", out.success().stdout.trim_end());
    let named = env::var_os("CPYTHON_TEST_PACKAGE").map(PathBuf::from);
    match named.or_else(|| Some(util::cpython_with_tests()?.1)) {
        Some(package) => passes_whole(&python, &package),
        None => util::skip(
            "tests/capi",
            "no CPython 3.13 with its `test` package was found",
        ),
    }
    ExitCode::SUCCESS
}

/// This program under the name that makes it the interpreter.
fn link() -> PathBuf {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join(INTERPRETER);
    let _ = fs::remove_file(&python);
    let this = env::current_exe().expect("the path of this program");
    std::os::unix::fs::symlink(this, &python).expect("a link in the folder for tests");
    python
}

fn passes_whole(python: &Path, package: &Path) {
    let out = util::Cmd::new(python)
        .arg(util::root().join("tests/cpython_suite.py"))
        .arg(package)
        .timeout(600)
        .run()
        .success()
        .stdout_has("failures=0 errors=0 skipped=0");
    println!("{}", out.stdout.trim_end());
}
