//! `-X tracemalloc` and `PYTHONTRACEMALLOC`, as CPython reads them.

use super::util::{Cmd, Out, tracepy};

/// What a program sees: the limit (0 when it is not traced) and `sys._xoptions`.
const SEE: &str = "import sys, tracemalloc as t; \
                   print(t.get_traceback_limit() if t.is_tracing() else 0, \
                   sys._xoptions.get('tracemalloc'))";

const X_INVALID: &str = "Fatal Python error: config_init_tracemalloc: \
                         -X tracemalloc=NFRAME: invalid number of frames";
const VARIABLE_INVALID: &str = "Fatal Python error: config_init_tracemalloc: \
                                PYTHONTRACEMALLOC: invalid number of frames";
const OUT_OF_RANGE: &str = "ValueError: the number of frames must be in range [1; 65535]";

fn with(options: &[&str], variable: Option<&str>) -> Cmd {
    let cmd = match variable {
        Some(value) => tracepy().env("PYTHONTRACEMALLOC", value),
        None => tracepy(),
    };
    cmd.args(options).args(["-c", SEE])
}

#[track_caller]
fn sees(options: &[&str], variable: Option<&str>, expected: &str) {
    with(options, variable)
        .run()
        .success()
        .stdout_is(&format!("{expected}\n"))
        .stderr_is("");
}

/// It did not start: exit status 1, nothing on stdout, and this as the first line of stderr, with
/// no timestamp and no log level before it.
#[track_caller]
fn is_fatal(out: Out, message: &str) {
    let out = out.code(1).stdout_is("").no_panic();
    let first = out.stderr.lines().next() == Some(message);
    out.check(
        first,
        &format!("expected this as the first line of stderr:\n{message}"),
    );
}

/// As `is_fatal`, for a number that `tracemalloc.start` refuses.
#[track_caller]
fn cannot_start(out: Out) {
    let out = out.code(1).stdout_is("").no_panic();
    let fatal = |line: &str| {
        line.starts_with("Fatal Python error: ") && line.ends_with("can't start tracemalloc")
    };
    let has_fatal = out.stderr.lines().any(fatal);
    let has_error = out.stderr.lines().any(|line| line == OUT_OF_RANGE);
    out.check(
        has_fatal,
        "expected the line `Fatal Python error: …can't start tracemalloc`",
    )
    .check(has_error, &format!("expected the line `{OUT_OF_RANGE}`"));
}

#[test]
fn nothing_is_traced_unless_asked_for() {
    sees(&[], None, "0 None");
}

#[test]
fn x_tracemalloc_is_one_frame() {
    sees(&["-X", "tracemalloc"], None, "1 True");
    sees(&["-Xtracemalloc"], None, "1 True");
}

#[test]
fn x_tracemalloc_takes_a_number() {
    for number in ["1", "2", "3", "25", "1000", "65535"] {
        let option = format!("tracemalloc={number}");
        sees(&["-X", &option], None, &format!("{number} {number}"));
    }
}

#[test]
fn the_variable_takes_a_number() {
    for number in ["1", "7", "25", "65535"] {
        sees(&[], Some(number), &format!("{number} None"));
    }
}

#[test]
fn numbers_are_read_as_c_reads_them() {
    for (number, limit) in [("+3", 3), ("03", 3), (" 3", 3), ("000025", 25)] {
        sees(&[], Some(number), &format!("{limit} None"));
        sees(
            &["-X", &format!("tracemalloc={number}")],
            None,
            &format!("{limit} {number}"),
        );
    }
}

#[test]
fn zero_and_empty_are_off() {
    sees(&["-X", "tracemalloc=0"], None, "0 0");
    sees(&["-X", "tracemalloc="], None, "0 ");
    sees(&[], Some("0"), "0 None");
    sees(&[], Some(""), "0 None");
}

#[test]
fn x_wins_over_the_variable() {
    sees(&["-X", "tracemalloc=3"], Some("7"), "3 3");
    sees(&["-X", "tracemalloc"], Some("7"), "1 True");
    sees(&["-X", "tracemalloc=3"], Some("0"), "3 3");
    sees(&["-X", "tracemalloc=3"], Some(""), "3 3");
}

#[test]
fn x_zero_overrides_the_variable() {
    sees(&["-X", "tracemalloc=0"], Some("7"), "0 0");
    sees(&["-X", "tracemalloc="], Some("7"), "0 ");
}

#[test]
fn e_and_i_ignore_the_variable() {
    for option in ["-E", "-I"] {
        sees(&[option], Some("7"), "0 None");
        sees(&[option], Some("abc"), "0 None");
        sees(&[option], Some("70000"), "0 None");
        sees(&[option, "-X", "tracemalloc=3"], Some("7"), "3 3");
        sees(&[option, "-X", "tracemalloc=3"], Some("abc"), "3 3");
    }
}

#[test]
fn of_several_x_the_first_counts_and_xoptions_shows_the_last() {
    sees(&["-X", "tracemalloc=2", "-X", "tracemalloc=3"], None, "2 3");
    sees(&["-X", "tracemalloc", "-X", "tracemalloc=4"], None, "1 4");
    sees(
        &["-X", "tracemalloc=2", "-X", "tracemalloc=abc"],
        None,
        "2 abc",
    );
    sees(&["-X", "tracemalloc=0", "-X", "tracemalloc=4"], None, "0 4");
    is_fatal(
        with(&["-X", "tracemalloc=abc", "-X", "tracemalloc=4"], None).run(),
        X_INVALID,
    );
}

#[test]
fn a_longer_name_is_another_option() {
    sees(&["-X", "tracemallocs=5"], None, "0 None");
    sees(&["-X", "tracemallocs"], None, "0 None");
}

/// What is no number of frames. 2147483648 is the first that does not fit a C `int`.
const INVALID: &[&str] = &[
    "-1",
    "-65535",
    "abc",
    "1.5",
    "3x",
    "3 ",
    "0x3",
    "1_0",
    "1e2",
    " ",
    "+",
    "-",
    "²",
    "2147483648",
    "4294967297",
    "18446744073709551617",
    "99999999999999999999999999999999999999999",
];

#[test]
fn an_invalid_x_is_fatal() {
    for value in INVALID {
        is_fatal(
            with(&["-X", &format!("tracemalloc={value}")], None).run(),
            X_INVALID,
        );
    }
}

#[test]
fn an_invalid_variable_is_fatal() {
    for value in INVALID {
        is_fatal(with(&[], Some(value)).run(), VARIABLE_INVALID);
    }
}

#[test]
fn an_invalid_variable_is_fatal_even_with_a_valid_x() {
    is_fatal(
        with(&["-X", "tracemalloc=3"], Some("abc")).run(),
        VARIABLE_INVALID,
    );
    is_fatal(
        with(&["-X", "tracemalloc=0"], Some("-1")).run(),
        VARIABLE_INVALID,
    );
}

#[test]
fn an_invalid_x_is_fatal_even_with_e() {
    for option in ["-E", "-I"] {
        is_fatal(
            with(&[option, "-X", "tracemalloc=abc"], None).run(),
            X_INVALID,
        );
    }
}

#[test]
fn a_number_beyond_65535_cannot_start() {
    for value in ["65536", "70000", "2147483647"] {
        cannot_start(with(&["-X", &format!("tracemalloc={value}")], None).run());
        cannot_start(with(&[], Some(value)).run());
    }
}

#[test]
fn a_variable_beyond_65535_does_not_matter_where_x_wins() {
    sees(&["-X", "tracemalloc=3"], Some("70000"), "3 3");
    sees(&["-X", "tracemalloc=0"], Some("70000"), "0 0");
}

#[test]
fn a_fatal_value_stops_every_kind_of_program() {
    for rest in [&["-m", "json.tool"][..], &["nothere.py"], &["-"], &[]] {
        let out = tracepy()
            .args(["-X", "tracemalloc=abc"])
            .args(rest)
            .stdin("print('ran')")
            .run();
        is_fatal(out, X_INVALID);
    }
}

#[test]
fn the_logger_of_the_vm_does_not_touch_the_message() {
    let out = with(&["-X", "tracemalloc=abc"], None)
        .env("RUST_LOG", "trace")
        .run();
    is_fatal(out, X_INVALID);
}

#[test]
fn help_and_version_do_not_start_tracing() {
    for option in ["--help", "--version"] {
        tracepy()
            .args(["-X", "tracemalloc=5", option])
            .run()
            .success();
    }
}

#[test]
fn tracing_is_on_before_importlib_and_site() {
    let code = "import tracemalloc as t, os, site\n\
                names = {f.filename for x in t.take_snapshot().traces for f in x.traceback}\n\
                print('<frozen importlib._bootstrap>' in names)\n\
                print(any(n in names for n in (site.__file__, '<frozen site>')))\n\
                print(any(n in names for n in (os.__file__, '<frozen os>')))\n";
    let out = tracepy()
        .args(["-X", "tracemalloc=25", "-c", code])
        .run()
        .success();
    out.stdout_is("True\nTrue\nTrue\n");
    let out = tracepy()
        .env("PYTHONTRACEMALLOC", "25")
        .args(["-c", code])
        .run()
        .success();
    out.stdout_is("True\nTrue\nTrue\n");
}

#[test]
fn blocks_from_before_any_python_code_have_the_unknown_frame() {
    ours_only!();
    for frames in ["1", "25"] {
        let code = "import tracemalloc as t\n\
                    early = [x for x in t.take_snapshot().traces\n\
                    \x20        if [(f.filename, f.lineno) for f in x.traceback] == [('<unknown>', 0)]]\n\
                    print(len(early) > 0, all(x.size > 0 for x in early))\n\
                    print({x.traceback.total_nframe for x in early})\n";
        let option = format!("tracemalloc={frames}");
        let out = tracepy().args(["-X", &option, "-c", code]).run().success();
        out.stdout_is("True True\n{1}\n");
    }
}

#[test]
fn the_standard_input_program_is_traced_too() {
    let code = "import tracemalloc\nprint('limit', tracemalloc.get_traceback_limit())\n";
    let out = tracepy()
        .args(["-X", "tracemalloc=6", "-"])
        .stdin(code)
        .run()
        .success();
    out.stdout_has("limit 6");
}

#[test]
fn a_program_of_a_traced_one_is_not_traced_by_x() {
    let code = "import subprocess, sys\n\
                child = [sys.executable, '-c', 'import tracemalloc; print(tracemalloc.is_tracing())']\n\
                print(subprocess.run(child, capture_output=True, text=True).stdout.strip())";
    tracepy()
        .args(["-X", "tracemalloc", "-c", code])
        .run()
        .success()
        .stdout_is("False\n");
    let out = tracepy()
        .env("PYTHONTRACEMALLOC", "2")
        .args(["-c", code])
        .run()
        .success();
    out.stdout_is("True\n");
}
