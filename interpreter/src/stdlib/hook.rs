//! Puts the library's path hook into `sys.path_hooks` at the one moment when that works.
//!
//! Init hooks run before `sys` is set up (which makes a new, empty `sys.path_hooks`), and the
//! first import from `sys.path` happens inside the VM's initialisation. Between the two the VM
//! imports the native module [`CARRIER`]. So that module's definition is replaced by one that
//! does what it did and then installs the hook. Sub-interpreters inherit definitions (but not
//! init hooks), and so get the library the same way.
//!
//! Invariant: `sys.path_hooks` never has the hook twice, however often the carrier is executed.

use super::native;
use rustpython_vm::builtins::{PyList, PyModule, PyModuleDef, PyModuleSlots};
use rustpython_vm::{AsObject, Context, Py, PyResult, VirtualMachine, import};
use std::sync::OnceLock;

/// The native module that carries the hook: `init_importlib_package` imports it right before the
/// importers for `sys.path`.
const CARRIER: &str = "marshal";

type Exec = fn(&VirtualMachine, &Py<PyModule>) -> PyResult<()>;

/// What the carrier itself does when it is executed.
static CARRIER_EXEC: OnceLock<Option<Exec>> = OnceLock::new();

/// The carrier's definition with the hook added; `None` if the VM has no such module.
pub(super) fn hooked_module_def(ctx: &Context) -> Option<&'static PyModuleDef> {
    let defs = rustpython_vm::stdlib::builtin_module_defs(ctx);
    let original = defs.into_iter().find(|def| def.name.as_str() == CARRIER)?;
    CARRIER_EXEC.get_or_init(|| original.slots.exec);
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
    if let Some(Some(exec)) = CARRIER_EXEC.get() {
        exec(vm, module)?;
    }
    let hook = import::import_builtin(vm, native::NAME)?.get_attr("path_hook", vm)?;
    let hooks = vm.sys_module.get_attr("path_hooks", vm)?;
    // `None` or something else while the interpreter shuts down: nothing left to import from.
    let Some(hooks) = hooks.downcast_ref::<PyList>() else {
        return Ok(());
    };
    let installed = hooks.borrow_vec().iter().any(|other| other.is(&hook));
    if !installed {
        vm.call_method(hooks.as_object(), "insert", (0, hook))?;
    }
    Ok(())
}
