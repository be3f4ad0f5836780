//! Each script of `tests/scripts` checks one topic from the inside and prints `ok` at its end. It
//! runs three times: starting the tracer itself, and under `-X tracemalloc` with 1 and 25 frames.

use std::fs;

use super::util::{ours, scripts, tracepy};

#[track_caller]
fn runs(script: &str, options: &[&str], args: &[&str]) {
    let path = scripts().join(format!("{script}.py"));
    // A stock CPython needs its time for the counts under 25 frames.
    let timeout = if ours() { 120 } else { 400 };
    tracepy()
        .args(options)
        .arg(path)
        .args(args)
        .timeout(timeout)
        .run()
        .says_ok()
        .no_panic();
}

macro_rules! scripts {
    ($($script:ident $(as $name:ident with $args:expr)?;)*) => {
        $(scripts!(@one $script $($name $args)?);)*

        /// The scripts that are run here (with `common`, which is none).
        const SCRIPTS: &[&str] = &["common", $(stringify!($script)),*];
    };
    (@one $script:ident) => { scripts!(@one $script $script &[]); };
    (@one $script:ident $name:ident $args:expr) => {
        mod $name {
            #[test]
            fn starting_the_tracer_itself() {
                super::runs(stringify!($script), &[], $args);
            }

            #[test]
            fn traced_with_1_frame() {
                super::runs(stringify!($script), &["-X", "tracemalloc"], $args);
            }

            #[test]
            fn traced_with_25_frames() {
                super::runs(stringify!($script), &["-X", "tracemalloc=25"], $args);
            }
        }
    };
}

scripts! {
    api_surface;
    lifecycle;
    object_traceback;
    snapshot_model;
    grouping;
    filters;
    dump_load;
    bad_dumps;
    exact_counts;
    dropped_traces;
    big_blocks;
    realloc_growth;
    frames;
    coroutines;
    no_self_trace;
    threads_totals;
    threads_control;
    file_names;
    stdlib;
    stress;
    fork_traced;
    fork_traced as fork_beside_busy_threads with &["threads"];
    fork_load;
    processes;
    signal_storm;
}

#[test]
fn every_script_of_the_folder_is_run() {
    let mut found = Vec::new();
    for entry in fs::read_dir(scripts()).expect("the folder of the scripts") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "py") {
            found.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    let mut expected = SCRIPTS.to_vec();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(found, expected);
}
