"""How a prebuilt image goes to several Deployments without an engine: bytes sent, and memory.

    python benchmarks/prebuilt.py --megabytes 1024 --deployments 5

An OCI archive of one large layer, half of which compresses well, is deployed to each Deployment of
a sandbox in one run, through a wire that cuts the connection once in the middle of the layer. The
baseline is a run for each Deployment, as pipelines do it that deploy in a loop. The archive goes to
the temporary directory (TMPDIR), which needs the space once, and the sandbox's store once more.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import resource
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MIB = 1 << 20
LABEL = "io.astronomer.docker.runtime.version"


def main() -> int:
    """Make the archive, deploy it both ways, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=128, help="the layer's size (MiB)")
    parser.add_argument("--deployments", type=int, default=5, help="how many Deployments")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.child:
        return run_child(rest)
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "image.tar")
        size = make_archive(archive, options.megabytes)
        print(f"an archive of {size / MIB:.0f} MiB, {options.deployments} Deployments\n")
        print(f"{'way':<28} {'seconds':>8} {'MiB sent':>9} {'cuts':>5} {'peak memory':>12}")
        measure(Path(scratch), archive, options.deployments, size, at_once=True)
        measure(Path(scratch), archive, options.deployments, size, at_once=False)
    return 0


def make_archive(path: Path, megabytes: int) -> int:
    """Write an OCI archive of one layer, never holding it, and return the layer's size."""
    layer = path.with_suffix(".layer")
    noise, plain = random.Random(0), hashlib.sha256()  # noqa: S311 - noise, no secret
    with layer.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as out:

        def write(data: bytes) -> None:
            plain.update(data)
            out.write(data)

        # Twice as much before it is compressed: a half of noise, a half of zeros.
        entry = tarfile.TarInfo("opt/data")
        entry.size = 2 * megabytes * MIB
        write(entry.tobuf())
        for _ in range(megabytes):
            write(noise.randbytes(MIB))
            write(bytes(MIB))
        write(bytes(1024))
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = layer.stat().st_size
    config = as_json(
        {
            "os": "linux",
            "architecture": "amd64",
            "config": {"Labels": {LABEL: "13.1.0"}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{plain.hexdigest()}"]},
        }
    )
    oci = "application/vnd.oci.image"
    manifest = as_json(
        {
            "schemaVersion": 2,
            "mediaType": f"{oci}.manifest.v1+json",
            "config": described(f"{oci}.config.v1+json", config),
            "layers": [
                {
                    "mediaType": f"{oci}.layer.v1.tar+gzip",
                    "digest": f"sha256:{digest}",
                    "size": size,
                }
            ],
        }
    )
    index = as_json({"manifests": [described(f"{oci}.manifest.v1+json", manifest)]})
    with tarfile.open(path, "w") as archive:
        for name, data in (
            ("oci-layout", as_json({"imageLayoutVersion": "1.0.0"})),
            ("index.json", index),
            (f"blobs/sha256/{hashlib.sha256(config).hexdigest()}", config),
            (f"blobs/sha256/{hashlib.sha256(manifest).hexdigest()}", manifest),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        archive.add(layer, f"blobs/sha256/{digest}")
    layer.unlink()
    return size


def as_json(document: object) -> bytes:
    """Encode a document."""
    return json.dumps(document).encode()


def described(kind: str, data: bytes) -> dict[str, Any]:
    """Describe a blob."""
    digest = hashlib.sha256(data).hexdigest()
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


def measure(scratch: Path, archive: Path, count: int, size: int, *, at_once: bool) -> None:
    """Deploy in one way to a fresh sandbox in a process of its own, and print the row."""
    project = scratch / f"project-{at_once}"
    make_project(project, count)
    command = [sys.executable, "-m", "astro_ci", "sandbox", "--json", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as sandbox:
        assert sandbox.stdout
        info = json.loads(sandbox.stdout.readline())
        names = create_deployments(info, count)
        try:
            with Wire(int(info["api_url"].rpartition(":")[2].partition("/")[0])) as wire:
                wire.cut_after = size // 2
                runs = [",".join(names)] if at_once else names
                started, peaks = time.perf_counter(), []
                for one in runs:
                    peaks.append(deploy(project, archive, info, wire, one, at_once=at_once))
                seconds = time.perf_counter() - started
        finally:
            sandbox.terminate()
    way = "one run for all" if at_once else "a run for each"
    sent, peak = wire.sent / MIB, max(peaks)
    print(f"{way:<28} {seconds:>8.1f} {sent:>9.0f} {wire.cuts:>5} {peak:>8.1f} MiB", flush=True)


def make_project(directory: Path, count: int) -> None:
    """Make a repository whose branch names every Deployment."""
    (directory / "dags").mkdir(parents=True)
    (directory / "dags" / "a.py").write_text("a = 1\n")
    entries = "".join(f"  d{number}: {{branches: main}}\n" for number in range(count))
    (directory / "astro-ci.yaml").write_text(f"deployments:\n{entries}")
    for command in (
        ["git", "init", "-q", "-b", "main"],
        ["git", "add", "."],
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one"],
    ):
        subprocess.run(command, cwd=directory, check=True)


def create_deployments(info: dict[str, Any], count: int) -> list[str]:
    """Create the Deployments, and wait until they are there."""
    import requests

    token = {"Authorization": f"Bearer {info['token']}"}
    url = f"{info['api_url']}/v1/organizations/{info['organization_id']}/deployments"
    for number in range(count):
        body = {
            "name": f"d{number}",
            "workspaceId": info["workspace_id"],
            "type": "STANDARD",
            "executor": "CELERY",
            "astroRuntimeVersion": "13.1.0",
            "cloudProvider": "AWS",
            "region": "us-east-1",
            "isDagDeployEnabled": True,
            "isCicdEnforced": False,
            "isHighAvailability": False,
            "isDevelopmentMode": False,
            "schedulerSize": "SMALL",
            "defaultTaskPodCpu": "0.25",
            "defaultTaskPodMemory": "0.5Gi",
            "resourceQuotaCpu": "10",
            "resourceQuotaMemory": "20Gi",
        }
        answer = requests.post(url, json=body, headers=token, timeout=30)
        assert answer.ok, answer.text
    return [f"d{number}" for number in range(count)]


def deploy(
    project: Path,
    archive: Path,
    info: dict[str, Any],
    wire: Wire,
    names: str,
    *,
    at_once: bool,
) -> float:
    """Deploy with the API through the wire, and return the peak of memory in MiB."""
    env = {
        **os.environ,
        "ASTRO_API_URL": info["api_url"],
        "ASTRO_API_TOKEN": info["token"],
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        "ASTRO_CI_BENCHMARK_REGISTRY": wire.host,
    }
    chosen = [] if at_once else ["--deployment-name", names]
    arguments = ["deploy", "--image-archive", str(archive), "--image", "--no-parse", "--no-wait"]
    command = [sys.executable, __file__, "--child", *arguments, *chosen]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.rpartition("peak ")[2])


def run_child(arguments: Sequence[str]) -> int:
    """Run the command line with its pushes through the wire; print the peak in MiB."""
    from astro_ci.cli import run
    from astro_ci.image.registry import client
    from astro_ci.image.registry.connection import Connection

    wire = os.environ.pop("ASTRO_CI_BENCHMARK_REGISTRY")

    class Wired(Connection):
        """Has a registry asked through the wire."""

        def _find(self) -> str:
            super()._find()
            return f"http://{wire}"

    vars(client)["Connection"] = Wired
    try:
        run(list(arguments))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}")
    return code


class Wire:
    """Passes bytes to a port of this machine, counts them, and cuts the connection once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.sent = self.cuts = 0
        self.cut_after = 0

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(1 << 18):
                server.sendall(data)
                self.sent += len(data)
                if not self.cuts and self.sent > self.cut_after:
                    self.cuts += 1
                    for end in (client, server):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        end.shutdown(socket.SHUT_RDWR)
                    return
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := server.recv(1 << 18):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass


if __name__ == "__main__":
    raise SystemExit(main())
