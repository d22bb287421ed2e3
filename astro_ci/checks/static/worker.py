"""Read the files in a separate process: request on standard input, answer on standard output.

The output has three kinds of lines: `@ path` before each file when the request is careful, `.` as
a sign of life, and `= answer` at the end. When the process dies without an answer, the caller
asks again without the file.
"""

from __future__ import annotations

import json
import marshal
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

from astro_ci.checks.static.files import Found, Walk
from astro_ci.checks.static.graph import Graph
from astro_ci.checks.static.limits import limit_memory
from astro_ci.checks.static.look import Looked, look_at, look_into
from astro_ci.checks.static.report import StaticReport
from astro_ci.checks.static.request import Answer, Problem, Request
from astro_ci.checks.static.syntax import FILE_NAME
from astro_ci.checks.static.zips import may_be_zip, read_zip

_FILES_WORTH_A_PROCESS = 200
_BEAT_SECONDS = 0.2


def main(source: int = 0, target: int = 1) -> None:
    """Read a request from `source`, and write the answer to `target`."""
    with os.fdopen(source, encoding="ascii") as stream:
        request = Request.from_json(json.load(stream))
    limit_memory()
    answer = look(request, _beats(target, is_careful=request.is_careful))
    _write(target, f"= {json.dumps(answer.as_json())}\n")


def look(request: Request, beat: Callable[[str], None]) -> Answer:
    """Read every file under the DAGs directory. `beat` is called with each path beforehand."""
    # Compiler warnings are not findings. The filter is for this file name only, because other
    # threads may warn too.
    warnings.filterwarnings("ignore", module=FILE_NAME)
    walk = Walk(request, beat)
    found = [file for file in walk.files() if file.path not in request.excluded]
    sources = [file for file in found if _is_python(file.name)]
    answer = Answer(files=len(sources), not_checked=walk.not_checked)
    looked: dict[str, Looked] = {}
    files = {file.path: file for file in sources}
    for file, one in zip(sources, _look_at_all(sources, request, beat), strict=True):
        if one is not None:
            looked[file.path] = one
    graph = Graph(looked, request, beat)
    graph.grow()
    report = StaticReport(request, files, graph)
    dags = report.name(request.dags)
    answer.problems += [_under(dags, problem) for problem in walk.problems]
    answer.problems += report.problems()
    answer.parsed = [file.name for file in sources if _is_parsed(looked.get(file.path))]
    answer.ignored = [file.name for file in found if file.is_ignored]
    answer.not_checked += _not_checked(sources, graph, report)
    for file in found:
        if not _is_python(file.name) and not file.is_ignored and may_be_zip(file.path):
            answer.parsed.append(file.name)
            answer.files += 1
            answer.problems += _look_into_zip(file, request, report.name(file.path), beat)
    if not answer.parsed:
        answer.problems.append(_no_dag(answer.files, dags))
    return answer


def _is_python(name: str) -> bool:
    return os.path.splitext(name)[1] == ".py"  # noqa: PTH122 - a Path takes longer


def _is_parsed(looked: Looked | None) -> bool:
    return looked is not None and looked.is_parsed


def _look_at_all(
    files: Sequence[Found], request: Request, beat: Callable[[str], None]
) -> list[Looked | None]:
    """Read the files, in one process per core when there are enough files."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    shares = 1 if request.is_careful else min(cores, 1 + len(files) // _FILES_WORTH_A_PROCESS)
    others = [_Share(files[number::shares], request) for number in range(1, shares)]
    found: list[Looked | None] = [None] * len(files)
    found[0::shares] = _look_at_each(files[0::shares], request, beat)
    for number, share in enumerate(others, start=1):
        found[number::shares] = share.result(beat)
    return found


def _look_at_each(
    files: Sequence[Found], request: Request, beat: Callable[[str], None]
) -> list[Looked | None]:
    found = []
    for file in files:
        beat(file.path)
        found.append(
            None if file.is_outside else look_at(file.path, request, is_ignored=file.is_ignored)
        )
    return found


class _Share:
    """A part of the files, read in a forked process. A fork is safe here, without threads."""

    def __init__(self, files: Sequence[Found], request: Request) -> None:
        self._source, target = os.pipe()
        self._process = os.fork()
        if self._process:
            os.close(target)
            return
        try:
            os.close(self._source)
            looked = _look_at_each(files, request, _beats(1, is_careful=False))
            packed = [one and one.packed() for one in looked]
            with os.fdopen(target, "wb") as stream:
                marshal.dump(packed, stream)
            os._exit(0)
        except BaseException:
            os._exit(1)

    def result(self, beat: Callable[[str], None]) -> list[Looked | None]:
        """Wait for the process, and return its results. Raises an error when the process died."""
        with os.fdopen(self._source, "rb") as stream:
            data = stream.read()
        _, status = os.waitpid(self._process, 0)
        beat("")
        if status:
            raise ChildProcessError("a process that reads files ended early")
        return [one and Looked.unpacked(one) for one in marshal.loads(data)]  # noqa: S302 - ours


def _not_checked(files: Sequence[Found], graph: Graph, report: StaticReport) -> Iterator[str]:
    version = ".".join(map(str, report.request.python))
    for path, found in graph.looked.items():
        if found.is_newer:
            yield (
                f"{report.name(path)}: it may hold syntax of Python {version}, which the Python "
                "that runs this check does not know"
            )
    for file in files:
        if file.is_outside and not file.is_ignored:
            yield f"{report.name(file.path)}: it is a link that leads out of the repository"


def _look_into_zip(
    file: Found, request: Request, name: str, beat: Callable[[str], None]
) -> Iterator[Problem]:
    if file.is_outside:
        return
    beat(file.path)
    for member in read_zip(file.path):
        beat(file.path)
        if isinstance(member, Problem):
            yield Problem(rule=member.rule, message=member.message, name=name)
            continue
        found = look_into(member.data, request, is_ignored=False)
        if found.problem and found.is_parsed:
            line = f", line {found.problem.line}" if found.problem.line else ""
            message = f"{found.problem.message} (in {member.name}{line})"
            yield Problem(rule=found.problem.rule, message=message, name=name)


def _no_dag(files: int, dags: str) -> Problem:
    looked = "no Python or zip file" if not files else "no file that mentions both airflow and dag"
    return Problem(
        rule="dag-none",
        message=f"Airflow would parse no file: {dags} holds {looked}, .airflowignore considered",
        severity="warning",
    )


def _under(directory: str, problem: Problem) -> Problem:
    name = f"{directory}/{problem.name}" if problem.name else directory
    return Problem(
        rule=problem.rule,
        message=problem.message,
        line=problem.line,
        column=problem.column,
        severity=problem.severity,
        name=name,
    )


def _beats(target: int, *, is_careful: bool) -> Callable[[str], None]:
    """Make the function that writes signs of life: each path when careful, else dots at times."""
    last = time.monotonic()

    def beat(path: str) -> None:
        nonlocal last
        if is_careful:
            _write(target, f"@ {json.dumps(path)}\n")
        elif time.monotonic() - last > _BEAT_SECONDS:
            last = time.monotonic()
            _write(target, ".\n")

    return beat


def _write(target: int, text: str) -> None:
    data = text.encode("ascii")
    while data:
        data = data[os.write(target, data) :]
