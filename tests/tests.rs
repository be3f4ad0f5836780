//! End-to-end tests: everything here runs the real `tracepy` binary and looks at what comes out.
//!
//! The binary is the one Cargo built for this test. `TRACEPY=/path/to/another/interpreter` runs
//! the same tests against that one instead (a stock CPython 3.13 passes all that is not about our
//! own names; those tests say that they are skipped). `TRACEPY_STOCK=/path/to/rustpython` adds the
//! stock interpreter to the comparisons of output and of verdicts. A single test:
//!
//! ```text
//! cargo verify --test tests startup::
//! ```
//!
//! The Python side lies in `oracle/` (the native module against Python's own), in `scripts/` (one topic each, plain asserts, `ok` at the end, each can be
//! run by hand) and in `workloads/` (programs that know nothing of tracing).

mod e2e {
    /// How a test runs a command, and what it prints when the outcome is not the expected one.
    #[macro_use]
    mod util;

    /// Scripts, `-c`, `-m`, standard input, zip, folder, exit statuses, help, version.
    mod command_line;

    /// `-X tracemalloc` and `PYTHONTRACEMALLOC`: every value, who wins, what is fatal.
    mod startup;

    /// SIGINT, SIGTERM and what a traced program does about them.
    #[cfg(unix)]
    mod signals;

    /// Dumps that are written at the end, on a signal, now and then, at the peak.
    #[cfg(unix)]
    mod dump_options;

    /// Dumps of the children of a fork, and of programs that are started.
    #[cfg(unix)]
    mod dump_children;

    /// The dump of the highest moment, and series of dumps.
    #[cfg(unix)]
    mod dump_series;

    /// Snapshots that are pushed to a continuous profiler, and what a bad one does to the program.
    #[cfg(unix)]
    mod push;

    /// The receiver of those tests.
    #[cfg(unix)]
    #[path = "../../push/tests/support/mod.rs"]
    mod receiver;

    /// A client of HTTP.
    #[cfg(unix)]
    mod http;

    /// Programs that serve, for those tests.
    #[cfg(unix)]
    mod served;

    /// Memory over HTTP: the endpoints, who may ask, bad requests, what the program sees.
    #[cfg(unix)]
    mod serve;

    /// Children of a program that serves.
    #[cfg(unix)]
    mod serve_children;

    /// Go's pprof, Prometheus and a browser on the service.
    #[cfg(unix)]
    mod serve_tools;

    /// `co_filename`, `__file__`, filters and source lines of the built-in library.
    mod file_names;

    /// The scripts of `scripts/`: the module's API, exact counts, frames, threads, fork.
    mod scripts;

    /// The native module against Python's own pure-Python one.
    mod oracle;

    /// The programs of `attribution/`: every block on its own line, whatever made it.
    mod attribution;

    /// The 25-frame traceback of a recursive function, line by line.
    mod recursion;

    /// Dumps: what loads what, and what a broken dump says.
    mod dumps;

    /// Memory limits, who may read a dump, and what stands in it.
    #[cfg(unix)]
    mod reliability;

    /// The five worked examples, traced and untraced.
    mod examples;

    /// A program that does not use it prints the same, untraced and traced.
    mod transparency;

    /// Warnings about what was left open, with the place where it was made.
    mod warnings;

    /// `tracemalloc_tools`: measuring, limits, leaks, the plugin of pytest.
    mod tools;

    /// The five-minute guide does what it says, and links lead somewhere.
    mod guide;

    /// Every test that the table of compatibility names exists.
    mod documented;

    /// Parts of CPython's own test suite: the same verdicts, untraced and traced.
    mod conformance;

    /// The harness that measures programs, in its short form.
    mod benches;
}
