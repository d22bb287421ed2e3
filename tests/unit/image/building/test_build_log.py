"""A build's log: its steps with their times, and why it failed."""

from __future__ import annotations

import pytest

from astro_ci.image.building.failure import find_failure, line_of
from astro_ci.image.building.steps import BuildSteps

DOCKERFILE = """\
# the base
FROM astro/runtime:3.1-2
RUN apt-get update \\
    && apt-get install -y git
RUN pip install pandas==9
COPY . .
"""
BUILDKIT = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 240B done
#1 DONE 0.0s

#4 [1/4] FROM docker.io/astro/runtime:3.1-2
#4 DONE 2.1s

#5 [2/4] RUN apt-get update     && apt-get install -y git
#5 CACHED

#6 [3/4] RUN pip install pandas==9
#6 0.412 Collecting pandas
#6 1.733 ERROR: No matching distribution found for pandas==9
#6 ERROR: process "/bin/sh -c pip install pandas==9" did not complete successfully: exit code: 1
------
 > [3/4] RUN pip install pandas==9:
1.733 ERROR: No matching distribution found for pandas==9
------
Dockerfile:5
--------------------
   5 | >>> RUN pip install pandas==9
--------------------
ERROR: failed to solve: process "/bin/sh -c pip install pandas==9" did not complete
"""
CLASSIC = """\
Step 2/4 : RUN apt-get update     && apt-get install -y git
 ---> Using cache
 ---> 1234
Step 3/4 : RUN pip install pandas==9
 ---> Running in 5678
ERROR: No matching distribution found for pandas==9
Removing intermediate container 5678
"""
CLASSIC_PROBLEM = "The command '/bin/sh -c pip install pandas==9' returned a non-zero code: 1"


def steps(log: str, seconds_a_line: float = 0.0) -> list[str]:
    told: list[str] = []
    clock = iter(range(100_000))
    hear = BuildSteps(told.append, now=lambda: next(clock) * seconds_a_line)
    for line in log.splitlines():
        hear(line)
    return told


def test_a_log_of_buildkit_becomes_a_line_for_each_step() -> None:
    assert steps(BUILDKIT) == [
        "    2.1 s  [1/4] FROM docker.io/astro/runtime:3.1-2",
        "   cached  [2/4] RUN apt-get update     && apt-get install -y git",
        "   failed  [3/4] RUN pip install pandas==9",
    ]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("[2/1] COPY . .", "[2] COPY . ."),
        ("[base 3/2] RUN x", "[base 3] RUN x"),
        ("[2/2] RUN echo [3/1] x", "[2/2] RUN echo [3/1] x"),
    ],
)
def test_steps_that_the_base_image_adds_are_not_counted(title: str, shown: str) -> None:
    (line,) = steps(f"#6 {title}\n#6 DONE 0.1s\n")
    assert line.split("s  ", 1)[1] == shown


def test_a_log_of_the_classic_builder_does_too() -> None:
    log = CLASSIC + "Step 4/4 : COPY . .\nSuccessfully built 1\n"
    assert [line.split("  [")[1] for line in steps(log)] == [
        "2/4] RUN apt-get update     && apt-get install -y git",
        "3/4] RUN pip install pandas==9",
        "4/4] COPY . .",
    ]
    assert steps(log)[0].startswith("   cached ")


def test_the_step_that_runs_is_known() -> None:
    begun: list[str] = []
    hear = BuildSteps(lambda line: None, begun.append)
    for line in BUILDKIT.splitlines():
        hear(line)
    assert begun[-1] == "[3/4] RUN pip install pandas==9"


def test_a_long_step_is_not_silent() -> None:
    log = "#6 [3/4] RUN make\n" + "".join(f"#6 {n}.0 making\n" for n in range(100))
    told = steps(log, seconds_a_line=1.0)
    assert 2 <= len(told) < 10
    assert set(told) == {"      ...  [3/4] RUN make"}


@pytest.mark.parametrize(("log", "problem"), [(BUILDKIT, "x"), (CLASSIC, CLASSIC_PROBLEM)])
def test_a_failure_is_the_instruction_its_line_and_how_it_ended(log: str, problem: str) -> None:
    failure = find_failure(log.splitlines(), problem, DOCKERFILE)
    assert failure.cause == "Dockerfile:5: RUN pip install pandas==9 ended with exit code 1"
    assert failure.line == 5
    assert failure.said[-1] == "ERROR: No matching distribution found for pandas==9"
    assert len(failure.said) <= 2


def test_a_failure_that_is_no_commands() -> None:
    log = """\
#7 [4/4] COPY nope.txt .
#7 ERROR: failed to calculate checksum of ref x: "/nope.txt": not found
------
"""
    failure = find_failure(log.splitlines(), "x", "FROM a\nCOPY nope.txt .\n")
    assert failure.cause.startswith("Dockerfile:2: COPY nope.txt .: ")
    assert failure.cause.endswith('"/nope.txt": not found')
    assert failure.said == []


def test_what_cannot_be_read_is_told_as_it_came() -> None:
    failure = find_failure([str(number) for number in range(500)], "it ended with 1", "")
    assert failure.cause == "it ended with 1"
    assert failure.line is None
    assert failure.said[-1] == "499"
    assert len(failure.said) == 20
    assert find_failure([], "no", "").cause == "no"


@pytest.mark.parametrize(
    ("instruction", "line"),
    [
        ("RUN apt-get update     && apt-get install -y git", 3),
        ("RUN pip install pandas==9", 5),
        ("COPY . .", 6),
        ("RUN pip install x", None),
        ("", None),
    ],
)
def test_the_line_of_an_instruction(instruction: str, line: int | None) -> None:
    assert line_of(DOCKERFILE, instruction) == line


def test_an_instruction_that_stands_twice_has_no_line() -> None:
    assert line_of("FROM a\nRUN x\nFROM b\nRUN x\n", "RUN x") is None
