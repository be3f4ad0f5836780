//! The places of the VM where this begins: the start, the end, a fork, and the first look at the
//! signals.
//!
//! Invariant: Python code sees none of it: no entry in `atexit`, no handler, no thread that
//! `os.fork` would warn of.

use super::plan::Plan;
use super::{ending, signals, thread, writer};
use crate::push;
use rustpython_vm::builtins::{PyModule, PyModuleDef, PyModuleSlots};
use rustpython_vm::vm::{HIDDEN_THREADS, PROGRAM_ENDS};
use rustpython_vm::{Context, InterpreterBuilder, Py, PyResult, VirtualMachine};
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// The native module that looks at what each signal does when it is executed.
const SIGNALS: &str = "_signal";

type Exec = fn(&VirtualMachine, &Py<PyModule>) -> PyResult<()>;

/// What that module itself does then.
static SIGNALS_EXEC: OnceLock<Option<Exec>> = OnceLock::new();

/// Begins to follow a plan, before the VM is initialised.
///
/// # Errors
///
/// When there is no thread for it.
pub(crate) fn start(plan: Plan, vm: &VirtualMachine) -> io::Result<()> {
    let signal = plan.signal;
    writer::begin(plan);
    begin()?;
    signals::want(signal);
    let hook: fn() = ending::by_itself;
    let hook = std::ptr::with_exposed_provenance_mut(hook as *const () as usize);
    PROGRAM_ENDS.store(hook, Ordering::Release);
    // Those that the program registers come later; the order is that of registration.
    vm_hooks::untraced(|| {
        let after = vm.new_function("after_fork", after_fork);
        vm.state.after_forkers_child.lock().push(after.into());
    });
    Ok(())
}

/// What each process does that follows the plan.
fn begin() -> io::Result<()> {
    if let Some(plan) = writer::plan() {
        thread::start(plan)?;
        HIDDEN_THREADS.store(1, Ordering::Relaxed);
        push::begin()?;
        ending::expect();
    }
    Ok(())
}

/// In the child of a fork: the parent's thread is not here.
fn after_fork() {
    vm_hooks::untraced(|| {
        HIDDEN_THREADS.store(0, Ordering::Relaxed);
        if let Err(error) = begin() {
            writer::tell(&format!(
                "there will be no dumps and pushes of process {}: {error}",
                std::process::id()
            ));
        }
    });
}

/// Makes the VM tell when it has looked at the signals: then handlers can be installed of which
/// it knows nothing.
pub(crate) fn add_to(builder: InterpreterBuilder) -> InterpreterBuilder {
    let hooked = hooked_module_def(&builder.ctx);
    builder.add_native_modules(hooked.as_slice())
}

fn hooked_module_def(ctx: &Context) -> Option<&'static PyModuleDef> {
    let defs = rustpython_vm::stdlib::builtin_module_defs(ctx);
    let original = defs.into_iter().find(|def| def.name.as_str() == SIGNALS)?;
    SIGNALS_EXEC.get_or_init(|| original.slots.exec);
    // Definitions live as long as the process; this one is made once per interpreter.
    Some(Box::leak(Box::new(PyModuleDef {
        name: original.name,
        doc: original.doc,
        methods: original.methods,
        slots: PyModuleSlots {
            create: original.slots.create,
            exec: Some(exec),
        },
    })))
}

fn exec(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    let original = SIGNALS_EXEC.get().copied().flatten();
    signals::around(|| original.map_or(Ok(()), |original| original(vm, module)))
}
