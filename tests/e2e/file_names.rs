use super::util::{Dir, tracepy};

/// What an exception that leaves the program says about the lines of the built-in library. (The
/// rest of this topic is in `scripts/file_names.py`.)
#[test]
fn a_traceback_shows_the_source_lines_of_the_library() {
    let dir = Dir::new();
    let script = dir.file("broken.py", "import json\njson.loads('{broken')\n");
    for options in [&[][..], &["-X", "tracemalloc=25"]] {
        let out = tracepy().args(options).arg(&script).run().code(1);
        let lines: Vec<&str> = out.stderr.lines().collect();
        let at = lines.iter().position(|line| {
            line.trim_start().starts_with("File \"")
                && line.contains("/json/decoder.py\", line ")
                && line.ends_with(", in raw_decode")
        });
        let source = at
            .and_then(|at| lines.get(at + 1))
            .copied()
            .unwrap_or_default();
        let is = source.contains("self.scan_once(s, idx)");
        out.check(is, "expected the frame of raw_decode with its source line");
    }
}

#[test]
fn the_names_do_not_tell_of_the_machine_that_built_it() {
    ours_only!();
    let code = "import sys, tracemalloc, email, json, logging, subprocess, unittest\n\
                names = {f.filename for t in tracemalloc.take_snapshot().traces for f in t.traceback}\n\
                names |= {getattr(m, '__file__', None) or '' for m in sys.modules.values()}\n\
                print('\\n'.join(sorted(names)), sys.path, sys.prefix, sys.exec_prefix)\n";
    let out = tracepy()
        .args(["-X", "tracemalloc=25", "-c", code])
        .run()
        .success();
    for part in [
        env!("CARGO_MANIFEST_DIR"),
        "/registry/",
        ".cargo",
        "rustpython-pylib",
        "pylib-",
    ] {
        let told = out.stdout.contains(part);
        out.clone().check(!told, &format!("{part} is in a name"));
    }
}

#[test]
fn the_names_are_the_same_from_every_folder() {
    let code = "import json, os, subprocess, tracemalloc\n\
                print(json.__file__, os.__file__, subprocess.__file__, tracemalloc.__file__)\n";
    let dir = Dir::new();
    let here = tracepy().args(["-c", code]).run().success();
    tracepy()
        .dir(dir.path())
        .args(["-c", code])
        .run()
        .success()
        .stdout_is(&here.stdout);
    tracepy()
        .args(["-X", "tracemalloc", "-c", code])
        .run()
        .success()
        .stdout_is(&here.stdout);
    tracepy()
        .args(["-I", "-c", code])
        .run()
        .success()
        .stdout_is(&here.stdout);
}

#[test]
fn a_module_beside_the_script_comes_before_the_library() {
    let dir = Dir::new();
    dir.file(
        "colorsys.py",
        "import tracemalloc\nblock = bytearray(2000)\n",
    );
    let code = "import colorsys, tracemalloc\n\
                print(tracemalloc.get_object_traceback(colorsys.block)[-1])\n";
    let script = dir.file("main.py", code);
    let expected = format!("{}:2\n", dir.path().join("colorsys.py").display());
    let out = tracepy()
        .args(["-X", "tracemalloc=25"])
        .arg(script)
        .run()
        .success();
    out.stdout_is(&expected);
}
