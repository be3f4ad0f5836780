use std::path::Path;

use super::util::{Cmd, Dir, Out, cpythons, cpythons_of, root, skip, tracepy, tracepy_path};

/// Makes a dump with blocks of known sizes and prints its statistics.
const DUMP: &str = "\
import sys, tracemalloc
tracemalloc.stop()
tracemalloc.start(5)
def deep(n):
    return deep(n - 1) if n else [bytearray(1000 * n) for n in range(50)]
kept = [deep(n) for n in range(8)]
snapshot = tracemalloc.take_snapshot()
snapshot.dump(sys.argv[1])
";

/// Prints all that can be asked of a snapshot.
const SHOW: &str = "\
import sys, tracemalloc
snapshot = tracemalloc.Snapshot.load(sys.argv[1])
print(snapshot.traceback_limit, len(snapshot.traces))
for key_type in ('traceback', 'filename', 'lineno'):
    for statistic in snapshot.statistics(key_type):
        print(key_type, statistic.size, statistic.count, repr(statistic.traceback))
for key_type in ('filename', 'lineno'):
    for statistic in snapshot.statistics(key_type, cumulative=True):
        print('cumulative', key_type, statistic)
for trace in snapshot.traces:
    print(trace.domain, trace.size, trace.traceback.total_nframe, trace.traceback)
";

fn show(interpreter: &Path, dump: &Path) -> Out {
    Cmd::new(interpreter)
        .args(["-c", SHOW])
        .arg(dump)
        .run()
        .success()
}

#[test]
fn a_dump_of_ours_opens_in_cpython_and_theirs_in_ours() {
    let others = cpythons();
    if others.is_empty() {
        skip(module_path!(), "no CPython from 3.9 on was found");
    }
    let dir = Dir::new();
    let ours = dir.path().join("ours");
    tracepy().args(["-c", DUMP]).arg(&ours).run().success();
    let expected = show(&tracepy_path(), &ours).stdout;
    for (number, other) in others.iter().enumerate() {
        show(other, &ours).stdout_is(&expected);
        let theirs = dir.path().join(format!("theirs{number}"));
        Cmd::new(other)
            .args(["-c", DUMP])
            .arg(&theirs)
            .run()
            .success();
        let expected = show(other, &theirs).stdout;
        show(&tracepy_path(), &theirs).stdout_is(&expected);
    }
}

/// What `tests/dumps/show.py` says of a dump.
fn answers(interpreter: &Path, dump: &Path) -> String {
    let script = root().join("tests").join("dumps").join("show.py");
    let out = Cmd::new(interpreter).arg(script).arg(dump).run().success();
    let answered = out.stdout.lines().count() == 17;
    out.check(answered, "one line for each question").stdout
}

/// 100,000 traces in a file of each Python are the same in each other one. CPython 3.8 cannot read
/// traces with a total number of frames, and writes none; it is only read from.
#[test]
fn the_matrix_of_dumps() {
    const NONE: &str = "total_nframe 100000 unknown";
    let make = root().join("tests").join("dumps").join("make.py");
    let dir = Dir::new();
    let dump = |interpreter: &Path, name: &str| {
        let path = dir.path().join(name);
        let made = Cmd::new(interpreter).arg(&make).arg(&path).run();
        made.success();
        path
    };
    let ours = tracepy_path();
    let our_dump = dump(&ours, "ours");
    let expected = answers(&ours, &our_dump);
    assert!(!expected.contains(NONE), "{expected}");
    for minor in 8..=13 {
        let Some((_, other)) = cpythons_of(|found| found == minor).pop() else {
            skip(
                "dumps::the_matrix_of_dumps",
                &format!("no CPython 3.{minor} was found: its dumps are not compared"),
            );
            continue;
        };
        let their_dump = dump(&other, &format!("dump of 3.{minor}"));
        let mut read = answers(&ours, &their_dump);
        if minor == 8 {
            assert!(read.contains(NONE), "{read}");
            let total = expected.lines().find(|line| line.starts_with("total_"));
            read = read.replace(NONE, total.unwrap_or_default());
        }
        assert_eq!(read, expected, "a dump of CPython 3.{minor}, read here");
        if minor > 8 {
            let read = answers(&other, &our_dump);
            assert_eq!(read, expected, "a dump of ours, read by CPython 3.{minor}");
        }
    }
}

#[test]
fn a_snapshot_of_a_whole_start_up_goes_through_a_file() {
    let dir = Dir::new();
    let dump = dir.path().join("dump");
    let code = "import sys, json, email, tracemalloc\n\
                before = tracemalloc.take_snapshot()\n\
                before.dump(sys.argv[1])\n\
                after = tracemalloc.Snapshot.load(sys.argv[1])\n\
                print(len(before.traces) == len(after.traces) > 1000)\n\
                print(before.statistics('traceback') == after.statistics('traceback'))\n";
    let out = tracepy()
        .args(["-X", "tracemalloc=25", "-c", code])
        .arg(&dump)
        .run()
        .success();
    out.stdout_is("True\nTrue\n");
}

#[test]
fn an_uncaught_error_of_load_names_the_file() {
    let dir = Dir::new();
    let code = "import sys, tracemalloc; tracemalloc.Snapshot.load(sys.argv[1])";
    let missing = dir.path().join("missing.dump");
    let out = tracepy()
        .args(["-c", code])
        .arg(&missing)
        .run()
        .code(1)
        .no_panic();
    let text = format!("No such file or directory: '{}'", missing.display());
    out.stderr_has("FileNotFoundError: ").stderr_has(&text);
    ours_only!();
    let contents: [(&str, &[u8]); 4] = [
        ("empty.dump", b""),
        ("text.dump", b"not a pickle\n"),
        (
            "cut.dump",
            b"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00\x8c\x0btracemalloc",
        ),
        ("number.dump", b"\x80\x04K\x01."),
    ];
    for (name, contents) in contents {
        let path = dir.file(name, contents);
        let out = tracepy()
            .args(["-c", code])
            .arg(&path)
            .run()
            .code(1)
            .no_panic();
        let last = out
            .stderr
            .lines()
            .next_back()
            .unwrap_or_default()
            .to_owned();
        let names = last.contains(&*path.to_string_lossy());
        out.check(names, "the last line, the exception, names the file");
    }
}
