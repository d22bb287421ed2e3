"""Make findings from the outcome of each DAG file. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from astro_ci.checks.parse.events import Crash, Done, Log, Outcome, Use
from astro_ci.checks.parse.fault import Fault, read_fault, read_stack
from astro_ci.checks.parse.places import Places
from astro_ci.finding import Finding, Severity
from astro_ci.text import listed, printable, shorten

_LONGEST = 500
_SYNTAX = {"SyntaxError", "IndentationError", "TabError"}
# The Deployment's configuration defines the executors, and a check does not know it.
_OF_THE_DEPLOYMENT = {"UnknownExecutorException"}


def judge(log: Log, places: Places, *, allow_no_dags: bool) -> list[Finding]:
    """Return the findings about each file, and about all files together."""
    files = log.files
    if files is None:
        return []
    findings = [*_unseen(log, places)]
    ids: dict[str, list[str]] = defaultdict(list)
    for path in files.paths:
        loaded = log.generous(path) or log.last(path)
        findings += _about(path, log, places)
        if isinstance(loaded, Done):
            for dag_id in loaded.dag_ids:
                ids[dag_id].append(path)
    findings += _duplicates(ids, places)
    if not ids and not allow_no_dags and not any(f.severity == "error" for f in findings):
        findings.append(_no_dag(len(files.paths), places))
    return findings


def _unseen(log: Log, places: Places) -> Iterator[Finding]:
    """Return findings about the files that Airflow skips without an error."""
    files = log.files
    for path in files.unreadable if files else ():
        yield Finding(
            path=places.in_repository(path),
            rule="dag-unreadable",
            severity="error",
            message="the file cannot be read by the user that runs Airflow",
        )
    for path in files.dangling if files else ():
        yield Finding(
            path=places.in_repository(path),
            rule="dag-link",
            severity="warning",
            message="the link leads nowhere on Astro, so Airflow will not see the file",
        )
    for path, text in log.plugins.items():
        yield Finding(
            path=places.in_repository(path) if places.is_project(path) else "",
            rule="plugin-import",
            severity="warning",
            message=f"Airflow cannot load the plugin: {_line(text)}",
        )


def _about(path: str, log: Log, places: Places) -> Iterator[Finding]:
    outcome = log.last(path)
    if outcome is None:
        yield _failure(path, places, "dag-crash", "the file was not loaded: the check was cut off")
        return
    yield from _uses(log.generous(path) or outcome, places)
    if isinstance(outcome, Crash):
        yield _crash(outcome, places)
        return
    if outcome.forks:
        yield Finding(
            path=places.in_repository(path),
            rule="dag-fork",
            severity="warning",
            message="the file starts another process while it is loaded (os.fork), each time that "
            "Airflow loads the file",
        )
    for text in outcome.errors.values():
        fault = read_fault(text, places.is_project)
        if log.generous(path):
            yield _only_generous(outcome, fault, places)
        else:
            yield _import_error(outcome, fault, places)


def _crash(crash: Crash, places: Places) -> Finding:
    where = read_stack(crash.stack, places.is_project)
    path, line = where or (crash.path, None)
    loading = _loading(path, crash.path, places)
    if crash.how == "timeout":
        message = (
            f"the file is not loaded within {crash.limit:g} seconds, and ignores Airflow's limit"
        )
        return _failure(path, places, "dag-timeout", message + loading, line=line)
    if crash.how == "killed-parent":
        message = f"the file kills the process that started the one that loads it{loading}"
    else:
        message = f"the file ends the process that loads it: {crash.how}{loading}"
    return _failure(path, places, "dag-crash", message, line=line)


def _place(outcome: Done, fault: Fault) -> tuple[str, int | None]:
    """Return the fault's file and line; for a fault in a zip file, the zip file and no line."""
    path = fault.path or outcome.path
    if path.startswith(f"{outcome.path}/"):
        return outcome.path, None
    return path, fault.line


def _import_error(outcome: Done, fault: Fault, places: Places) -> Finding:
    path, line = _place(outcome, fault)
    message = f"Airflow cannot import the file: {_line(fault.summary)}"
    rule, severity = "dag-import", "error"
    if fault.kind == "AirflowTaskTimeout" or outcome.seconds >= outcome.limit > 0:
        rule = "dag-timeout"
        message = f"the file is not loaded within Airflow's limit of {outcome.limit:g} seconds"
    elif fault.kind == "SystemExit":
        message = f"the file ends Python while it is loaded ({_line(fault.summary)})"
    elif fault.kind in _SYNTAX:
        rule = "dag-encoding" if "(unicode error)" in fault.message else "dag-syntax"
        message = _line(fault.summary)
    elif fault.kind in _OF_THE_DEPLOYMENT:
        severity = "warning"
    made_up = _made_up(outcome)
    if made_up:
        message += f"; values were made up for {made_up}"
    message += _loading(path, outcome.path, places)
    return _failure(
        path,
        places,
        rule,
        message,
        line=line,
        severity="warning" if severity == "warning" else "error",
        detail=fault.detail,
    )


def _only_generous(outcome: Done, fault: Fault, places: Places) -> Finding:
    """Make the finding for a file that loads only with `Generous` values."""
    path, line = _place(outcome, fault)
    message = (
        f"whether the file can be imported depends on {_made_up(outcome)}: with a made-up text "
        f"it fails ({_line(fault.summary)}){_loading(path, outcome.path, places)}; give real "
        "values with --set-variable or --env-file to check it"
    )
    return _failure(
        path,
        places,
        "dag-stand-in",
        message,
        line=line,
        severity="warning",
        detail=fault.detail,
    )


def _uses(outcome: Outcome, places: Places) -> Iterator[Finding]:
    for use in outcome.uses if isinstance(outcome, Done) else ():
        how = "its value was made up" if use.made_up else "the default of the call was used"
        yield Finding(
            path=places.in_repository(use.path or outcome.path),
            line=use.line or None,
            rule=f"dag-{use.kind}",
            severity="notice",
            message=f"the {_named(use)} is read while the file is loaded; {how}",
        )


def _duplicates(ids: dict[str, list[str]], places: Places) -> Iterator[Finding]:
    for dag_id, paths in ids.items():
        for path in paths if len(paths) > 1 else ():
            others = [places.in_repository(other) for other in paths if other != path]
            yield Finding(
                path=places.in_repository(path),
                rule="dag-duplicate-id",
                severity="error",
                message=f"the DAG id {printable(dag_id)} is also used by {listed(others)}",
                dag_ids=(dag_id,),
            )


def _no_dag(files: int, places: Places) -> Finding:
    loaded = f"{files} files were loaded" if files != 1 else "1 file was loaded"
    return Finding(
        path=places.dags,
        rule="dag-none",
        severity="error",
        message=f"Airflow finds no DAG: {loaded if files else 'there is no file to load'}",
    )


def _failure(
    path: str,
    places: Places,
    rule: str,
    message: str,
    *,
    line: int | None = None,
    severity: Severity = "error",
    detail: str = "",
) -> Finding:
    return Finding(
        path=places.in_repository(path),
        line=line,
        rule=rule,
        severity=severity,
        message=message,
        detail=detail,
    )


def _loading(path: str, loaded: str, places: Places) -> str:
    """Name the DAG file when the fault is in another file, which the DAG file imports."""
    return "" if path == loaded else f", while {printable(places.in_repository(loaded))} is loaded"


def _made_up(outcome: Done) -> str:
    return listed([_named(use) for use in outcome.uses if use.made_up])


def _named(use: Use) -> str:
    return f"{use.kind.capitalize()} {printable(use.name)}"


def _line(text: str) -> str:
    return shorten(printable(text.strip().splitlines()[0] if text.strip() else ""), _LONGEST)
