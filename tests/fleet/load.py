"""A load on `-X tracemalloc_http`: so many scrapes a second for some time, with slow and broken clients
among them, while the program works. Prints figures; exits with status 1 if an honest scrape has failed, or
the program has printed something else than without the load.

    python3 tests/fleet/load.py TRACEPY [--rate 200] [--seconds 60]

Of 20 clients, 16 are honest (10 ask for /metrics, 4 for profiles, one for the page, one for a dump), one stops
in the middle of its request, one reads an answer byte by byte, one sends garbage, and one hangs up while
it is answered. Needs Python 3.9 and nothing else; memory is read from /proc.
"""

import argparse
import asyncio
import collections
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

# It holds what it holds, allocates and frees until a file is there, and counts what it has done.
PROGRAM = """
import os, sys
kept = [bytearray(200) for _ in range(20000)]
rounds = 0
while not os.path.exists(sys.argv[1]):
    some = [str(n) for n in range(1000)]
    rounds += 1
print('done', len(kept))
print(rounds, file=sys.stderr)
"""
HONEST = ["/metrics"] * 10 + ["/debug/pprof/heap"] * 4 + ["/", "/snapshot"]
BROKEN = ["stops", "creeps", "garbage", "hangs up"]
PATIENCE = 60


def memory(pid, at):
    """Resident bytes of a process, and those of its tracer."""
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE"), at.get("tracemalloc_tracer_bytes", 0)


async def ask(port, path):
    """The status and the body of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = await reader.read(-1)
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return int(words[1]) if len(words) > 1 else 0, body


async def misbehave(port, how):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if how == "stops":
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: loc")
            await asyncio.wait_for(reader.read(-1), 20)
        elif how == "creeps":
            writer.write(b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for _ in range(50):
                if not await reader.read(1):
                    break
                await asyncio.sleep(0.1)
        elif how == "garbage":
            writer.write(random.randbytes(5000) + b"\r\n\r\n")
            await asyncio.wait_for(reader.read(-1), 20)
        else:
            writer.write(b"GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await writer.drain()
    except (OSError, asyncio.TimeoutError):
        pass
    finally:
        writer.transport.abort()


def numbers(text):
    lines = (line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


async def load(port, pid, rate, seconds):
    outcomes, times = collections.Counter(), []
    tasks, memories = set(), []

    async def honest(path):
        begin = time.monotonic()
        try:
            status, body = await asyncio.wait_for(ask(port, path), PATIENCE)
            outcomes["answered" if status == 200 and body else f"status {status} of {path}"] += 1
        except (OSError, asyncio.TimeoutError) as error:
            outcomes[f"{type(error).__name__} of {path}"] += 1
        times.append(time.monotonic() - begin)

    async def broken(how):
        try:
            await misbehave(port, how)
        except OSError:
            pass
        outcomes[f"misbehaved: {how}"] += 1

    begin, count = time.monotonic(), 0
    while (passed := time.monotonic() - begin) < seconds:
        while count < passed * rate:
            which = count % 20
            work = honest(HONEST[which]) if which < 16 else broken(BROKEN[which - 16])
            task = asyncio.ensure_future(work)
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            count += 1
        if len(memories) <= passed // 5:
            _, body = await ask(port, "/metrics")
            memories.append((passed, *memory(pid, numbers(body))))
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    last = numbers((await ask(port, "/metrics"))[1])
    memories.append((time.monotonic() - begin, *memory(pid, last)))
    return count, outcomes, sorted(times), memories, last


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tracepy")
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder, "at")
        options = ["-X", "tracemalloc_http=0", "-X", f"tracemalloc_http_file={place}-{{pid}}"]
        stop = pathlib.Path(folder, "stop")
        program = [*options, "-c", PROGRAM, str(stop)]
        process = subprocess.Popen(
            [given.tracepy, *program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        place = pathlib.Path(f"{place}-{process.pid}")
        while not place.exists() or not place.read_text():
            time.sleep(0.05)
        port = int(place.read_text().strip().rsplit(":", 1)[1])
        # Once the program has made what it holds.
        time.sleep(5)
        count, outcomes, times, memories, last = asyncio.run(
            load(port, process.pid, given.rate, given.seconds)
        )
        stop.touch()
        stdout, stderr = process.communicate(timeout=120)
    print(f"{count} requests in {given.seconds:g} s, on {os.cpu_count()} processors")
    for outcome, number in outcomes.most_common():
        print(f"  {number:6} {outcome}")
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1000
    print(f"answers: median {at(0.5):.1f} ms, 99 of 100 in {at(0.99):.1f} ms, all in {at(1):.1f} ms")
    for passed, resident, tracer in memories:
        print(f"  after {passed:5.1f} s: resident {resident / 2**20:7.1f} MiB, tracer {tracer / 2**20:6.2f} MiB")
    for name, value in last.items():
        if "_http_" in name:
            print(f"  {name} {value:g}")
    print(f"the program: status {process.returncode}, {stdout.strip()!r}, {stderr.strip()} rounds")
    failed = [outcome for outcome in outcomes if outcome != "answered" and "misbehaved" not in outcome]
    sound = process.returncode == 0 and stdout == "done 20000\n" and stderr.strip().isdigit()
    sys.exit(1 if failed or not sound else 0)


main()
