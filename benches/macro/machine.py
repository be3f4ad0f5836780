"""What a result says about where it was measured.

Invariant: none of it can fail; what is not known is said to be unknown.
"""

import os
import platform
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def model():
    """The processor, how many, and the system."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def commit():
    """The commit of the repository, with a + if something is changed."""
    def git(*args):
        return subprocess.run(["git", *args], cwd=HERE, capture_output=True, text=True).stdout.strip()
    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except OSError:
        return "unknown"


def load():
    """How busy the machine is: a figure above about 0.3 before the start spoils the result."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None
