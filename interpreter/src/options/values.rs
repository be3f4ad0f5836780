//! Checks the values of `-X` options and of environment variables that end the start.
//!
//! Invariant: a value is refused here if and only if `rustpython::parse_opts` refuses it. That
//! would then end the run as well, but with a message that goes through the logger (with a time
//! stamp, or nowhere), to standard output, or as a panic. Here it is CPython's message.

use super::scan::Run;
use std::ffi::OsString;
use std::num::NonZeroI32;

/// The message, with its line ends, for the first value that is refused.
pub(super) fn fault(run: &Run<'_>, env: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    let env = |name: &str| {
        if run.ignore_environment {
            None
        } else {
            env(name)
        }
    };
    let wrong = |name: &str, right: fn(&str) -> bool| {
        env(name).is_some_and(|value| !value.to_str().is_some_and(right))
    };

    let utf8 = env("PYTHONUTF8").and_then(|value| value.into_string().ok());
    if utf8.is_some_and(|value| !value.is_empty() && !zero_or_one(&value)) {
        let complaint = "preconfig_init_utf8_mode: invalid PYTHONUTF8 environment variable value";
        return Some(message(complaint, "preinitializing"));
    }
    for name in ["RUSTPYTHONPATH", "PYTHONPATH"] {
        if env(name).is_some_and(|value| value.to_str().is_none()) {
            let complaint = format!("config_init_pythonpath: {name}: not valid UTF-8");
            return Some(message(&complaint, "preinitialized"));
        }
    }
    let complaint = if !run.random_hashes && wrong("PYTHONHASHSEED", hash_seed) {
        Some(HASH_SEED)
    } else if wrong("PYTHONINTMAXSTRDIGITS", max_str_digits) {
        Some(MAX_STR_DIGITS_VARIABLE)
    } else if wrong("PYTHON_CPU_COUNT", cpu_count) {
        Some(CPU_COUNT)
    } else if wrong("PYTHON_THREAD_INHERIT_CONTEXT", zero_or_one) {
        Some(THREAD_CONTEXT_VARIABLE)
    } else {
        run.xoptions
            .iter()
            .find_map(|option| x_option_fault(option))
    };
    let state = match complaint? {
        UTF8_OPTION => "preinitializing",
        _ => "preinitialized",
    };
    complaint.map(|complaint| message(complaint, state))
}

const HASH_SEED: &str = "config_init_hash_seed: PYTHONHASHSEED must be \"random\" or an integer \
                         in range [0; 4294967295]";
const MAX_STR_DIGITS_VARIABLE: &str = "config_init_int_max_str_digits: PYTHONINTMAXSTRDIGITS: \
                                       invalid limit; must be >= 640 or 0 for unlimited.";
const MAX_STR_DIGITS: &str = "config_init_int_max_str_digits: -X int_max_str_digits: \
                              invalid limit; must be >= 640 or 0 for unlimited.";
const CPU_COUNT: &str = "config_init_cpu_count: -X cpu_count=n option: n is missing or an invalid \
                         number, n must be greater than 0";
const THREAD_CONTEXT_VARIABLE: &str = "config_init_thread_inherit_context: \
                                       PYTHON_THREAD_INHERIT_CONTEXT=N: N is missing or invalid";
const THREAD_CONTEXT: &str = "config_init_thread_inherit_context: -X thread_inherit_context=n: \
                              n is missing or invalid";
const UTF8_OPTION: &str = "preconfig_init_utf8_mode: invalid -X utf8 option value";

fn x_option_fault(option: &str) -> Option<&'static str> {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    let (right, complaint) = match name {
        "utf8" => (value.is_none_or(zero_or_one), UTF8_OPTION),
        "cpu_count" => (value.is_some_and(cpu_count), CPU_COUNT),
        "int_max_str_digits" => (value.is_some_and(max_str_digits), MAX_STR_DIGITS),
        "thread_inherit_context" => (value.is_some_and(zero_or_one), THREAD_CONTEXT),
        _ => return None,
    };
    (!right).then_some(complaint)
}

fn zero_or_one(value: &str) -> bool {
    matches!(value, "0" | "1")
}

fn hash_seed(value: &str) -> bool {
    matches!(value, "" | "random") || value.parse::<u32>().is_ok()
}

fn cpu_count(value: &str) -> bool {
    let number = value.parse::<NonZeroI32>();
    value == "default" || number.is_ok_and(|number| number.get() > 0)
}

fn max_str_digits(value: &str) -> bool {
    value
        .parse::<i64>()
        .is_ok_and(|digits| digits == 0 || digits >= 640)
}

fn message(complaint: &str, state: &str) -> String {
    format!("Fatal Python error: {complaint}\nPython runtime state: {state}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn check(name: &str, value: &OsStr) -> Option<String> {
        let env = |asked: &str| (asked == name).then(|| value.to_owned());
        fault(&Run::default(), env)
    }

    #[test]
    fn variables() {
        for (name, right, wrong) in [
            ("PYTHONUTF8", &["0", "1", ""][..], &["2", "x"][..]),
            (
                "PYTHONHASHSEED",
                &["random", "0", "+5", ""],
                &["x", "-1", "4294967296"],
            ),
            (
                "PYTHONINTMAXSTRDIGITS",
                &["0", "640"],
                &["5", "-1", "x", ""],
            ),
            ("PYTHON_CPU_COUNT", &["default", "3"], &["0", "-1", "x", ""]),
            ("PYTHON_THREAD_INHERIT_CONTEXT", &["0", "1"], &["2", ""]),
            ("PYTHONPATH", &["", "/a:/b"], &[]),
        ] {
            for value in right {
                assert_eq!(check(name, OsStr::new(value)), None, "{name}={value}");
            }
            for value in wrong {
                let message = check(name, OsStr::new(value)).expect(value);
                assert!(message.starts_with("Fatal Python error: "), "{message}");
                let ignoring = Run {
                    ignore_environment: true,
                    ..Run::default()
                };
                assert_eq!(fault(&ignoring, |_| Some(value.into())), None);
            }
        }
        let random = Run {
            random_hashes: true,
            ..Run::default()
        };
        let env = |name: &str| (name == "PYTHONHASHSEED").then(|| "x".into());
        assert_eq!(fault(&random, env), None);
    }

    #[test]
    fn options() {
        for (option, right) in [
            ("utf8", true),
            ("utf8=0", true),
            ("utf8=", false),
            ("utf8=2", false),
            ("cpu_count", false),
            ("cpu_count=4", true),
            ("cpu_count=0", false),
            ("int_max_str_digits", false),
            ("int_max_str_digits=5", false),
            ("int_max_str_digits=640", true),
            ("thread_inherit_context=2", false),
            ("tracemalloc=abc", true),
            ("anything=", true),
        ] {
            let run = Run {
                xoptions: vec!["dev".to_owned(), option.to_owned()],
                ..Run::default()
            };
            assert_eq!(fault(&run, |_| None).is_none(), right, "{option}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text() {
        use std::os::unix::ffi::OsStrExt;
        let message = check("PYTHONPATH", OsStr::from_bytes(b"/\xff")).expect("a fault");
        assert!(message.contains("PYTHONPATH: not valid UTF-8"), "{message}");
    }
}
