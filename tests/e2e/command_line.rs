use super::util::{Dir, tracepy, tracepy_path};

/// A zip file with one member, stored: the interpreter under test has a `zipfile` of its own, but
/// a broken one should not make this test fail for another reason.
fn zip(name: &str, contents: &[u8]) -> Vec<u8> {
    let crc = !contents.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    });
    let size = u32::try_from(contents.len()).unwrap();
    let length = u16::try_from(name.len()).unwrap();
    // What the local header and the central directory have in common: version, flags, method,
    // time, date (1980-01-01), checksum, sizes, lengths of the name and of the extra field.
    let mut common = Vec::new();
    for word in [20u16, 0, 0, 0, 0x21] {
        common.extend(word.to_le_bytes());
    }
    for word in [crc, size, size] {
        common.extend(word.to_le_bytes());
    }
    common.extend(length.to_le_bytes());
    common.extend(0u16.to_le_bytes());
    let mut file = b"PK\x03\x04".to_vec();
    file.extend(&common);
    file.extend(name.as_bytes());
    file.extend(contents);
    let start = u32::try_from(file.len()).unwrap();
    file.extend(b"PK\x01\x02");
    file.extend(20u16.to_le_bytes());
    file.extend(&common);
    file.extend([0; 14]); // comment, disk, attributes, offset of the local header
    file.extend(name.as_bytes());
    let length = u32::try_from(file.len()).unwrap() - start;
    file.extend(b"PK\x05\x06");
    for word in [0u16, 0, 1, 1] {
        file.extend(word.to_le_bytes());
    }
    file.extend(length.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend(0u16.to_le_bytes());
    file
}

const SHOW: &str = "import sys\nprint(__name__, sys.argv)\n";

#[test]
fn a_script_runs_with_its_arguments() {
    let dir = Dir::new();
    let script = dir.file("show.py", SHOW);
    let expected = format!("__main__ ['{}', 'a', '--b', '-c']\n", script.display());
    tracepy()
        .arg(&script)
        .args(["a", "--b", "-c"])
        .run()
        .success()
        .stdout_is(&expected)
        .stderr_is("");
}

#[test]
fn a_script_sees_its_own_file_name_and_folder() {
    let dir = Dir::new();
    dir.file("beside.py", "VALUE = 7\n");
    let code =
        "import sys, beside\nprint(beside.VALUE, __file__, (lambda: 0).__code__.co_filename)\n";
    let script = dir.file("main.py", code);
    let path = script.display();
    tracepy()
        .arg(&script)
        .run()
        .success()
        .stdout_is(&format!("7 {path} {path}\n"));
}

#[test]
fn a_relative_script_path_is_found_from_the_folder() {
    let dir = Dir::new();
    dir.file("sub/show.py", SHOW);
    let out = tracepy()
        .dir(dir.path())
        .args(["sub/show.py", "x"])
        .run()
        .success();
    out.stdout_is("__main__ ['sub/show.py', 'x']\n");
}

#[test]
fn dash_c_runs_its_text() {
    let code = "import sys; print(__name__, sys.argv)";
    let out = tracepy().args(["-c", code, "a", "-m", "b"]).run().success();
    out.stdout_is("__main__ ['-c', 'a', '-m', 'b']\n")
        .stderr_is("");
}

#[test]
fn dash_m_runs_a_module() {
    let dir = Dir::new();
    let module = dir.file("shown.py", SHOW);
    let out = tracepy()
        .dir(dir.path())
        .args(["-m", "shown", "a", "b"])
        .run()
        .success();
    out.stdout_is(&format!("__main__ ['{}', 'a', 'b']\n", module.display()));
}

#[test]
fn dash_m_runs_a_package_by_its_main() {
    let dir = Dir::new();
    dir.file("shown/__init__.py", "");
    let main = dir.file("shown/__main__.py", SHOW);
    let out = tracepy()
        .dir(dir.path())
        .args(["-m", "shown"])
        .run()
        .success();
    out.stdout_is(&format!("__main__ ['{}']\n", main.display()));
}

#[test]
fn dash_m_runs_a_library_module() {
    let out = tracepy()
        .args(["-m", "json.tool", "--compact"])
        .stdin("{ \"a\": [1, 2] }")
        .run();
    out.success().stdout_has("{\"a\":[1,2]}");
}

#[test]
fn standard_input_is_a_program() {
    let code = "import sys\nprint('argv', sys.argv[1:])\n";
    tracepy()
        .args(["-", "q"])
        .stdin(code)
        .run()
        .success()
        .stdout_has("argv ['q']");
    tracepy()
        .stdin("print(6 * 7)\n")
        .run()
        .success()
        .stdout_has("42");
}

#[test]
fn the_prompt_on_standard_input_shows_values() {
    let out = tracepy()
        .arg("-i")
        .stdin("6 * 7\nimport tracemalloc\ntracemalloc.is_tracing()\n")
        .run();
    out.success().stdout_has("42").stdout_has("False");
}

#[test]
fn a_folder_with_a_main_runs() {
    let dir = Dir::new();
    dir.file(
        "app/__main__.py",
        "import sys, part\nprint(sys.argv[1:], part.VALUE)\n",
    );
    dir.file("app/part.py", "VALUE = 'of the folder'\n");
    let out = tracepy()
        .arg(dir.path().join("app"))
        .args(["a"])
        .run()
        .success();
    out.stdout_is("['a'] of the folder\n");
}

#[test]
fn a_zip_with_a_main_runs() {
    let dir = Dir::new();
    let app = dir.file("app.zip", zip("__main__.py", SHOW.as_bytes()));
    let expected = format!("__main__ ['{}', 'a']\n", app.display());
    tracepy()
        .arg(&app)
        .arg("a")
        .run()
        .success()
        .stdout_is(&expected);
}

#[test]
fn the_frames_of_a_zip_are_named_after_it() {
    let dir = Dir::new();
    let code = "import tracemalloc\nblock = bytearray(5000)\n\
                print(tracemalloc.get_object_traceback(block))\n";
    let app = dir.file("app.zip", zip("__main__.py", code.as_bytes()));
    let expected = format!("{}/__main__.py:2\n", app.display());
    tracepy()
        .args(["-X", "tracemalloc"])
        .arg(&app)
        .run()
        .success()
        .stdout_is(&expected);
}

#[test]
fn a_missing_script_is_said_and_ends_with_2() {
    let dir = Dir::new();
    for traced in [false, true] {
        let options: &[&str] = if traced {
            &["-X", "tracemalloc=25"]
        } else {
            &[]
        };
        let out = tracepy()
            .dir(dir.path())
            .args(options)
            .arg("nothere.py")
            .run()
            .code(2);
        let expected = format!(
            "{}: can't open file '{}': [Errno 2] No such file or directory\n",
            tracepy_path().display(),
            dir.path().join("nothere.py").display()
        );
        out.stdout_is("").stderr_is(&expected);
    }
}

#[test]
fn a_missing_module_is_said_and_ends_with_1() {
    let out = tracepy().args(["-m", "no_such_module_here"]).run().code(1);
    out.stdout_is("")
        .stderr_has("No module named no_such_module_here");
}

#[test]
fn a_folder_without_a_main_is_an_error() {
    let dir = Dir::new();
    let out = tracepy().arg(dir.path()).run().code(1);
    out.stderr_has("can't find '__main__' module in");
}

#[test]
fn the_exit_status_is_the_programs() {
    for (code, status) in [
        ("pass", 0),
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(0)", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit(256 + 7)", 7),
        ("import sys; sys.exit('good bye')", 1),
        ("raise SystemExit(4)", 4),
        ("1 / 0", 1),
        ("def f(:", 1),
        ("import os; os._exit(9)", 9),
        (
            "import atexit; atexit.register(print, 'later')\nraise SystemExit(5)",
            5,
        ),
    ] {
        for options in [&[][..], &["-X", "tracemalloc=25"]] {
            tracepy()
                .args(options)
                .args(["-c", code])
                .run()
                .code(status)
                .no_panic();
        }
    }
}

#[test]
fn a_text_given_to_exit_goes_to_stderr() {
    let out = tracepy()
        .args(["-c", "import sys; sys.exit('good bye')"])
        .run()
        .code(1);
    out.stdout_is("").stderr_is("good bye\n");
}

#[test]
fn an_exception_prints_its_traceback_on_stderr() {
    let dir = Dir::new();
    let code = "def divide(a, b):\n    return a / b\n\n\ndivide(1, 0)\n";
    let script = dir.file("divide.py", code);
    let path = script.display();
    for options in [&[][..], &["-X", "tracemalloc=25"]] {
        let out = tracepy()
            .args(options)
            .arg(&script)
            .run()
            .code(1)
            .stdout_is("");
        let out = out.stderr_has("Traceback (most recent call last):\n");
        let out = out.stderr_has(&format!(
            "  File \"{path}\", line 5, in <module>\n    divide(1, 0)\n"
        ));
        let out = out.stderr_has(&format!(
            "  File \"{path}\", line 2, in divide\n    return a / b\n"
        ));
        let last = out.stderr.lines().next_back() == Some("ZeroDivisionError: division by zero");
        out.check(last, "the exception is the last line");
    }
}

#[test]
fn flags_are_those_of_the_command_line() {
    let code = "import sys; f = sys.flags; print(f.optimize, f.isolated, f.ignore_environment, \
                f.no_user_site, f.safe_path, f.no_site)";
    for (options, expected) in [
        (&[][..], "0 0 0 0 False 0\n"),
        (&["-O"], "1 0 0 0 False 0\n"),
        (&["-OO"], "2 0 0 0 False 0\n"),
        (&["-s"], "0 0 0 1 False 0\n"),
        (&["-E"], "0 0 1 0 False 0\n"),
        (&["-I"], "0 1 1 1 True 0\n"),
        (&["-P"], "0 0 0 0 True 0\n"),
        (&["-S"], "0 0 0 0 False 1\n"),
    ] {
        for traced in [&[][..], &["-X", "tracemalloc=2"]] {
            tracepy()
                .args(options)
                .args(traced)
                .args(["-c", code])
                .run()
                .success()
                .stdout_is(expected);
        }
    }
}

#[test]
fn x_options_are_in_sys_xoptions() {
    let code = "import sys; print(sorted(sys._xoptions.items(), key=str))";
    let out = tracepy()
        .args(["-X", "one", "-Xtwo=2", "-X", "three=", "-c", code])
        .run()
        .success();
    out.stdout_is("[('one', True), ('three', ''), ('two', '2')]\n");
}

#[test]
fn sys_executable_is_the_binary() {
    let code = "import sys, os; print(os.path.samefile(sys.executable, sys.argv[1]))";
    let out = tracepy()
        .args(["-c", code])
        .arg(tracepy_path())
        .run()
        .success();
    out.stdout_is("True\n");
}

#[test]
fn a_child_of_a_program_is_the_same_interpreter() {
    let code = "import subprocess, sys\n\
                child = [sys.executable, '-X', 'tracemalloc=4', '-c', \
                'import tracemalloc; print(tracemalloc.get_traceback_limit())']\n\
                print(subprocess.run(child, capture_output=True, text=True).stdout)";
    tracepy()
        .args(["-c", code])
        .run()
        .success()
        .stdout_is("4\n\n");
}

#[test]
fn help_lists_both_ways_to_start_tracing() {
    ours_only!();
    for option in ["--help", "-h"] {
        let out = tracepy().arg(option).run().success().stderr_is("");
        out.stdout_has("-X tracemalloc")
            .stdout_has("PYTHONTRACEMALLOC")
            .stdout_has("-c cmd");
    }
}

#[test]
fn help_after_the_program_belongs_to_the_program() {
    let code = "import sys; print(sys.argv)";
    for word in ["--help", "--version", "-h", "-V"] {
        let out = tracepy().args(["-c", code, word]).run().success();
        out.stdout_is(&format!("['-c', '{word}']\n"));
    }
    let dir = Dir::new();
    let script = dir.file("show.py", SHOW);
    tracepy()
        .arg(&script)
        .arg("--help")
        .run()
        .success()
        .stdout_has("'--help']");
    // The value of an option that takes one is no option.
    let out = tracepy()
        .args([
            "-W",
            "ignore",
            "-X",
            "tracemalloc=2",
            "-c",
            code,
            "--version",
        ])
        .run();
    out.success().stdout_is("['-c', '--version']\n");
}

#[test]
fn version_says_pythons_and_ours() {
    ours_only!();
    let code = "import platform, sys; print('.'.join(map(str, sys.version_info[:2])))";
    let python = tracepy().args(["-c", code]).run().success().stdout;
    for option in ["--version", "-V"] {
        let out = tracepy().arg(option).run().success().stderr_is("");
        let out = out.stdout_has("Python ").stdout_has("tracepy");
        out.stdout_has(env!("CARGO_PKG_VERSION")).stdout_has("3.14");
    }
    assert!(!python.is_empty());
}

#[test]
fn an_unknown_option_is_an_error() {
    let out = tracepy().arg("--no-such-option").stdin("").run().no_panic();
    let ended = matches!(out.status.code(), Some(1 | 2));
    let said = !(out.stderr.is_empty() && out.stdout.is_empty());
    out.check(ended, "expected exit status 1 or 2")
        .check(said, "expected a message");
}
