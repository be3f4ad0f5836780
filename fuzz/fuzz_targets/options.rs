//! The command line and the environment: read without a panic, `tracemalloc` as C's `strtol` and
//! CPython's rules have it, and what follows the script is nobody's business.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

#[path = "no_vm.rs"]
mod options;

use options::StartupError;

/// What C makes of a number: blanks, a sign, digits, up to the end of the text.
fn strtol(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let mut at = 0;
    while at < text.len() && b" \t\n\x0b\x0c\r".contains(&text[at]) {
        at += 1;
    }
    let negative = text.get(at) == Some(&b'-');
    at += usize::from(matches!(text.get(at), Some(b'-' | b'+')));
    let digits = &text[at..];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_i64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    Some(if negative { -value } else { value })
}

/// CPython's rule for one value: an `int` that is not negative.
fn number(text: &[u8]) -> Option<i32> {
    let value = i32::try_from(strtol(text)?).ok()?;
    (value >= 0).then_some(value)
}

fn expected(
    xoptions: &[(String, Option<String>)],
    env: Option<&OsStr>,
) -> Result<Option<u16>, StartupError> {
    let mut wanted = 0;
    if let Some(value) = env {
        wanted = number(value.as_bytes()).ok_or(StartupError::Variable)?;
    }
    for (name, value) in xoptions {
        if name == "tracemalloc" {
            wanted = match value {
                None => 1,
                Some(value) => number(value.as_bytes()).ok_or(StartupError::Option)?,
            };
            break;
        }
    }
    match wanted {
        0 => Ok(None),
        1..=65535 => Ok(Some(wanted as u16)),
        _ => Err(StartupError::TooManyFrames),
    }
}

const WORDS: &[&str] = &[
    "-X",
    "-Xtracemalloc",
    "-X=tracemalloc=",
    "tracemalloc=25",
    "tracemalloc",
    "-c",
    "-m",
    "-",
    "--",
    "script.py",
    "-E",
    "-I",
    "-i",
    "-R",
    "-W",
    "--version",
    "-VV",
    "--help",
    "-h",
    "-J",
    "-bb",
    "--check-hash-based-pycs",
    "--check-hash-based-pycs=",
    "always",
    "--install-pip",
    "-Xutf8=",
    "-Xcpu_count=",
    "-Xint_max_str_digits=",
    "--help-env",
    "-OO",
    "pass",
    "-Xtracemalloc_",
    "-Xtracemalloc_dump",
];
const NAMES: &[&str] = &[
    "PYTHONTRACEMALLOC",
    "PYTHONUTF8",
    "PYTHONHASHSEED",
    "PYTHONINTMAXSTRDIGITS",
    "PYTHON_CPU_COUNT",
    "PYTHON_THREAD_INHERIT_CONTEXT",
    "PYTHONPATH",
    "RUSTPYTHONPATH",
];

fuzz_target!(|bytes: &[u8]| {
    // Words with a NUL between them, as the system hands them over; a byte beyond ASCII can stand
    // for one of `WORDS`.
    let mut words: Vec<OsString> = Vec::new();
    let mut env: Vec<(String, OsString)> = Vec::new();
    for word in bytes.split(|&b| b == 0).take(16) {
        match word.split_first() {
            Some((&first @ 0x80..0xC0, rest)) => {
                let mut whole = WORDS[usize::from(first) % WORDS.len()].as_bytes().to_vec();
                whole.extend(rest);
                words.push(OsString::from_vec(whole));
            }
            Some((&first @ 0xC0..0xF0, rest)) => env.push((
                NAMES[usize::from(first) % NAMES.len()].to_owned(),
                OsString::from_vec(rest.to_vec()),
            )),
            _ => words.push(OsString::from_vec(word.to_vec())),
        }
    }
    let read = options::read(&words, &env);
    match &read {
        Ok(Some((script, xoptions, fault))) => {
            if let Some(script) = script {
                let place = words.iter().position(|word| word == script);
                assert!(place.is_some());
                // What comes after the script changes nothing.
                let mut more = words.clone();
                more.extend(["-X", "--nothing", "-J"].map(OsString::from));
                assert_eq!(options::read(&more, &env), read);
            }
            if let Some(fault) = fault {
                assert!(fault.starts_with("Fatal Python error: ") && fault.ends_with("\n\n"));
            }
            let split: Vec<_> = xoptions
                .iter()
                .map(|option| match option.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (option.clone(), None),
                })
                .collect();
            let variable = env.iter().find(|(name, _)| name == NAMES[0]);
            let variable = variable.map(|(_, value)| value.as_os_str());
            let got = options::frames(&split, variable);
            assert_eq!(got, expected(&split, variable), "{split:?} {variable:?}");
            if let Err(error) = got {
                assert!(error.to_string().starts_with("Fatal Python error: "));
            }
            match options::misspelt(&split) {
                Some(line) => assert!(line.starts_with("tracemalloc: -X tracemalloc_")),
                None => assert!(!xoptions.iter().any(|option| option == "tracemalloc_")),
            }
        }
        Ok(None) => {}
        Err(message) => assert!(!message.is_empty()),
    }
});
