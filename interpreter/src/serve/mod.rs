//! Memory over HTTP, without the program's doing (`-X tracemalloc_http` and its relatives). What is
//! answered, and to whom, is the crate `service`'s; here it gets an address, threads, and the traces.
//!
//! | file | holds |
//! |---|---|
//! | `source` | what the service asks of this process; its threads |
//! | `kin` | whether who listens at an address is an ancestor of this process |
//! | `place` | the file that says where a process serves |
//!
//! Invariants: nothing here needs the VM while the program runs. A child of a fork serves at an address
//! of its own, or not at all; what it got of its parent's sockets is closed before it runs on. What a
//! process leaves in the file system goes when it ends.

mod kin;
mod place;
mod source;

use crate::dumps::{Template, tell};
use rustpython_vm::VirtualMachine;
use rustpython_vm::vm::HIDDEN_THREADS;
use service::{Address, Bound, Token};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What is asked for.
static PLAN: OnceLock<Plan> = OnceLock::new();
/// Whether the dumps count the hidden threads of a child from the beginning.
static AFTER_DUMPS: AtomicBool = AtomicBool::new(false);

/// The service of a run.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Plan {
    /// Where.
    pub(crate) address: Address,
    /// The option or the variable, with its value.
    pub(crate) from: String,
    /// Whether the program does not run without: an option asked for it.
    pub(crate) is_required: bool,
    /// What a client has to send.
    pub(crate) token: Option<Token>,
    /// Where it is written down.
    pub(crate) file: Option<Template>,
    /// What is served, for people.
    pub(crate) program: String,
}

/// A plan, and the socket at which it can be followed.
pub(crate) struct Listener(Plan, Bound);

/// Listens; `None` where an ancestor does so already, or where it is not possible and not required.
///
/// # Errors
///
/// The line to print, with its end.
pub(crate) fn listen(plan: Plan) -> Result<Option<Listener>, String> {
    match plan.address.bind() {
        Ok(bound) => Ok(Some(Listener(plan, bound))),
        Err(error) if is_taken(&error) && kin::listens(&plan.address) => Ok(None),
        Err(error) => {
            let what = format!("{}: {}", plan.from, plain(&error));
            if plan.is_required {
                return Err(format!("tracemalloc: {what}\n"));
            }
            tell(&what);
            Ok(None)
        }
    }
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

/// An error in the system's words, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text[..text.find(" (os error").unwrap_or(text.len())].to_owned()
}

/// Begins to serve. Where there are dumps, too, they have begun.
///
/// # Errors
///
/// When there are no threads for it, or its file cannot be written.
pub(crate) fn start(listener: Listener, has_dumps: bool, vm: &VirtualMachine) -> io::Result<()> {
    let Listener(plan, bound) = listener;
    _ = PLAN.set(plan);
    AFTER_DUMPS.store(has_dumps, Ordering::Relaxed);
    let (before, parent) = (service::fork::before, service::fork::parent);
    // SAFETY: the functions live as long as the process, and do what may be done around a fork.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(service::fork::child)) };
    // SAFETY: the function has the right type, and lives as long as the process.
    unsafe { libc::atexit(place::leave) };
    vm_hooks::untraced(|| {
        let after = vm.new_function("after_fork", after_fork);
        vm.state.after_forkers_child.lock().push(after.into());
        serve(bound)
    })
}

fn serve(bound: Bound) -> io::Result<()> {
    let Some(plan) = PLAN.get() else {
        return Ok(());
    };
    place::enter(plan, &bound)?;
    let source = source::Process::new(plan.program.clone());
    service::serve(bound, plan.token.clone(), Arc::new(source))
}

/// In the child of a fork: the parent's threads are not here, and its sockets are closed.
fn after_fork() {
    vm_hooks::untraced(|| {
        if !AFTER_DUMPS.load(Ordering::Relaxed) {
            HIDDEN_THREADS.store(0, Ordering::Relaxed);
        }
        let Some(plan) = PLAN.get().filter(|plan| plan.address.is_each_its_own()) else {
            return;
        };
        if let Err(error) = plan.address.bind().and_then(serve) {
            let why = plain(&error);
            tell(&format!(
                "process {} does not serve: {}: {why}",
                std::process::id(),
                plan.from
            ));
        }
    });
}
