//! Limits of the address space, and dumps as files: who may read them and what of the program they
//! contain. `docs/reliability.md` promises what is tested here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::util::{Cmd, Dir, Out, root, tracepy_path};

/// Runs `command` (of a shell) in which `"$0"` is the interpreter.
fn shell(command: &str, args: &[&Path]) -> Out {
    let cmd = Cmd::new("sh").args(["-c", command]).arg(tracepy_path());
    cmd.args(args).run()
}

/// Allocates in steps of a MiB up to 400 MiB, and says what stopped it.
const FILL: &str = "kept = []\n\
                    try:\n\
                    \x20   while len(kept) < 400:\n\
                    \x20       kept.append(bytearray(1 << 20))\n\
                    except MemoryError:\n\
                    \x20   kept.clear()\n\
                    \x20   print('MemoryError')\n\
                    else:\n\
                    \x20   print('all')\n";

/// What the tracer maps for its tables is address space that it can do without: where the program
/// runs under a limit, it runs traced under the same limit.
#[test]
fn an_address_space_limit_stops_no_traced_program() {
    let dir = Dir::new();
    let script = dir.file("fill.py", FILL);
    // In KiB. All of it fits in the first and not in the second.
    for (limit, said) in [(2_000_000, "all\n"), (400_000, "MemoryError\n")] {
        for options in ["", "-X tracemalloc", "-X tracemalloc=25"] {
            let command = format!("ulimit -v {limit} && exec \"$0\" {options} \"$1\"");
            shell(&command, &[&script])
                .success()
                .stdout_is(said)
                .no_panic();
        }
    }
}

/// A new dump has the mode that the umask leaves, as any file that Python makes.
#[test]
fn a_dump_honours_the_umask() {
    let dir = Dir::new();
    let script = dir.file(
        "dump.py",
        "import sys, tracemalloc\n\
         tracemalloc.start()\n\
         kept = bytearray(100)\n\
         tracemalloc.take_snapshot().dump(sys.argv[1])\n\
         open(sys.argv[1] + '.plain', 'wb').close()\n",
    );
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    for (umask, expected) in [
        ("077", 0o600),
        ("027", 0o640),
        ("022", 0o644),
        ("000", 0o666),
    ] {
        let target = dir.path().join(format!("dump-{umask}"));
        let command = format!("umask {umask} && exec \"$0\" \"$1\" \"$2\"");
        shell(&command, &[&script, &target]).success();
        assert_eq!(mode(&target), expected, "with umask {umask}");
        let plain = dir.path().join(format!("dump-{umask}.plain"));
        assert_eq!(mode(&target), mode(&plain));
    }
    // A file that is there keeps its own.
    let target = dir.path().join("dump-022");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).expect("it is ours");
    shell(
        "umask 022 && exec \"$0\" \"$1\" \"$2\"",
        &[&script, &target],
    )
    .success();
    assert_eq!(mode(&target), 0o600);
}

/// Names of files and numbers are in a dump; what the program keeps in memory is not.
#[test]
fn a_dump_contains_nothing_of_the_programs_data() {
    let dir = Dir::new();
    let script = dir.file(
        "secret.py",
        "import sys, tracemalloc\n\
         tracemalloc.start(25)\n\
         password = ''.join(chr(c + 1) for c in b'gtmsdq1')  # hunter2\n\
         class Keeper_of_secrets:\n\
         \x20   def __init__(self, token):\n\
         \x20       self.token_of_the_keeper = bytearray(token.encode()) * 50\n\
         kept = [Keeper_of_secrets(password) for _ in range(100)]\n\
         table = {password: id(kept)}\n\
         tracemalloc.take_snapshot().dump(sys.argv[1])\n\
         assert password == 'hunter' + '2'\n\
         print(hex(id(kept)), hex(id(kept[0])))\n",
    );
    let target = dir.path().join("dump");
    let out = shell("exec \"$0\" \"$1\" \"$2\"", &[&script, &target]).success();
    let bytes = fs::read(&target).expect("the dump");
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(has(b"secret.py"), "names of files are in it");
    for word in [
        "hunter2",
        "Keeper_of_secrets",
        "token_of_the_keeper",
        "password",
    ] {
        assert!(!has(word.as_bytes()), "{word} is in the dump");
    }
    for address in out.stdout.split_whitespace() {
        let address = u64::from_str_radix(address.trim_start_matches("0x"), 16).expect("hex");
        // Six bytes are what an address has.
        assert!(
            !has(&address.to_le_bytes()[..6]),
            "an address is in the dump"
        );
    }
}

/// `unsafe` is in the crate that records, and where an interface demands it.
#[test]
fn unsafe_is_only_where_the_table_says() {
    let mut found = Vec::new();
    for package in [
        "tracemalloc-module",
        "interpreter",
        "service",
        "snapshot",
        "views",
        "push",
        "report",
    ] {
        with_unsafe(&root().join(package).join("src"), &mut found);
    }
    found.sort();
    // docs/reliability.md has the reasons.
    let expected = [
        "interpreter/src/dumps/ending.rs",
        "interpreter/src/dumps/only.rs",
        "interpreter/src/dumps/signals.rs",
        "interpreter/src/dumps/template.rs",
        "interpreter/src/dumps/wake.rs",
        "interpreter/src/dumps/writer.rs",
        "interpreter/src/mimalloc.rs",
        "interpreter/src/options/push.rs",
        "interpreter/src/serve/mod.rs",
        "interpreter/src/serve/source.rs",
        "service/src/sys.rs",
        "tracemalloc-module/src/names.rs",
        "tracemalloc-module/src/trace.rs",
    ];
    assert_eq!(found, expected);
}

/// Adds the files below `folder` that have `unsafe` in their code.
fn with_unsafe(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            with_unsafe(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("it is text");
            let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
            let mut words = text.lines().flat_map(|line| {
                code(line)
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            });
            if words.any(|word| word == "unsafe" || word.starts_with("unsafe{")) {
                let name = path.strip_prefix(root()).expect("it is below the root");
                found.push(name.display().to_string());
            }
        }
    }
}
