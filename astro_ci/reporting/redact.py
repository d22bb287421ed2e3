"""Cross out the secrets in everything that leaves the process.

There are two kinds. **Certain** secrets are the credentials of astro-ci, the logins in URLs, and
the secrets that a run learns; they are crossed out everywhere. **Suspected** secrets are the values
of variables and build arguments with names such as `DB_PASSWORD`. Such a value may be an ordinary
word (`DB_PASSWORD=production`). So it is crossed out in texts, but not in the names in a document
(an id, a commit, a path, a Deployment), because programs that read the document need the names.
The keys of documents and the words of astro-ci (`deployed`, `dags`) are never crossed out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from astro_ci.reporting.needles import Needles
from astro_ci.reporting.secret_texts import credentials, named_secrets, pieces
from astro_ci.reporting.shapes import cross_out_shapes
from astro_ci.reporting.spellings import markdown_spellings, spellings

_DOCUMENT = '{"schema": '
"""How each document of ours begins."""
_OUR_WORDS = {
    *("schema", "deploy_type", "requested", "outcome", "source", "status", "affects", "exit_code"),
    *("system", "key", "from"),
}
"""Keys of documents, and outputs, whose values are words of ours."""
_NAMES = {
    *("id", "name", "deploy_id", "image_tag", "bundle_version", "url", "head", "base_sha", "image"),
    *("dags", "path", "project", "target", "runtime_version", "deployment_id", "deployment_name"),
    *("workspace_id", "organization_id", "branch", "tag", "file", "before", "pull_request"),
    *("base_branch", "run_url", "repository_url", "dags_path", "image_name"),
}
"""Keys of documents, and outputs, whose values name something."""


class Redactor:
    """Crosses out the secrets of the environment, and those that the run learns."""

    def __init__(self, env: Mapping[str, str] = MappingProxyType({})) -> None:
        self._env = env
        self._learned: set[str] = set()
        self._suspected: set[str] = set()
        self._needles: dict[tuple[bool, bool], Needles] = {}

    def learn(self, *secrets: str) -> None:
        """Cross out these certain secrets from now on, such as a token that the run was given."""
        self._learned.update(line.strip() for text in secrets for line in text.splitlines())
        self._needles.clear()

    def suspect(self, *secrets: str) -> None:
        """Cross out these suspected secrets from now on."""
        self._suspected.update(piece for text in secrets for piece in pieces(text))
        self._needles.clear()

    def __call__(self, text: str) -> str:
        """Cross out the secrets in a text, or in a JSON document, which stays valid."""
        redacted = self._cross_out(text)
        if redacted != text and text.startswith(_DOCUMENT):
            # A tool may print something that only begins like a document.
            with suppress(ValueError, RecursionError):
                return self._redacted_json(text)
        return redacted

    def field(self, name: str, value: str) -> str:
        """Cross out the secrets in an output, or in a document's value, by its name or key."""
        key = name.replace("-", "_")
        if key in _OUR_WORDS:
            return value
        return self._cross_out(value, is_name=True) if key in _NAMES else self(value)

    def markdown(self, text: str) -> str:
        """Cross out the secrets in Markdown, where some of their characters are escaped."""
        return self._cross_out(text, is_markdown=True)

    def _redacted_json(self, text: str) -> str:
        from astro_ci.reporting.documents import as_json

        return as_json(self._document("", json.loads(text)))

    def _document(self, key: str, node: Any) -> Any:
        match node:
            case dict():
                # The value of a setting goes by the setting's name.
                return {
                    name: self._document(key if name == "value" else name, child)
                    for name, child in node.items()
                }
            case list():
                return [self._document(key, child) for child in node]
            case str():
                return self.field(key, node)
        return node

    def _cross_out(self, text: str, *, is_name: bool = False, is_markdown: bool = False) -> str:
        kind = is_name, is_markdown
        if kind not in self._needles:
            self._needles[kind] = self._make_needles(*kind)
        return cross_out_shapes(self._needles[kind].cross_out(text))

    def _make_needles(self, is_name: bool, is_markdown: bool) -> Needles:
        secrets = {*credentials(self._env), *self._learned}
        if not is_name:
            secrets |= {*named_secrets(self._env), *self._suspected}
        write: list[Callable[[str], Iterable[str]]] = [spellings]
        if is_markdown:
            write.append(markdown_spellings)
        return Needles(
            spelling for secret in secrets if secret for each in write for spelling in each(secret)
        )
