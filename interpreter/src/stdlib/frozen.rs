//! The modules that the VM imports before `sys.path` works, taken from the archive.
//!
//! Invariant: each of them has the code of the library file that `FrozenImporter` names as its
//! `__file__`. The VM's own copies carry the bare module name as their file name.

use super::ARCHIVE;
use rustpython_vm::frozen::{FrozenCodeObject, FrozenModule};

/// Module name, file in the archive, whether it is a package.
///
/// The names are those of the VM's own table (`core_frozen_inits`) and of our finder, which the
/// path hook has to import before it can answer. Not replaced are importlib's two halves, whose
/// names are right already, and `_thread`, which is native here.
const MODULES: &[(&str, &str, bool)] = &[
    ("_tracepy_stdlib", "_tracepy_stdlib.py", false),
    ("codecs", "codecs.py", false),
    ("encodings_ascii", "encodings/ascii.py", false),
    ("encodings_latin_1", "encodings/latin_1.py", false),
    ("encodings_utf_8", "encodings/utf_8.py", false),
    ("__hello__", "__hello__.py", false),
    ("__hello_alias__", "__hello__.py", false),
    ("__hello_only__", "__hello__.py", false),
    ("__phello_alias__", "__hello__.py", true),
    ("__phello_alias__.spam", "__hello__.py", false),
    ("__phello__", "__phello__/__init__.py", true),
    ("__phello__.__init__", "__phello__/__init__.py", false),
    ("__phello__.spam", "__phello__/spam.py", false),
    ("__phello__.ham", "__phello__/ham/__init__.py", true),
    (
        "__phello__.ham.__init__",
        "__phello__/ham/__init__.py",
        false,
    ),
    ("__phello__.ham.eggs", "__phello__/ham/eggs.py", false),
];

/// The replacements, for `InterpreterBuilder::add_frozen_modules`. A file that the archive does
/// not have is left out: the VM's copy then stays.
pub(super) fn modules() -> impl Iterator<Item = (&'static str, FrozenModule)> {
    MODULES.iter().filter_map(|&(name, file, package)| {
        let bytes = ARCHIVE.find(file)?.code()?;
        let code = FrozenCodeObject { bytes };
        Some((name, FrozenModule { code, package }))
    })
}
