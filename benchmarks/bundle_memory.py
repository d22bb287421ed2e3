"""How much memory it takes to bundle and upload a given amount of DAGs.

    python benchmarks/bundle_memory.py --megabytes 1024

Half of the files compress well and half do not. Each step runs in a process of its own, which
reports its peak; the blob store is one on loopback that counts what it is sent. The DAGs and the
bundle go to the temporary directory (TMPDIR), which needs twice the space.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MIB = 1024 * 1024
FILE_BYTES = 4 * MIB


def main() -> int:
    """Make the DAGs, run the steps, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=256, help="how much to bundle (MiB)")
    parser.add_argument("--step", choices=["import", "bundle", "upload"], help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.directory, options.url)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        make_dags(directory / "dags", options.megabytes)
        measure(directory, options.megabytes)
    return 0


def make_dags(dags: Path, megabytes: int) -> None:
    """Fill a directory, never holding more than one file's content."""
    dags.mkdir()
    noise = random.Random(0)  # noqa: S311 - noise, no secret
    for number, left in enumerate(range(megabytes * MIB, 0, -FILE_BYTES)):
        size = min(FILE_BYTES, left)
        line = b"task_%08d = EmptyOperator(task_id='task')\n" % number
        content = noise.randbytes(size) if number % 2 else line * (size // len(line) + 1)
        (dags / f"part_{number:05d}.py").write_bytes(content[:size])


def measure(directory: Path, megabytes: int) -> None:
    """Run each step and print its row."""
    print(f"{'step':<8} {'MiB in':>8} {'seconds':>8} {'MiB/s':>8} {'peak memory':>12}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/dags.tar.gz?sig=none"
    for step in ("import", "bundle", "upload"):
        command = [sys.executable, __file__, "--step", step, "--directory", directory, "--url", url]
        started = time.perf_counter()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - started
        read = megabytes if step == "bundle" else Sink.received / MIB
        rate = f"{read / seconds:.0f}" if read else "-"
        peak = float(done.stdout)
        print(f"{step:<8} {read:>8.0f} {seconds:>8.2f} {rate:>8} {peak:>8.1f} MiB", flush=True)
    server.shutdown()
    server.server_close()


def run_step(step: str, directory: Path, url: str) -> None:
    """Do one step and print this process's peak resident memory in MiB."""
    from astro_ci.astro.upload import Uploader
    from astro_ci.bundle import list_members, write_bundle

    bundle = directory / "dags.tar.gz"
    if step == "bundle":
        write_bundle(list_members(directory / "dags"), bundle, mtime=0)
    elif step == "upload":
        with bundle.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        Uploader(single_put_limit=0).upload(url, bundle, md5=digest.digest())
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB)


class Sink(BaseHTTPRequestHandler):
    """Takes whatever is put, and calls it a version."""

    protocol_version = "HTTP/1.1"
    received = 0

    def do_PUT(self) -> None:
        """Count the body and forget it."""
        left = int(self.headers["Content-Length"])
        while left:
            left -= (size := len(self.rfile.read(min(left, MIB))))
            Sink.received += size
        self.send_response(201)
        self.send_header("x-ms-version-id", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    raise SystemExit(main())
