//! Packs the standard library into one archive: `$OUT_DIR/stdlib.archive`, which the interpreter
//! includes. The files are those of `rustpython-pylib` and of this project's `Lib` folder. What
//! lies in `Lib/additions` is added at the end of the library's file with that path, so that the
//! lines before it keep their numbers.
//!
//! Invariant: no path of the build machine reaches the archive. A module's code carries the name
//! under which the interpreter shows it, `<library root>/<path>`, and nothing else.

use rustpython_compiler::{CompileOpts, Mode, compile};
use rustpython_compiler_core::frozen::FrozenCodeObject;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{env, fs, thread};

#[path = "src/stdlib/archive.rs"]
#[allow(dead_code)] // Only the format's constants are needed here.
mod archive;
#[path = "src/stdlib/archive_writer.rs"]
mod archive_writer;
#[path = "src/stdlib/layout.rs"]
mod layout;

use archive_writer::File;

/// Enough for the most deeply nested file of the library in an unoptimised compiler.
const COMPILER_STACK: usize = 256 << 20;

/// The folder, in `Lib`, of what is added to the library's files.
const ADDITIONS: &str = "additions/";

fn main() -> Result<(), Box<dyn Error>> {
    // The library's own files cannot change without another version of `rustpython-pylib`, and
    // that compiles this script anew.
    println!("cargo:rerun-if-changed=build.rs");
    for file in ["archive.rs", "archive_writer.rs", "layout.rs"] {
        println!("cargo:rerun-if-changed=src/stdlib/{file}");
    }
    let manifest_dir = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("no manifest dir")?);
    let own = manifest_dir.join("..").join("Lib");
    println!("cargo:rerun-if-changed={}", own.display());

    let mut files = Vec::new();
    collect(&own, "", &mut files)?;
    // Beside the packages: what CPython needs to install them, and stubs for type checkers.
    files.retain(|file| file.name.contains('/') || file.name.ends_with(".py"));
    collect(Path::new(rustpython_pylib::LIB_PATH), "", &mut files)?;
    add_additions(&mut files)?;
    compile_all(&mut files)?;
    let archive = archive_writer::write(files, &archive_writer::AT_START)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    fs::write(out.join("stdlib.archive"), archive)?;
    Ok(())
}

/// Reads every file below `dir` that belongs to the library.
fn collect(dir: &Path, prefix: &str, files: &mut Vec<File>) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            return Err(format!("{}: not a UTF-8 name", entry.path().display()).into());
        };
        // Left behind by an interpreter that ran from this folder.
        if name == "__pycache__" || name.ends_with(".pyc") {
            continue;
        }
        let path = entry.path();
        let name = format!("{prefix}{name}");
        if fs::metadata(&path)?.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else {
            let data = fs::read(&path)?;
            files.push(File {
                name,
                code: Vec::new(),
                data,
            });
        }
    }
    Ok(())
}

/// Moves the additions to where they belong.
fn add_additions(files: &mut Vec<File>) -> Result<(), String> {
    let is_addition = |file: &mut File| file.name.starts_with(ADDITIONS);
    let additions: Vec<File> = files.extract_if(.., is_addition).collect();
    for addition in additions {
        let name = &addition.name[ADDITIONS.len()..];
        let Some(file) = files.iter_mut().find(|file| file.name == name) else {
            return Err(format!("{}: the library has no such file", addition.name));
        };
        file.data.extend(addition.data);
    }
    Ok(())
}

/// Compiles all Python files, on all processors.
fn compile_all(files: &mut [File]) -> Result<(), Box<dyn Error>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let queue = Mutex::new(files.iter_mut().filter(|file| file.name.ends_with(".py")));
    thread::scope(|scope| {
        let worker = || -> Result<(), String> {
            loop {
                let next = queue.lock().map_err(|_| "a worker panicked")?.next();
                let Some(file) = next else { return Ok(()) };
                file.code = compile_one(file)?;
            }
        };
        let handles: Vec<_> = (0..workers)
            .map(|_| {
                thread::Builder::new()
                    .stack_size(COMPILER_STACK)
                    .spawn_scoped(scope, worker)
            })
            .collect();
        for handle in handles {
            handle?.join().map_err(|_| "a worker panicked")??;
        }
        Ok(())
    })
}

/// The encoded code of `file`; empty when it does not compile: the interpreter then compiles it
/// when it is imported, and reports the error as it does for every file.
fn compile_one(file: &File) -> Result<Vec<u8>, String> {
    let source = std::str::from_utf8(&file.data)
        .map_err(|_| format!("{}: not UTF-8, which the loader expects", file.name))?;
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let path = layout::code_file_name(&file.name);
    let code = compile(source, Mode::Exec, &path, CompileOpts::default());
    Ok(code.map_or_else(|_| Vec::new(), |code| FrozenCodeObject::encode(&code).bytes))
}
