"""The files of a build's context at a commit, from git's list of files. Pure."""

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
    """A file as git stores it: whether it is executable, and the target of a link."""

    kind: str
    """`file`, `program` or `link`."""
    object_id: str
    """git's object id of the file's bytes, or of the link's target."""


Tree = Mapping[str, GitFile]
"""The files by their paths in the project, with `/`."""


def context_tree(
    lines: Iterable[str],
    project: str,
    *,
    ignore: DockerIgnore,
    leave_out: Callable[[str], bool],
) -> Tree:
    """List the files of a build's context at a commit.

    A line is `mode object 0<TAB>path`, as from `git ls-files --stage`. `ignore` and `leave_out` are
    as for the build. Raises NotFastError for a submodule, whose files git does not list.
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
    """List the paths of the project, relative to its directory."""
    inner = (below(line.partition("\t")[2], project) for line in lines)
    return [path for path in inner if path]


def _is_left_out(path: str, leave_out: Callable[[str], bool]) -> bool:
    parts = path.split("/")
    return any(leave_out("/".join(parts[:depth])) for depth in range(1, len(parts) + 1))
