"""Findings from what was written down; what a real Airflow writes is tried in integration."""

from __future__ import annotations

from dataclasses import replace

from astro_ci.checks.parse.events import Crash, Done, Files, Log, Use
from astro_ci.checks.parse.judge import judge
from astro_ci.checks.parse.places import Places
from astro_ci.finding import Finding

PLACES = Places(project="/h", trees={"dags": "/h/dags"}, root="team", dags="team/dags")
A, B = "/h/dags/a.py", "/h/dags/b.py"
GOOD = Done(
    path=A,
    attempt="together",
    limit=30.0,
    seconds=0.1,
    dag_ids=("a",),
    errors={},
    uses=(),
    forks=0,
)
LOG = Log(
    airflow=None,
    files=Files(paths=(A,), unreadable=(), dangling=()),
    plugins={},
    outcomes={},
    failed=(),
    has_ended=True,
)


def judged(*outcomes: Done | Crash, paths: tuple[str, ...] = (A,), log: Log = LOG) -> list[Finding]:
    files = Files(paths=paths, unreadable=(), dangling=())
    found = {(outcome.path, outcome.attempt): outcome for outcome in outcomes}
    return judge(replace(log, files=files, outcomes=found), PLACES, allow_no_dags=False)


def failing(text: str, **changes: object) -> Done:
    values = {name: getattr(GOOD, name) for name in GOOD.__struct_fields__}
    return Done(**{**values, "dag_ids": (), "errors": {A: text}, **changes})


def test_a_file_without_an_outcome_is_an_error() -> None:
    [finding] = judged(GOOD, paths=(A, B))
    assert (finding.path, finding.rule, finding.severity) == (
        "team/dags/b.py",
        "dag-crash",
        "error",
    )


def test_no_file_at_all_is_no_dag() -> None:
    [finding] = judged(paths=())
    assert (finding.path, finding.rule) == ("team/dags", "dag-none")
    assert finding.message == "Airflow finds no DAG: there is no file to load"


def test_files_that_fail_are_no_reason_to_speak_of_no_dag() -> None:
    [finding] = judged(failing("ValueError: x"))
    assert finding.rule == "dag-import"


def test_what_worked_alone_is_good_although_it_failed_together() -> None:
    values = {name: getattr(GOOD, name) for name in GOOD.__struct_fields__}
    assert judged(failing("ValueError: x"), Done(**{**values, "attempt": "alone"})) == []


def test_made_up_values_are_named_when_a_file_fails_with_them() -> None:
    use = Use(kind="variable", name="n", made_up=True, path=A, line=3)
    notice, error = judged(failing("ValueError: x", uses=(use,)))
    assert error.message.endswith("; values were made up for Variable n")
    assert (notice.rule, notice.line) == ("dag-variable", 3)


def test_an_executor_of_the_deployment_is_no_error() -> None:
    [finding] = [
        f for f in judged(failing("UnknownExecutorException: no X")) if f.rule != "dag-none"
    ]
    assert finding.severity == "warning"


def test_a_file_outside_the_project_keeps_its_path_and_loses_its_place() -> None:
    text = 'Traceback\n  File "/usr/lib/x.py", line 3, in f\nValueError: x\n'
    [finding] = judged(failing(text))
    assert (finding.path, finding.line) == ("team/dags/a.py", None)


def test_what_is_installed_in_the_project_is_not_the_project() -> None:
    assert PLACES.is_project("/h/include/a.py")
    assert not PLACES.is_project("/h/.venv/lib/python3.11/site-packages/x.py")
    assert not PLACES.is_project("/home/a.py")


def test_unreadable_files_and_broken_plugins_are_told() -> None:
    files = Files(paths=(), unreadable=(B,), dangling=())
    log = replace(LOG, files=files, plugins={"/h/plugins/p.py": "No module named 'x'"})
    found = judge(log, PLACES, allow_no_dags=True)
    assert [(f.path, f.rule, f.severity) for f in found] == [
        ("team/dags/b.py", "dag-unreadable", "error"),
        ("team/plugins/p.py", "plugin-import", "warning"),
    ]


def test_names_of_files_and_dags_cannot_break_a_line() -> None:
    second = Done(
        **{
            **{name: getattr(GOOD, name) for name in GOOD.__struct_fields__},
            "path": "/h/dags/b\n.py",
        }
    )
    first, _ = judged(GOOD, second, paths=(A, "/h/dags/b\n.py"))
    assert first.message == r"the DAG id a is also used by team/dags/b\n.py"
