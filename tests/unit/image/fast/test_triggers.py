"""Which triggers of a base image a new code layer follows."""

from __future__ import annotations

import pytest

from astro_ci.image.fast.triggers import other_triggers

RUNTIME = [
    "COPY packages.txt .",
    "RUN /usr/local/bin/install-system-packages",
    "COPY requirements.txt .",
    "RUN --mount=type=cache,target=/root/.cache /usr/local/bin/install-python-dependencies",
    "USER astro",
    "COPY --chown=astro:0 . .",
]


def test_those_of_astro_runtime_are_followed() -> None:
    assert list(other_triggers(RUNTIME)) == []
    assert list(other_triggers([])) == []
    assert list(other_triggers([*RUNTIME, "ENV A=b", 'CMD ["x"]'])) == []


@pytest.mark.parametrize(
    "trigger",
    [
        "COPY pyproject.toml .",
        "COPY include/extra.txt requirements.txt /extra/",
        "COPY . /whole",
        "COPY *.txt .",
        'COPY ["requirements.txt", "setup.py", "."]',
        "copy include /include",
        "COPY",
        "COPY [",
        "ADD requirements.txt .",
        "ADD https://example.com/x /x",
        "RUN --mount=type=bind,target=/src make -C /src",
        "RUN --mount=target=/src,type=cache --mount=target=/other make",
        "RUN --mount=type=bind,source=include,target=/src true",
        "ONBUILD COPY . .",
        "",
    ],
)
def test_another_one_is_named(trigger: str) -> None:
    assert list(other_triggers([trigger, *RUNTIME])) == [trigger]


@pytest.mark.parametrize(
    "trigger",
    [
        "COPY ./requirements.txt packages.txt ./",
        'COPY ["requirements.txt", "/tmp/"]',
        "COPY --chown=astro:0 requirements.txt .",
        "RUN --mount=type=bind,source=requirements.txt,target=/r pip install -r /r",
        "RUN --mount=type=bind,from=tools,target=/t /t/install",
        "RUN --mount=type=secret,id=token true",
        "WORKDIR /usr/local/airflow",
    ],
)
def test_what_reads_no_other_file_is_followed(trigger: str) -> None:
    assert list(other_triggers([trigger, *RUNTIME])) == []


@pytest.mark.parametrize(
    "last",
    ["COPY --exclude=*.md . .", "COPY --chmod=755 . .", "COPY . /elsewhere", "COPY include ."],
)
def test_the_last_copy_is_of_the_whole_project_as_it_is(last: str) -> None:
    assert list(other_triggers([*RUNTIME[:-1], last])) == [last]


def test_what_is_named_is_short() -> None:
    (found,) = other_triggers(["COPY " + "x" * 5000 + " ."])
    assert len(found) < 200


def test_one_that_would_fill_the_stack_is_named() -> None:
    (found,) = other_triggers([f"COPY {'[' * 200_000}"])
    assert found.startswith("COPY [[[")
