//! The texts of `--help` and its relatives, and of `--version`.
//!
//! Invariant: they name only what works here. An option or variable that the interpreter reads
//! and then ignores has no line.

use rustpython_vm::version;

const OPTIONS: &str = "\
Options, and the environment variables that do the same:
-b      : warn when bytes are compared with str or int, or turned into a str;
          -bb makes that an error
-B      : leave no .pyc files behind; also PYTHONDONTWRITEBYTECODE=x
-c CMD  : run CMD; what follows are its arguments
-d      : debug flag (sys.flags.debug); also PYTHONDEBUG=x
-E      : take no notice of PYTHON* variables
-h      : show this text; also -? or --help
-i      : go on interactively when the script ends, even if standard input is
          no terminal; also PYTHONINSPECT=x
-I      : isolated: keep the user's settings out (does what -E, -P and -s do)
-m MOD  : run library module MOD as a script; what follows are its arguments
-O      : leave out assertions, __debug__ is False; also PYTHONOPTIMIZE=x
-OO     : as -O, and leave out docstrings
-P      : keep the script's folder out of sys.path; also PYTHONSAFEPATH=x
-q      : no greeting in the interactive interpreter
-R      : random hashes, whatever PYTHONHASHSEED says
-s      : keep the user's site-packages out of sys.path;
          also PYTHONNOUSERSITE=x
-S      : do not import site at the start
-u      : unbuffered standard output and standard error
-v      : tell what is imported, -vv in detail; also PYTHONVERBOSE=x
-V      : show the version; also --version. -VV tells more about the build
-W ARG  : what to do with warnings, action:message:category:module:lineno;
          also PYTHONWARNINGS=ARG
-X OPT  : an option of this implementation; see --help-xoptions
--check-hash-based-pycs always|default|never
        : whether hash-based .pyc files are checked against their source
--help-env
        : show the environment variables
--help-xoptions
        : show the -X options
--help-all
        : show all of this

Tracing memory allocations, from the first line on:
-X tracemalloc[=N]
        : remember the N most recent frames (without =N: 1) of each allocation
PYTHONTRACEMALLOC=N
        : the same, as an environment variable; -X goes first, 0 is off
Both start what tracemalloc.start(N) starts; see the module tracemalloc.

Dumps without a change of the program, for `tracemalloc top` and
tracemalloc.Snapshot.load; they imply -X tracemalloc=25 where nothing is said:
-X tracemalloc_dump=PATH
        : write a snapshot at the end, whatever ends the program, SIGTERM too.
          In PATH, {pid} is the process and {time} the time in UTC. A child of
          a fork writes dumps only if {pid} is in PATH
-X tracemalloc_signal=NAME
        : write one there on this signal, too, for instance USR2
-X tracemalloc_interval=SECONDS
        : write one there every so many seconds, too
-X tracemalloc_keep=N
        : keep the last N of those, default 20; needs {time} in PATH
-X tracemalloc_peak=PATH
        : write a snapshot of the moment with the most memory
-X tracemalloc_peak_growth=PERCENT
        : take that again where memory has grown by so much, default 5
Each has a variable: PYTHONTRACEMALLOC_DUMP, ..._PEAK_GROWTH; -X goes first.

Memory over HTTP, for Prometheus, profilers and a browser; it implies
-X tracemalloc=25, too:
-X tracemalloc_http=ADDRESS
        : answer at a port of this machine, at 127.0.0.1:PORT, at unix:PATH, or
          at another address given in full; port 0 is any that is free
-X tracemalloc_http_file=PATH
        : write the address there; {pid} is the process
-X tracemalloc_http_token_file=PATH
        : ask each client for the token in that file
Each has a variable, as above; the token itself goes into
PYTHONTRACEMALLOC_HTTP_TOKEN.

Snapshots for a continuous profiler; they imply -X tracemalloc=25, too:
-X tracemalloc_push=URL
        : send one to Pyroscope, Alloy or Parca now and then, and at the end
-X tracemalloc_push_interval=SECONDS
        : how often, default 15
-X tracemalloc_push_last=SECONDS
        : how long the end may take for the last one, default 3; 0 for none
-X tracemalloc_push_name=SERVICE, -X tracemalloc_push_labels=a=b,c=d
        : of what; host, pid and version are labels in any case
-X tracemalloc_push_tenant=NAME
        : for whom (X-Scope-OrgID)
-X tracemalloc_push_token_file=FILE, -X tracemalloc_push_basic_file=FILE
        : a file with a token, or with user:password
Each has a variable, as above; a secret itself goes into
PYTHONTRACEMALLOC_PUSH_TOKEN or PYTHONTRACEMALLOC_PUSH_BASIC.

Arguments:
FILE    : run this script, or the __main__.py of this folder or zip file
-       : run what comes from standard input (interactive if it is a terminal);
          the same without any argument
ARG ... : the rest is for the program, in sys.argv[1:]
";

/// The text of `--help-xoptions`.
pub(super) const X_OPTIONS: &str = "\
Options of this implementation:
-X cpu_count=N
        : what os.cpu_count() returns; 'default' is the true number;
          also PYTHON_CPU_COUNT=N
-X dev  : development mode: show all warnings, dump tracebacks on crashes
-X faulthandler
        : dump Python tracebacks on crashes; also PYTHONFAULTHANDLER=x
-X int_max_str_digits=N
        : most digits in conversions between int and str, 0 for no limit;
          also PYTHONINTMAXSTRDIGITS=N
-X no_debug_ranges
        : code objects without columns, tracebacks without markers;
          also PYTHONNODEBUGRANGES=x
-X no_sig_int
        : install no signal handlers
-X thread_inherit_context=0|1
        : whether a thread starts with a copy of its creator's context;
          also PYTHON_THREAD_INHERIT_CONTEXT=0|1
-X tracemalloc[=N]
        : trace memory allocations, with up to N frames each (default: 1);
          also PYTHONTRACEMALLOC=N
-X tracemalloc_dump=PATH, -X tracemalloc_signal=NAME,
-X tracemalloc_interval=SECONDS, -X tracemalloc_keep=N,
-X tracemalloc_peak=PATH, -X tracemalloc_peak_growth=PERCENT
        : write snapshots of the traced memory, see --help;
          also PYTHONTRACEMALLOC_DUMP=PATH and so on
-X tracemalloc_http=ADDRESS, -X tracemalloc_http_file=PATH,
-X tracemalloc_http_token_file=PATH
        : show the traced memory over HTTP, see --help;
          also PYTHONTRACEMALLOC_HTTP=ADDRESS and so on
-X tracemalloc_push=URL, -X tracemalloc_push_interval=SECONDS,
-X tracemalloc_push_last=SECONDS,
-X tracemalloc_push_name=SERVICE, -X tracemalloc_push_labels=a=b,c=d,
-X tracemalloc_push_tenant=NAME, -X tracemalloc_push_token_file=FILE,
-X tracemalloc_push_basic_file=FILE
        : send snapshots to a continuous profiler, see --help;
          also PYTHONTRACEMALLOC_PUSH=URL and so on
-X utf8[=0|1]
        : UTF-8 mode on (default) or off; also PYTHONUTF8=0|1
-X warn_default_encoding
        : warn when a text file is opened without an encoding;
          also PYTHONWARNDEFAULTENCODING=x
A name that begins with tracemalloc_ and is none of these is an error; others
are kept in sys._xoptions and have no effect.
";

/// The text of `--help-env`.
pub(super) const ENVIRONMENT: &str = "\
Environment variables:
PYTHONPATH      : folders that come before the library in sys.path, with ':'
                  (on Windows ';') between them
PYTHONSTARTUP   : a file that the interactive interpreter runs first
PYTHONUSERBASE  : the folder of the user's site-packages
PYTHONEXECUTABLE: what sys.executable is
PYTHONHASHSEED  : 'random', or a number from 0 to 4294967295 for hashes of str
                  and bytes that are the same in every run
PYTHONIOENCODING: encoding[:errors] of the standard streams
PYTHONBREAKPOINT: what breakpoint() calls; 0 for nothing
PYTHONTZPATH    : where zoneinfo looks for time zones
PYTHONASYNCIODEBUG
                : asyncio's debug mode
PYTHON_COLORS   : 1 for colours in what the interpreter prints, 0 for none
PYTHON_HISTORY  : where the interactive interpreter keeps its history
PYTHON_BASIC_REPL
                : the plain interactive interpreter

Variables that do what an option does (see --help and --help-xoptions):
PYTHON_CPU_COUNT=N              : -X cpu_count=N
PYTHONDEBUG=x                   : -d
PYTHONDONTWRITEBYTECODE=x       : -B
PYTHONFAULTHANDLER=x            : -X faulthandler
PYTHONINSPECT=x                 : -i
PYTHONINTMAXSTRDIGITS=N         : -X int_max_str_digits=N
PYTHONNODEBUGRANGES=x           : -X no_debug_ranges
PYTHONNOUSERSITE=x              : -s
PYTHONOPTIMIZE=x                : -O, 2 for -OO
PYTHONSAFEPATH=x                : -P
PYTHON_THREAD_INHERIT_CONTEXT=N : -X thread_inherit_context=N
PYTHONTRACEMALLOC=N             : -X tracemalloc=N
PYTHONTRACEMALLOC_DUMP=PATH     : -X tracemalloc_dump=PATH
PYTHONTRACEMALLOC_HTTP=ADDRESS  : -X tracemalloc_http=ADDRESS
PYTHONTRACEMALLOC_HTTP_FILE=PATH
                                : -X tracemalloc_http_file=PATH
PYTHONTRACEMALLOC_HTTP_TOKEN=T  : the token itself
PYTHONTRACEMALLOC_HTTP_TOKEN_FILE=PATH
                                : -X tracemalloc_http_token_file=PATH
PYTHONTRACEMALLOC_INTERVAL=SECS : -X tracemalloc_interval=SECS
PYTHONTRACEMALLOC_KEEP=N        : -X tracemalloc_keep=N
PYTHONTRACEMALLOC_PEAK=PATH     : -X tracemalloc_peak=PATH
PYTHONTRACEMALLOC_PEAK_GROWTH=P : -X tracemalloc_peak_growth=P
PYTHONTRACEMALLOC_PUSH=URL      : -X tracemalloc_push=URL
PYTHONTRACEMALLOC_PUSH_INTERVAL, ..._LAST, ..._NAME, ..._LABELS, ..._TENANT,
..._TOKEN_FILE, ..._BASIC_FILE  : -X tracemalloc_push_interval and so on
PYTHONTRACEMALLOC_PUSH_TOKEN=T  : the token itself
PYTHONTRACEMALLOC_PUSH_BASIC=UP : user:password itself
PYTHONTRACEMALLOC_SIGNAL=NAME   : -X tracemalloc_signal=NAME
PYTHONUTF8=N                    : -X utf8=N
PYTHONVERBOSE=x                 : -v
PYTHONWARNDEFAULTENCODING=x     : -X warn_default_encoding
PYTHONWARNINGS=ARG              : -W ARG
";

/// The line that says how to call `program`.
fn synopsis(program: &str) -> String {
    format!("usage: {program} [option] ... [-c cmd | -m mod | file | -] [arg] ...\n")
}

/// The text of `--help`.
pub(super) fn usage(program: &str) -> String {
    synopsis(program) + OPTIONS
}

/// The text of `--help-all`.
pub(super) fn everything(program: &str) -> String {
    format!("{}\n{ENVIRONMENT}\n{X_OPTIONS}", usage(program))
}

/// What follows the complaint about a command line.
pub(super) fn try_help(program: &str) -> String {
    synopsis(program) + "Try `python -h' for more information.\n"
}

/// The text of `--version`, or of `-VV` if `full`. The first line is all that a program which
/// looks for Python's version has to read.
pub(super) fn version(full: bool) -> String {
    let (major, minor, micro) = (version::MAJOR, version::MINOR, version::MICRO);
    let ours = env!("CARGO_PKG_VERSION");
    let mut text = format!("Python {major}.{minor}.{micro}\ntracepy {ours}\n");
    if full {
        text.push_str(version::RUSTPYTHON_VERSION);
        text.push('\n');
    }
    text
}
