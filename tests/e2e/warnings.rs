//! Warnings about what was left open show where it was made, as CPython's `warnings` does.

use super::util::{Dir, tracepy};

/// A program that makes `made` on its line 6 and forgets it at once is warned of `warning`.
#[track_caller]
fn warns(made: &str, warning: &str) {
    let program = format!(
        "import os, socket\n\
         async def soon(): pass\n\
         async def many(): yield\n\
         \n\
         def make():\n\
         \x20   return {made}\n\
         def use():\n\
         \x20   make()\n\
         use()\n"
    );
    let dir = Dir::new();
    let file = dir.file("forgets.py", program);
    let path = file.display();
    let category = warning.split(':').next().unwrap_or_default();
    let first = format!("{path}:8: {warning}\n  make()\n");
    let traced = format!(
        "{first}Object allocated at (most recent call last):\n  \
         File \"{path}\", lineno 9\n    use()\n  \
         File \"{path}\", lineno 8\n    make()\n  \
         File \"{path}\", lineno 6\n    return {made}\n"
    );
    let untraced =
        format!("{first}{category}: Enable tracemalloc to get the object allocation traceback\n");
    for (options, expected) in [
        (&["-X", "tracemalloc=5"][..], &traced),
        (&[][..], &untraced),
    ] {
        tracepy()
            .args(options)
            .args(["-W", "default"])
            .arg(&file)
            .run()
            .success()
            .stderr_is(expected);
    }
}

#[test]
fn a_file() {
    warns(
        "open(os.devnull, 'r', encoding='ascii')",
        "ResourceWarning: unclosed file \
         <_io.TextIOWrapper name='/dev/null' mode='r' encoding='ascii'>",
    );
}

#[test]
fn a_binary_file() {
    warns(
        "open(os.devnull, 'rb')",
        "ResourceWarning: unclosed file <_io.BufferedReader name='/dev/null'>",
    );
}

#[test]
fn a_raw_file() {
    warns(
        "open(os.devnull, 'rb', buffering=0)",
        "ResourceWarning: unclosed file <_io.FileIO name='/dev/null' mode='rb' closefd=True>",
    );
}

#[test]
fn a_socket() {
    warns(
        "socket.socket(socket.AF_UNIX)",
        "ResourceWarning: unclosed <socket.socket fd=3, family=1, type=1, proto=0>",
    );
}

/// The VM shows the iterator in its own words, which tell the folder: they are not compared.
#[test]
fn a_directory_iterator() {
    let made = "import os; os.scandir('/')";
    let run = tracepy().args(["-X", "tracemalloc", "-W", "default", "-c", made]);
    run.run()
        .success()
        .stderr_has("ResourceWarning: unclosed scandir iterator ")
        .stderr_has(
            "Object allocated at (most recent call last):\n  File \"<string>\", lineno 1\n",
        );
}

#[test]
fn a_coroutine() {
    warns(
        "soon()",
        "RuntimeWarning: coroutine 'soon' was never awaited",
    );
}

#[test]
fn a_method_of_an_asynchronous_generator() {
    warns(
        "many().asend(None)",
        "RuntimeWarning: coroutine method 'asend' of 'many' was never awaited",
    );
}
