//! Each of the programs is run, and what it prints is what it knows that it has.

use std::path::Path;
use std::process::{Command, Output};

fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program)
        .args(args)
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is UTF-8")
}

#[test]
fn embed_prints_the_line_that_keeps_its_memory() {
    let out = run(env!("CARGO_BIN_EXE_embed"), &[]);
    assert!(out.status.success(), "{out:?}");
    // The sizes depend on the VM.
    assert!(
        text(&out.stdout).starts_with("embedded.py:3: size="),
        "{out:?}"
    );
}

#[test]
fn arena_has_its_pieces_in_a_domain_of_their_own() {
    let out = run(env!("CARGO_BIN_EXE_arena"), &[]);
    assert!(out.status.success(), "{out:?}");
    let expected = "filled: 100 pieces, 5050 bytes\n  \
                    <unknown>:0: size=5050 B, count=100, average=50 B\n\
                    cleared: 0 pieces, 0 bytes\n";
    assert_eq!(text(&out.stdout), expected);
}

#[test]
fn read_dump_shows_lines_and_changes_and_refuses_what_is_no_dump() {
    let program = env!("CARGO_BIN_EXE_read_dump");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dump = here.join("../../report/tests/data/tracepy.dump");
    let dump = dump.to_str().expect("a name in UTF-8");
    let out = run(program, &[dump]);
    assert!(out.status.success(), "{out:?}");
    assert_eq!(text(&out.stdout).lines().count(), 6, "{out:?}");
    assert!(text(&out.stdout).contains(": size="), "{out:?}");
    let out = run(program, &[dump, dump]);
    assert!(text(&out.stdout).contains("(+0 B)"), "{out:?}");
    let manifest = here.join("Cargo.toml");
    let out = run(program, &[manifest.to_str().expect("a name in UTF-8")]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("Cargo.toml: "), "{out:?}");
    assert!(out.stdout.is_empty());
}
