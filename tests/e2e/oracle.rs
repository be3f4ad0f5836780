//! The native module against Python's own pure-Python one: `tests/oracle/oracle.py` runs random
//! code and random values against both and compares all that can be seen.

use super::util::{root, tracepy};

/// How many comparisons there are at least.
const LEAST: u64 = 20_000;

#[test]
fn the_native_module_is_like_the_one_in_python() {
    let oracle = root().join("tests").join("oracle").join("oracle.py");
    let out = tracepy()
        .arg(oracle)
        .args(["--seeds", "5", "--count", "4500"])
        .timeout(600)
        .run()
        .says_ok()
        .no_panic();
    let compared = out
        .stdout
        .lines()
        .find_map(|line| line.split_once(" comparisons, "))
        .and_then(|(number, _)| number.parse::<u64>().ok());
    let enough = compared.is_some_and(|compared| compared >= LEAST);
    out.check(enough, "at least 20,000 comparisons");
}

/// The oracle can fail: it finds each bug that `tests/oracle/planted.py` plants.
#[test]
fn planted_bugs_are_found() {
    let planted = root().join("tests").join("oracle").join("planted.py");
    tracepy()
        .arg(planted)
        .timeout(600)
        .run()
        .says_ok()
        .no_panic()
        .stdout_has("found: equal sizes in the order of the smaller traceback")
        .stdout_has("found: a recursive frame counted once")
        .stdout_has("found: .pyc left as it is");
}
