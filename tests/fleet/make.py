"""Makes the dumps of a fleet, by several interpreters in turn.

    python3 tests/fleet/make.py FOLDER COUNT INTERPRETER...
"""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("program.py")


def main():
    folder, count, *interpreters = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    for number in range(int(count)):
        interpreter = interpreters[number % len(interpreters)]
        service = ("web", "worker", "cron")[number // len(interpreters) % 3]
        version = str(1 + number // (3 * len(interpreters)) % 2)
        command = [interpreter, PROGRAM, folder, service, version, str(number)]
        subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
