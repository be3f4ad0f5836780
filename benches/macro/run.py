#!/usr/bin/env python3
"""Measure what tracing costs: programs of pyperformance, on this interpreter and on others.

    python3 benches/macro/run.py                    everything, into target/bench
    python3 benches/macro/run.py --short            does the harness work? about a minute
    python3 benches/macro/run.py --counts           instructions instead of seconds (valgrind)
    python3 benches/macro/run.py --programs go,chaos --configs off,1,25 --rounds 3
    python3 benches/macro/run.py --also fat=FILE    also another build of ours (builds.py makes some)

Needs a Python 3.9 or newer, the built interpreter, and PyPI; a CPython 3.13 with pip, cargo (for
the stock VM, built once) and memray are used where they are there. docs/performance.md describes
the method.

Exit status: 0 when everything ran, 1 when a run failed, 2 for a wrong call, 3 when something that
it cannot do without is missing (the interpreter, or PyPI).
"""

import argparse
import datetime
import json
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import counts
import fetch
import figures
import interpreters
import machine
import measure
import plot
import tables
from programs import BY_NAME, LEFT_OUT, PROGRAMS, SHORT

HERE = Path(__file__).resolve().parent
LOOPS = HERE / "loops.json"

#: Name: (interpreter, frames or None, what it is)
CONFIGS = {
    "stock": ("stock", None, "stock rustpython"),
    "off": ("ours", None, "tracepy, untraced"),
    "1": ("ours", 1, "tracepy, 1 frame"),
    "5": ("ours", 5, "tracepy, 5 frames"),
    "25": ("ours", 25, "tracepy, 25 frames"),
    "500": ("ours", 500, "tracepy, 500 frames"),
    "cpython": ("cpython", None, "CPython 3.13, untraced"),
    "cpython-1": ("cpython", 1, "CPython 3.13, tracemalloc with 1 frame"),
    "cpython-25": ("cpython", 25, "CPython 3.13, tracemalloc with 25 frames"),
    "memray": ("memray", None, "memray on CPython 3.13"),
}
COUNTED = ("off", "1", "5", "25", "500")
#: What a short run uses of what is there.
SHORT_CONFIGS = ("stock", "off", "1", "25", "cpython", "cpython-25")


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--ours", metavar="PATH", help="our interpreter (TRACEPY, or target/release/tracepy)")
    parser.add_argument("--stock", metavar="PATH", help="a stock rustpython (TRACEPY_STOCK, or one is built)")
    parser.add_argument("--cpython", metavar="PATH", help="a CPython 3.13 (PYTHON313, or what is found)")
    parser.add_argument("--also", type=build, action="append", default=[], metavar="NAME=PATH",
                        help="another build of ours: untraced, and as NAME-25 with 25 frames")
    parser.add_argument("--programs", type=names, help="a list with commas; default: all of --list")
    parser.add_argument("--configs", type=names, help="a list with commas; default: " + ",".join(CONFIGS))
    parser.add_argument("--rounds", type=int, help="default 7")
    parser.add_argument("--limit", type=float, default=120, help="seconds for one run, default 120")
    parser.add_argument("--out", type=Path, default=interpreters.ROOT / "target" / "bench", metavar="DIR")
    parser.add_argument("--cache", type=Path, default=fetch.default_cache(), metavar="DIR")
    parser.add_argument("--blocks", type=int, default=1_500_000,
                        help="live traces for the memory probe; 0: none")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="with --counts: keep callgrind's files")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--short", action="store_true", help="few programs, one loop, one round")
    mode.add_argument("--calibrate", action="store_true", help="write loops.json anew, with our interpreter")
    mode.add_argument("--counts", action="store_true", help="count instructions under callgrind")
    mode.add_argument("--list", action="store_true", help="the programs with their reasons")
    mode.add_argument("--report", type=Path, metavar="JSON", help="tables and picture from an earlier result")
    options = parser.parse_args()
    for name, _ in options.also:
        taken = {*CONFIGS, *(kind for kind, *_ in CONFIGS.values())}
        if "," in name or {name, f"{name}-25"} & taken:
            parser.error(f"--also: {name!r} has a comma, or is taken")
        CONFIGS[name] = (name, None, f"tracepy, {name}, untraced")
        CONFIGS[f"{name}-25"] = (name, 25, f"tracepy, {name}, 25 frames")
    for chosen, known in ((options.programs, BY_NAME), (options.configs, CONFIGS)):
        for name in chosen or ():
            if name not in known:
                parser.error(f"there is no {name!r}: {', '.join(known)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds: at least 1")
    return options


def names(text):
    """A list with commas."""
    return [name for name in text.split(",") if name]


def build(text):
    """A name and a file."""
    name, separator, path = text.partition("=")
    if not name or not separator or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{text!r}: NAME=PATH is needed, of a file that is there")
    return name, Path(path).resolve()


def say(text=""):
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def find_interpreters(options, wanted):
    """({config: measure.Config}, {config: why it is missing}, {interpreter: identity})."""
    cache = options.cache
    found, missing, about = {}, {}, {}
    kinds = {CONFIGS[name][0] for name in wanted}
    paths = {"ours": interpreters.ours(options.ours), **dict(options.also)}
    finders = {
        "stock": lambda: interpreters.stock(options.stock, cache, paths["ours"], build=not options.short),
        "cpython": lambda: interpreters.cpython(options.cpython),
        "memray": lambda: interpreters.memray(cache, interpreters.cpython(options.cpython)),
    }
    why = {}
    for kind in sorted(kinds & finders.keys()):
        try:
            paths[kind] = finders[kind]()
        except interpreters.Missing as error:
            why[kind] = str(error)
            say(f"not measured: {kind}: {error}")
    for name in wanted:
        kind, frames, title = CONFIGS[name]
        if kind in why:
            missing[name] = why[kind]
            continue
        command = [str(paths[kind])]
        if frames:
            command += ["-X", f"tracemalloc={frames}"]
        if kind == "memray":
            command += ["-m", "memray", "run", "--quiet", "--force", "--output", "{work}/memray.bin"]
        found[name] = measure.Config(name, command, title)
        if kind not in about:
            about[kind] = interpreters.identity(paths[kind])
    if "memray" in paths:
        about["memray"]["memray"] = interpreters.MEMRAY
    return found, missing, about


def python_with_pip(options):
    """The CPython 3.13, whose packages fit; where there is none, the one that runs this."""
    try:
        return interpreters.cpython(options.cpython)
    except interpreters.Missing:
        return sys.executable


def measure_all(result, programs, configs, files, loops, options, rounds):
    """Interleaved rounds; the order of the configurations moves on by one with each round.

    Fills `result["runs"]` and saves the result after each round. What was not done in time is not
    run again, since that would be most of the whole time.
    """
    runs = {program.name: {name: [] for name in configs} for program in programs}
    result["runs"] = runs
    order = list(configs.values())
    too_slow = set()
    for turn in range(rounds):
        for program in programs:
            count, warmup = loops[program.name]
            line = [f"round {turn + 1}/{rounds}  {program.name:24}"]
            for at in range(len(order)):
                config = order[(at + turn) % len(order)]
                if (program.name, config.name) in too_slow:
                    run = measure.Run(problem="not run again, it was too slow before")
                else:
                    run = measure.run_program(config, program, files, count, warmup, options.limit)
                if run.late:
                    too_slow.add((program.name, config.name))
                runs[program.name][config.name].append(run.as_json())
                line.append(f"{config.name} " + (run.problem or f"{run.seconds:.3f}"))
            say("  ".join(line))
        save(result, options.out)


def fresh(command, folder):
    """The command with a copy of a binary of ours or of the stock VM.

    How many pages of a file count as resident depends on how they came into the cache of the system: of
    one that was linked a moment ago some megabytes more than of one that was read. Copies are alike.
    """
    copy = folder / f"{len(list(folder.iterdir()))}-{Path(command[0]).name}"
    shutil.copy(command[0], copy)
    return [copy, *command[1:]]


def probe(configs, blocks, rounds, limit, folder):
    """Memory of an empty program, and of many live traces, for each configuration."""
    probes = {}
    untraced = {}
    for name, config in configs.items():
        if name == "memray":
            continue
        env = measure.environment([], {})
        # CPython finds its library beside its binary.
        command = config.command if name.startswith("cpython") else fresh(config.command, folder)
        empty = [measure.launch([*command, "-c", ""], env, limit) for _ in range(rounds)]
        probes[name] = {"empty_peak": [run.peak for run in empty if not run.problem]}
        failed = [run.problem for run in empty if run.problem]
        if failed:
            probes[name]["problem"] = failed[0]
        if not blocks or name == "stock":
            continue
        run = measure.launch([*config.command, HERE / "live_traces.py", blocks], env, limit)
        try:
            live = json.loads(run.output)
        except ValueError:
            live = {"problem": run.problem or measure.last_line(run.output)}
        kind, frames, _ = CONFIGS[name]
        if not frames:
            untraced[kind] = live.get("resident")
        elif untraced.get(kind) and live.get("resident"):
            live["process_bytes"] = live["resident"] - untraced[kind]
        probes[name]["live"] = live
    return probes


def read_loops():
    """{program: (loops, warm-up loops)}, as calibrated."""
    known = json.loads(LOOPS.read_text())["loops"] if LOOPS.is_file() else {}
    return {program.name: tuple(known.get(program.name, (1, 0))) for program in PROGRAMS}


def calibrate(programs, config, files, limit):
    """Loops that take about a second of processor time on our interpreter, untraced."""
    loops = read_loops()
    for program in programs:
        count = 1
        while True:
            run = measure.run_program(config, program, files, count, 0, limit)
            if run.problem:
                say(f"{program.name}: {run.problem}")
                break
            used = min(run.seconds, run.loop_cpu) if run.loop_cpu else run.seconds
            if used >= 0.25 or count >= 1 << 20:
                each = used / count
                loops[program.name] = (max(1, round(1 / each)), int(each <= 0.3))
                break
            count *= 4 if used > 0.02 else 32
        say(f"{program.name:24} {loops[program.name][0]} loops, {loops[program.name][1]} before them")
    lines = [f'    "{name}": [{count}, {warmup}]' for name, (count, warmup) in loops.items()]
    note = "loops of a timed run, and loops before it; written by run.py --calibrate"
    LOOPS.write_text('{\n  "about": "' + note + '",\n  "loops": {\n' + ",\n".join(lines) + "\n  }\n}\n")


def count_all(programs, configs, files, loops, options):
    """Prints the ratios of instructions as they come; returns how many failed."""
    base = next(iter(configs))
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    ratios = {name: {} for name in configs if name != base}
    failed = 0
    heads = " ".join(f"{name + ' / ' + base:>10}" for name in ratios)
    print(f"{'program':24} {base + ', millions':>16} {heads}")
    for program in programs:
        times = counts.loops_for(loops[program.name][0], program)
        cells = []
        first = None
        for name, config in configs.items():
            found, problem = counts.count(config, program, files, times, options.limit * 20, options.keep)
            if found is None:
                failed += 1
                cells.append(f"{name}: {problem}")
                continue
            if name == base:
                first = found
                cells.append(f"{found / 1e6:16.1f}")
            elif first:
                ratios[name][program.name] = found / first
                cells.append(f"{found / first:10.3f}")
        print(f"{program.name:24} " + " ".join(cells), flush=True)
    for name, found in ratios.items():
        if found:
            worst = max(found, key=found.get)
            mean = figures.geometric_mean(found.values())
            print(f"{name} / {base}: geometric mean {mean:.3f}, "
                  f"worst {found[worst]:.3f} ({worst}), {len(found)} programs")
    return failed


def save(result, folder):
    """The raw figures, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "result.json.part"
    part.write_text(json.dumps(result, indent=1) + "\n")
    part.replace(folder / "result.json")


def report(result, folder):
    """The tables and the picture of a result."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.md").write_text(tables.document(result, markdown=True) + "\n")
    picture = plot.svg(result)
    if picture:
        (folder / "cost.svg").write_text(picture)
    print(tables.document(result))
    say(f"written: {folder}")


def show_list():
    """The programs, each with its reason."""
    for program in PROGRAMS:
        print(f"{program.name:26} {program.stresses:22} {program.reason}")
    print("\nleft out:")
    for name, why in LEFT_OUT.items():
        print(f"{name:26} {why}")


def main():
    """The modes of the command line."""
    options = arguments()
    if options.list:
        show_list()
        return 0
    if options.report:
        try:
            result = json.loads(options.report.read_text())
        except (OSError, ValueError) as error:
            say(f"error: {options.report}: {error}")
            return 3
        report(result, options.out)
        return 0
    chosen = options.programs or (SHORT if options.short else list(BY_NAME))
    programs = [BY_NAME[name] for name in chosen]
    usual = SHORT_CONFIGS if options.short else COUNTED if options.counts else list(CONFIGS)
    also = [config for name, _ in options.also for config in (name, f"{name}-25")]
    wanted = list(dict.fromkeys([*(options.configs or usual), *also]))
    if options.calibrate:
        wanted = ["off"]
    if options.counts and counts.available():
        say(f"error: {counts.available()}")
        return 3
    busy = machine.load()
    try:
        with fetch.alone(options.cache):
            configs, missing, about = find_interpreters(options, wanted)
            files = fetch.Files(options.cache, python_with_pip(options))
            files.fetch(programs)
    except (interpreters.Missing, fetch.NotThere, OSError) as error:
        say(f"error: {error}")
        return 3
    if options.calibrate:
        calibrate(programs, configs["off"], files, options.limit)
        return 0
    loops = read_loops()
    if options.counts:
        return 1 if count_all(programs, configs, files, loops, options) else 0
    rounds = options.rounds or (1 if options.short else 7)
    if options.short:
        loops = {name: (1, 0) for name in loops}
    if not options.short and busy and busy > 0.3:
        say(f"warning: the machine is busy (load {busy}); the figures will show it")
    result = {
        "about": {
            "date": datetime.date.today().isoformat(),
            "machine": machine.model(),
            "load_before": busy,
            "command": shlex.join(["benches/macro/run.py", *public(sys.argv[1:])]),
            "commit": machine.commit(),
            "pyperformance": fetch.PYPERFORMANCE,
            "rounds": rounds,
            "loops": {program.name: loops[program.name] for program in programs},
            "interpreters": about,
            "missing": missing,
        },
        "configs": list(configs),
        "programs": [program.name for program in programs],
    }
    blocks = min(options.blocks, 20_000) if options.short else options.blocks
    with tempfile.TemporaryDirectory(dir=options.cache) as folder:
        result["probes"] = probe(configs, blocks, min(rounds, 5), options.limit, Path(folder))
    measure_all(result, programs, configs, files, loops, options, rounds)
    report(result, options.out)
    return 1 if figures.problems(result) else 0


def public(words):
    """A command line without the folders of this machine."""
    return [Path(word).name if os.path.isabs(word) else word for word in words]


if __name__ == "__main__":
    sys.exit(main())
