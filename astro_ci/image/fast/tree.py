"""The files that a build's context held at a commit, from what git lists. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from astro_ci.image.fast.refusal import NotFastError
from astro_ci.paths import below
from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.text import excerpt

_SUBMODULE, _LINK = "160000", "120000"
_KINDS = {"100644": "file", "100755": "program", _LINK: "link"}


class GitFile(Struct, frozen=True):
    """A file as git keeps it: of modes only whether it is a program, of links their target."""

    kind: str
    """`file`, `program` or `link`."""
    object_id: str
    """Of its bytes, or of a link's target."""


Tree = Mapping[str, GitFile]
"""By the path in the project, with `/`."""


def context_tree(
    lines: Iterable[str],
    project: str,
    *,
    ignore: DockerIgnore,
    leave_out: Callable[[str], bool],
) -> Tree:
    """List what the context of a build at a commit held.

    A line is `mode object 0<TAB>path`, as `git ls-files --stage` prints it. `ignore` and
    `leave_out` are those of the build. Raises NotFastError for a submodule, whose files git does
    not list.
    """
    found = {}
    for line in lines:
        meta, _, path = line.partition("\t")
        inner = below(path, project)
        if not inner or ignore.excludes(inner) or _is_left_out(inner, leave_out):
            continue
        mode, object_id, _ = meta.split(" ")
        if mode == _SUBMODULE:
            raise NotFastError(f"{excerpt(path)} is a submodule")
        found[inner] = GitFile(_KINDS.get(mode, "file"), object_id)
    return found


def names_below(lines: Iterable[str], project: str) -> Sequence[str]:
    """List the paths of the project, relative to it."""
    inner = (below(line.partition("\t")[2], project) for line in lines)
    return [path for path in inner if path]


def _is_left_out(path: str, leave_out: Callable[[str], bool]) -> bool:
    parts = path.split("/")
    return any(leave_out("/".join(parts[:depth])) for depth in range(1, len(parts) + 1))
