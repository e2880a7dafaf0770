"""The pinned requirements against what they were made from, without asking any registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>\S+)", re.MULTILINE)


def wanted(name: str) -> dict[str, Requirement]:
    lines = (FOLDER / name).read_text().splitlines()
    asked = [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]
    return {canonicalize_name(requirement.name): requirement for requirement in asked}


def blocks(name: str) -> list[str]:
    """Each pin with its hashes and the names of those who want it."""
    return re.split(r"\n(?=\S)", (FOLDER / name).read_text().strip())


def pins(name: str) -> dict[str, set[str]]:
    """Versions by package; a package may be pinned twice, for different Pythons."""
    found: dict[str, set[str]] = {}
    for pin in PIN.finditer((FOLDER / name).read_text()):
        found.setdefault(pin["name"], set()).add(pin["version"])
    return found


@pytest.mark.parametrize("name", ["base", "dev"])
def test_pins_are_what_was_asked_for(name: str) -> None:
    asked, pinned = wanted(f"{name}.in"), pins(f"{name}.txt")
    named = {
        PIN.match(block)["name"]
        for block in blocks(f"{name}.txt")
        if f"-r requirements/{name}.in" in block
    }
    assert named == set(asked)
    unmet = [
        f"{requirement} but {version}"
        for key, requirement in asked.items()
        for version in pinned[key]
        if not requirement.specifier.contains(version)
    ]
    assert unmet == []


def test_tests_run_on_the_versions_that_production_has() -> None:
    base, dev = pins("base.txt"), pins("dev.txt")
    assert {name: dev.get(name) for name in base} == base


@pytest.mark.parametrize("name", ["base.txt", "dev.txt"])
def test_each_pin_is_hashed_and_names_no_place(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert [block for block in blocks(name) if "--hash=sha256:" not in block] == []
    assert re.findall(r"https?:|file:|--index-url|--find-links|\s/\w", text) == []
