"""How long `astro-ci --version` and `--help` take, against `python -c pass` in the same run.

Usage: python benchmarks/startup.py [--repeat N]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("astro-ci")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "astro-ci --version": [str(SCRIPT), "--version"],
    "python -m astro_ci --version": [sys.executable, "-m", "astro_ci", "--version"],
    "astro-ci --help": [str(SCRIPT), "--help"],
    "astro-ci deploy --help": [str(SCRIPT), "deploy", "--help"],
}


def best_of(command: list[str], repeat: int) -> float:
    """The quickest of several runs, in seconds: what else the machine does only adds."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Print a table of times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=30)
    repeat = parser.parse_args().repeat
    baseline = 0.0
    print(f"best of {repeat} runs, Python {sys.version.split()[0]}")
    for name, command in COMMANDS.items():
        seconds = best_of(command, repeat)
        baseline = baseline or seconds
        print(f"{name:32} {seconds * 1000:7.1f} ms {seconds / baseline:6.2f} x")


if __name__ == "__main__":
    main()
