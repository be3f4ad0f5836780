"""Debian's Prometheus scrapes twenty processes; the sum that a query returns is held against what the
processes say of themselves.

    python3 tests/fleet/prometheus.py TRACEPY [PROMETHEUS]

Without a path of Prometheus, the one on the search path is taken, else Debian's package is fetched with
`apt-get download` into a cache and unpacked there. Where neither works, it says so and that is all. Needs
Python 3.9 and nothing else.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

PROCESSES = 20
PATIENCE = 90

# Each holds another amount, says how much is traced when nothing happens any more, and waits.
PROGRAM = """
import sys, tracemalloc
kept = bytearray(100_000 * int(sys.argv[1]))
sys.stdin.readline()
"""

CONFIGURATION = """
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: tracepy
    file_sd_configs:
      - files: ["{targets}"]
        refresh_interval: 1s
"""


def prometheus():
    """A path, or `None`."""
    if len(sys.argv) > 2:
        return sys.argv[2]
    found = shutil.which("prometheus")
    if found:
        return found
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    cache = pathlib.Path(home, "tracepy-prometheus")
    binary = cache / "usr/bin/prometheus"
    if not binary.exists() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        cache.mkdir(parents=True, exist_ok=True)
        got = subprocess.run(["apt-get", "download", "prometheus"], cwd=cache, capture_output=True)
        for package in cache.glob("prometheus_*.deb") if got.returncode == 0 else []:
            subprocess.run(["dpkg-deb", "-x", package, cache], check=True)
    return str(binary) if binary.exists() else None


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def query(port, text):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
    result = json.loads(read(url))["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def main():
    binary = prometheus()
    if not binary:
        print("skipped: Prometheus is not installed, and could not be fetched")
        return 0
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        targets = folder / "targets"
        targets.mkdir()
        configuration = folder / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(targets=targets / "*.json"))
        try:
            for number in range(PROCESSES):
                options = ["tracemalloc_http=0", f"tracemalloc_http_file={targets}/{{pid}}.json"]
                command = [sys.argv[1], "-X", options[0], "-X", options[1], "-c", PROGRAM, str(number)]
                processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, text=True))
            port = free_port()
            server = subprocess.Popen(
                [
                    binary,
                    f"--config.file={configuration}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                begin = time.monotonic()
                sums = None
                while time.monotonic() - begin < PATIENCE:
                    time.sleep(1)
                    try:
                        if query(port, 'sum(up{job="tracepy"})') != PROCESSES:
                            continue
                        # What the processes say, and what Prometheus makes of it, once both rest.
                        sums = compare(port, targets)
                        if len(set(sums)) == 1:
                            break
                    except OSError:
                        continue
                version = subprocess.run([binary, "--version"], capture_output=True, text=True)
                text = (version.stdout or version.stderr).splitlines()[0]
                print(text)
                print(f"processes that are up: {query(port, 'sum(up)')}")
                print(f"sum of tracemalloc_traced_bytes: {sums}")
                largest = "topk(1, tracemalloc_traced_bytes)"
                print(f"the largest: {query(port, largest):.0f} bytes")
                return 0 if sums and len(set(sums)) == 1 else 1
            finally:
                server.terminate()
                server.wait()
        finally:
            for process in processes:
                process.communicate("\n")


def compare(port, targets):
    """The sum as the processes report it, and as Prometheus does."""
    reported = 0
    for file in targets.glob("*.json"):
        [target] = json.loads(file.read_text())
        text = read(f"http://{target['targets'][0]}/metrics")
        lines = text.splitlines()
        [line] = [line for line in lines if line.startswith("tracemalloc_traced_bytes ")]
        reported += int(line.split()[1])
    return reported, int(query(port, 'sum(tracemalloc_traced_bytes{job="tracepy"})'))


sys.exit(main())
