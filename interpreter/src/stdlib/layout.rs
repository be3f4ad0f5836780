//! Where the built-in standard library appears to be: the one directory name that scripts see.
//!
//! Invariant: `code_file_name` of a module's file is the module's `__file__`, except for the two
//! halves of importlib, which keep the names they have in every Python. This file is also part of
//! the build script.

/// The directory of the library. It does not exist; it is an entry of `sys.path`, the value of
/// `sys._stdlib_dir`, and the start of every library module's `__file__`.
pub const ROOT: &str = "/tracepy/lib/python3.14";

/// The file name for the code of the library file `name` (relative to [`ROOT`]).
#[must_use]
pub fn code_file_name(name: &str) -> String {
    match name {
        "importlib/_bootstrap.py" => "<frozen importlib._bootstrap>".to_owned(),
        "importlib/_bootstrap_external.py" => "<frozen importlib._bootstrap_external>".to_owned(),
        _ => format!("{ROOT}/{name}"),
    }
}
