"""Which Dockerfiles hold nothing but metadata after their FROM."""

from __future__ import annotations

import pytest

from astro_ci.image.fast.dockerfile import more_than_metadata

FROM = "FROM quay.io/astronomer/astro-runtime:13.1.0"
PLAIN = {
    "nothing": FROM,
    "metadata": f"{FROM}\nENV A=1 B=2\nLABEL x=y\nUSER astro\nEXPOSE 80\nCMD ['x']\n"
    "ENTRYPOINT x\nHEALTHCHECK NONE\nSTOPSIGNAL 9\nARG C=1\n",
    "small letters": "from x\nenv A=1\n",
    "a stage with a name": f"{FROM} AS base\n",
    "arguments above": f"ARG VERSION=13.1.0\nARG OTHER\n{FROM}\n",
    "comments and empty lines": f"# one\n\n  # two\n{FROM}\n\n# RUN x\n\n",
    "the syntax of docker": f"# syntax=docker/dockerfile:1.7\n{FROM}\n",
    "a continued line": f"{FROM}\nENV A=1 \\\n  # a comment\n    B=2\nLABEL \\ \n x=RUN\n",
    "a byte order mark": f"\ufeff{FROM}\n",
}
OTHER = {
    "RUN": (f"{FROM}\nRUN true\n", "line 2 of the Dockerfile does more than set metadata: RUN"),
    "run": (f"{FROM}\n\nrun true\n", "line 3 of the Dockerfile does more"),
    "COPY": (f"{FROM}\nCOPY a b\n", "COPY"),
    "ADD": (f"{FROM}\nADD a b\n", "ADD"),
    "WORKDIR": (f"{FROM}\nWORKDIR /x\n", "WORKDIR"),
    "VOLUME": (f"{FROM}\nVOLUME /x\n", "VOLUME"),
    "ONBUILD": (f"{FROM}\nONBUILD RUN x\n", "ONBUILD"),
    "SHELL": (f'{FROM}\nSHELL ["sh"]\n', "SHELL"),
    "two stages": (f"{FROM} AS a\nFROM a\n", "more than one stage"),
    "no stage": ("ARG A=1\n", "has no FROM"),
    "nothing at all": ("", "has no FROM"),
    "something before": (f"RUN x\n{FROM}\n", "line 1 of the Dockerfile cannot be read"),
    "an escape directive": (f"# escape=`\n{FROM}\nLABEL a=\\\nRUN x\n", "escape directive"),
    "another syntax": (f"# syntax=example.com/mine:1\n{FROM}\n", "'example.com/mine:1'"),
    "two backslashes end a line": (f"{FROM}\nLABEL a=x\\\\\nRUN evil\n", "RUN"),
    "an empty line ends a line for us": (f"{FROM}\nENV A=1 \\\n\nB=2\n", "line 4"),
    "a line that goes on to the end": (f"{FROM}\nRUN x \\", "RUN"),
    "a heredoc": (f"{FROM}\nCOPY <<EOF /x\nLABEL a=b\nEOF\n", "COPY"),
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_metadata_alone(text: str) -> None:
    assert more_than_metadata(text) == ""


@pytest.mark.parametrize(("text", "reason"), OTHER.values(), ids=OTHER)
def test_more_than_metadata(text: str, reason: str) -> None:
    assert reason in more_than_metadata(text)
