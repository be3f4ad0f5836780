"""Time and memory of `tracemalloc` over many dumps.

    python3 benches/fleet/run.py FOLDER [--dumps 10,100,1000] [--traces 100000]

Makes the dumps in FOLDER (once; 1000 of 100,000 traces take 1.6 GB), and measures merge, merge
--by-traceback, convert --to parquet and top over the first N of them. Prints a table in Markdown: the
wall clock, seconds of CPU, and the most memory that was resident, which is what the kernel says of the
process when it has ended. Builds what it needs with cargo, or takes TRACEMALLOC=PROGRAM and FLEET=PROGRAM.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build(package, *what):
    command = ["cargo", "build", "--release", "--ignore-rust-version", "-p", package, *what]
    subprocess.run(command, cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def measure(command):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def size(path):
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in files)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dumps", default="10,100,1000")
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--threads", type=int, help="as many threads [default: what the program takes]")
    args = parser.parse_args()
    counts = [int(n) for n in args.dumps.split(",")]
    program = os.environ.get("TRACEMALLOC") or build("report", "--bin", "tracemalloc") / "tracemalloc"
    fleet = os.environ.get("FLEET") or build("snapshot", "--example", "fleet") / "examples" / "fleet"
    dumps = args.folder / f"dumps-{args.traces}"
    subprocess.run([fleet, dumps, str(max(counts)), str(args.traces)], check=True)
    threads = ["-j", str(args.threads)] if args.threads else []
    pattern = "{service}-{version}-{pid}-{time}.dump"
    print("| command | dumps | read | seconds | seconds of CPU | largest memory | written |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for what in ("merge", "merge --by-traceback", "convert --to parquet", "top"):
        for count in counts:
            # Numbers of processes begin with 1000: the first ones are those that a smaller run makes.
            files = sorted(dumps.glob("*.dump"), key=lambda p: int(p.name.split("-")[2]))[:count]
            out = args.folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.unlink(missing_ok=True)
            command = [program, *what.split(), *threads, *files]
            if what != "top":
                command += ["-o", out]
            if "parquet" in what:
                command += ["--name-pattern", pattern]
            seconds, cpu, memory = measure(command)
            written = f"{size(out) / 1e6:.1f} MB" if out.exists() else ""
            read = sum(p.stat().st_size for p in files) / 1e6
            row = [f"`{what}`", count, f"{read:.0f} MB", f"{seconds:.2f}", f"{cpu:.2f}",
                   f"{memory * 1024 / 1e6:.0f} MB", written]
            print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
