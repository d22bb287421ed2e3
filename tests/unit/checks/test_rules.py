"""The table of rules, and the page that shows it."""

from __future__ import annotations

import re
from pathlib import Path

from astro_ci.checks.rules import RULES

PAGE = Path(__file__).parents[3] / "docs" / "checks.md"


def test_every_rule_says_what_it_means_and_what_to_do() -> None:
    for name, rule in RULES.items():
        assert re.fullmatch(r"[a-z]+-[A-Za-z0-9-]+", name)
        assert rule.checks
        assert rule.title[-1] not in ".!"
        for text in (rule.meaning, rule.remedy):
            assert text[0].isupper(), text
            assert text.endswith("."), text


def test_the_page_names_every_rule_once() -> None:
    assert re.findall(r"^### `(.+)`$", PAGE.read_text(), re.MULTILINE) == list(RULES)
