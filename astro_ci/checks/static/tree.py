"""Find the imports and DAG ids that a module certainly executes at its top level.

Statements that depend on a condition, a `try` or a call are not certain, and are left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from astro_ci.checks.static.module import DagId, Import, Module


def read_module(tree: ast.Module) -> Module:
    """Read the certain part of a tree."""
    found = Module()
    names: dict[str, str] = {}
    decorated: dict[str, str | None] = {}
    bound: dict[str, DagId] = {}
    for statement in _certain(tree.body):
        for name in _rebound(statement):
            bound.pop(name, None)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found.imports.extend(_imports(statement))
            names.update(_airflow_names(statement))
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            if decorator := _dag_decorator(statement, names):
                decorated[statement.name] = _decorated_id(statement.name, decorator)
        elif name := _target(statement):
            bound.update((name, made) for made in _made(statement, names, decorated))
        else:
            found.dag_ids.extend(_made(statement, names, decorated))
    found.dag_ids.extend(bound.values())
    found.dag_ids.sort(key=lambda made: (made.line, made.column))
    return found


def _target(statement: ast.stmt) -> str:
    """Return the variable that a statement assigns; Airflow finds DAGs in variables."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


def _rebound(statement: ast.stmt) -> Iterator[str]:
    """Yield the variables that a statement may reassign or delete."""
    inner = statement.items if isinstance(statement, ast.With) else [statement]
    for node in (node for part in inner for node in ast.walk(part)):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name


def _certain(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that always run, including those within a `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.With):
            yield from _certain(statement.body)
        elif isinstance(statement, ast.Return | ast.Raise):
            return


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
    where = node.lineno, node.col_offset + 1
    if isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        yield Import(node.module or "", node.level, names, *where)
    else:
        for alias in node.names:
            yield Import(alias.name, 0, (), *where)


def _airflow_names(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield the local name and the name of each `DAG` or `dag` imported from Airflow."""
    if not isinstance(node, ast.ImportFrom) or node.level:
        return
    if (node.module or "").split(".")[0] == "airflow":
        for alias in node.names:
            if alias.name in ("DAG", "dag"):
                yield alias.asname or alias.name, alias.name


def _dag_decorator(
    node: ast.FunctionDef | ast.AsyncFunctionDef, names: dict[str, str]
) -> ast.expr | None:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Name) and names.get(called.id) == "dag":
            return decorator
    return None


def _decorated_id(function: str, decorator: ast.expr) -> str | None:
    """Return the id of a DAG function: its `dag_id`, else its name; None when not certain."""
    if not isinstance(decorator, ast.Call):
        return function
    if decorator.args or any(keyword.arg in (None, "dag_id") for keyword in decorator.keywords):
        return _literal_id(decorator)
    return function


def _made(
    statement: ast.stmt, names: dict[str, str], decorated: dict[str, str | None]
) -> Iterator[DagId]:
    """Yield the DAGs that a statement creates, by `DAG(...)` or by a call of a DAG function.

    A DAG without a variable counts when a `with` enters it, or when a DAG function creates it.
    """
    for call in _calls(statement):
        if not isinstance(call.func, ast.Name):
            continue
        if names.get(call.func.id) == "DAG":
            is_kept = not isinstance(statement, ast.Expr) and not _may_be_hidden(call)
            value = _literal_id(call) if is_kept else None
        else:
            value = decorated.get(call.func.id)
        if value:
            yield DagId(value, call.lineno, call.col_offset + 1)


def _may_be_hidden(call: ast.Call) -> bool:
    """Whether an argument may tell Airflow not to register the DAG."""
    return any(keyword.arg in (None, "auto_register") for keyword in call.keywords)


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    values: list[ast.expr | None] = []
    if isinstance(statement, ast.Expr) or _target(statement):
        values = [getattr(statement, "value", None)]
    elif isinstance(statement, ast.With):
        values = [item.context_expr for item in statement.items]
    yield from (value for value in values if isinstance(value, ast.Call))


def _literal_id(call: ast.Call) -> str | None:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "dag_id"]
    given = given or call.args[:1]
    if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
        return given[0].value
    return None
