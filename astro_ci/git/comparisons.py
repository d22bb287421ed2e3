"""Compare commits with the tree of a snapshot, starting before the tree is final."""

from __future__ import annotations

from concurrent.futures import Executor, Future

from msgspec import Struct

from astro_ci.errors import GitError
from astro_ci.git.index import ScratchIndex


class Comparisons:
    """git's comparisons of commits with trees, one for each commit."""

    def __init__(self, index: ScratchIndex, pool: Executor) -> None:
        self._index = index
        self._pool = pool
        self._of_base: dict[str, Future[_Comparison]] = {}

    def prepare(self, base: str, staged: Future[str]) -> None:
        """Start the comparison with the staged tree, which the final tree usually equals."""
        if base not in self._of_base:
            self._of_base[base] = self._pool.submit(lambda: self._compare(base, staged.result()))

    def text(self, base: str, tree: str) -> str:
        """Return git's output for the comparison of a commit with a tree. Raises GitError."""
        prepared = self._of_base.get(base)
        if prepared:
            try:
                found = prepared.result()
            except GitError:
                found = None  # git may have been unable to write a tree of the staged files
            if found and found.tree == tree:
                return found.text
        found = self._compare(base, tree)
        done: Future[_Comparison] = Future()
        done.set_result(found)
        self._of_base[base] = done
        return found.text

    def _compare(self, base: str, tree: str) -> _Comparison:
        return _Comparison(tree, self._index.compare(base, tree))


class _Comparison(Struct, frozen=True):
    """git's output for the comparison of a commit with a tree."""

    tree: str
    text: str
