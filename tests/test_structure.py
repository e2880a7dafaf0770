"""Who may import whom, and what may stand where: the house rules, computed from every file.

Between the apps imports run one way. Inside them, and across, they run up the layers:
enums, models, domain modules, forms, views. Leaves are imported by nobody but who wires them up.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "timetable": set(),
    "voting": {"timetable"},
    "fairness": {"timetable"},
    "reallocation": {"timetable", "voting", "fairness"},
}
LAYERS = {"enums": 0, "models": 1, "querysets": 1, "forms": 3, "views": 4}
DOMAIN, TOP = 2, 5
# Leaf: the modules of its own app that may import it all the same.
LEAVES = {
    "admin": {"admin"},
    "api": {"urls", "api"},
    "checks": {"apps"},
    "management": {"management"},
    "receivers": {"apps"},
    "tasks": set(),
    "templatetags": {"templatetags"},
    "urls": set(),
}
EMPTY_NAMES = re.compile(r"(?:util|helper|common|misc|stuff)s?(?:_|$)|_(?:utils?|helpers?)$")

REQUIRED = {
    *("manage.py", "pyproject.toml", "config", "timetable", "reallocation", "voting", "fairness"),
    *("templates", "static", "tests", "requirements", "Makefile", "LICENSE", "README.md"),
    *("CHANGELOG.md", "CONTRIBUTING.md"),
}
OPTIONAL = {"docs", "Dockerfile", "compose.yaml"}
UNTRACKED = {"var", "__pycache__"}


class Import(NamedTuple):
    module: str
    line: int
    for_types_alone: bool


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    }


def imports(name: str, source: str, modules: set[str], packages: set[str]) -> Iterator[Import]:
    """Every project module that a file names: at its top, in a function, or as a dotted string."""
    tree = ast.parse(source)
    typed = {
        inner
        for node in ast.walk(tree)
        if is_type_checking(node)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".") if name in packages else name.split(".")[:-1]
                parts = package[: len(package) - node.level + 1]
                base = ".".join([*parts, *filter(None, [node.module])])
            found = [
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base
                for alias in node.names
            ]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # import_string, get_model, async_task and foreign keys take a dotted name.
            found = [node.value] if re.fullmatch(r"\w+(?:\.\w+)+", node.value) else []
            if found and found[0].split(".")[0] in MAY_IMPORT:
                yield Import(found[0].split(".")[0], node.lineno, node in typed)
            continue
        else:
            continue
        for module in dict.fromkeys(found):
            if module.split(".")[0] in {*MAY_IMPORT, "config", "tests"}:
                yield Import(module, node.lineno, node in typed)


def layer(parts: list[str], *, stands_alone: bool = False) -> int:
    place = parts[1] if len(parts) > 1 else ""
    if place in LEAVES or place in {"apps", "migrations"}:
        return TOP
    return LAYERS.get(place, 0 if stands_alone else DOMAIN)


def violations(files: dict[str, str], packages: frozenset[str] = frozenset()) -> list[str]:
    """What breaks the rules: "importer:line imports imported: why". `files` is source by name."""
    found = []
    modules, folders = set(files), set(packages)
    # A module that imports nothing of the project is lower than all that do: models may use it.
    alone = {
        name for name, source in files.items() if not any(imports(name, source, modules, folders))
    }
    for name, source in sorted(files.items()):
        own = name.split(".")
        if own[0] not in MAY_IMPORT or "migrations" in own:
            continue
        for module, line, for_types_alone in imports(name, source, modules, folders):
            other = module.split(".")
            why = ""
            if other[0] in {"config", "tests"}:
                why = f"{other[0]} is not for the apps"
            elif other[0] != own[0] and other[0] not in MAY_IMPORT[own[0]]:
                why = f"{own[0]} may not import {other[0]}"
            elif len(other) == 1 or for_types_alone:
                continue
            elif other[1] in LEAVES and not (
                other[0] == own[0] and own[1:] and own[1] in LEAVES[other[1]]
            ):
                why = f"{other[1]} is a leaf"
            elif layer(other, stands_alone=module in alone) > layer(own):
                why = "imports run up the layers"
            if why:
                found.append(f"{name}:{line} imports {module}: {why}")
    return found


def project() -> tuple[dict[str, str], frozenset[str]]:
    files, packages = {}, set()
    for folder in [*MAY_IMPORT, "config"]:
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
                packages.add(".".join(parts))
            files[".".join(parts)] = path.read_text(encoding="utf-8")
    return files, frozenset(packages)


def test_imports_run_one_way() -> None:
    files, packages = project()
    assert set(MAY_IMPORT) <= packages
    assert violations(files, packages) == []


@pytest.mark.parametrize(
    ("name", "source", "why"),
    [
        ("timetable.availability", "import voting.rules", "timetable may not import voting"),
        ("timetable.forms", "from fairness import ledger", "timetable may not import fairness"),
        (
            "voting.ballots",
            "from reallocation.models import Case",
            "voting may not import reallocation",
        ),
        ("fairness.measures", "from voting.models import Vote", "fairness may not import voting"),
        (
            "voting.ballots",
            "def close():\n    from reallocation.engine import advance",
            "voting may not import reallocation",
        ),
        (
            "voting.ballots",
            "if TYPE_CHECKING:\n    from reallocation.models import Case",
            "voting may not import reallocation",
        ),
        (
            "voting.ballots",
            'nudge("reallocation.tasks.advance")',
            "voting may not import reallocation",
        ),
        (
            "timetable.models",
            'case = models.ForeignKey("reallocation.Case")',
            "timetable may not import reallocation",
        ),
        ("reallocation.engine", "from tests.factories import case", "tests is not for the apps"),
        ("reallocation.engine", "from config import settings", "config is not for the apps"),
        ("reallocation.enums", "from .models import Case", "imports run up the layers"),
        ("reallocation.models", "from .policy import windows", "imports run up the layers"),
        ("fairness.models", "from .ledger import balance", "imports run up the layers"),
        ("reallocation.engine", "from .forms import AbsenceForm", "imports run up the layers"),
        ("reallocation.steps.direct", "from ..views import case", "imports run up the layers"),
        ("reallocation.steps.direct", "from .. import views", "imports run up the layers"),
        ("reallocation.forms", "from .views.cases import detail", "imports run up the layers"),
        ("reallocation.engine", "from timetable.views import week", "imports run up the layers"),
        ("reallocation.engine", "from . import tasks", "tasks is a leaf"),
        ("reallocation.views.cases", "from reallocation.admin import CaseAdmin", "admin is a leaf"),
        (
            "reallocation.tasks",
            "from .management.commands.demo import Command",
            "management is a leaf",
        ),
        ("reallocation.engine", "from . import receivers", "receivers is a leaf"),
        ("reallocation.urls", "from timetable.urls import urlpatterns", "urls is a leaf"),
        ("reallocation.apps", "from . import api", "api is a leaf"),
    ],
)
def test_a_broken_rule_is_found(name: str, source: str, why: str) -> None:
    files = {
        **dict.fromkeys(
            [
                *("reallocation.views", "reallocation.views.cases", "reallocation.admin"),
                *("reallocation.tasks", "reallocation.receivers", "reallocation.api"),
                *("reallocation.steps", "config.settings"),
            ],
            "",
        ),
        "fairness.ledger": "from .models import LedgerEntry",
        name: source,
    }
    packages = frozenset({"reallocation.views", "reallocation.steps"})
    (found,) = violations(files, packages)
    assert found.startswith(f"{name}:")
    assert found.endswith(f": {why}")


def test_what_the_rules_allow_is_left_alone() -> None:
    files = {
        "timetable.models": "from .enums import Rank\nfrom .querysets import MeetingQuerySet",
        "timetable.codes": "import hashlib",
        "timetable.offerings": "from .codes import code\nfrom .models import Offering",
        "voting.models": "from timetable.codes import code",
        "timetable.querysets": "if TYPE_CHECKING:\n    from .models import Meeting",
        "voting.ballots": "from timetable.models import Offering\nfrom .models import Ballot",
        "fairness.ledger": '"""Read by reallocation.candidates."""\nfrom timetable import models',
        "reallocation.engine": "from voting.ballots import open_ballot\nfrom .steps import LADDER",
        "reallocation.steps": "from .direct import Direct",
        "reallocation.steps.direct": 'from .. import policy\nnudge("reallocation.tasks.advance")',
        "reallocation.policy": "from .models import Policy",
        "reallocation.views": "from .forms import AbsenceForm\nfrom timetable.views import week",
        "reallocation.urls": "from . import api, views",
        "reallocation.api": "from .views import case",
        "reallocation.apps": "def ready():\n    from . import checks, receivers",
        "reallocation.checks": "",
        "reallocation.receivers": "from .engine import advance",
        "reallocation.management.commands.demo": "from reallocation.engine import advance",
        "config.urls": "from reallocation.api import api",
    }
    assert violations(files, frozenset({"reallocation.steps"})) == []


def test_modules_are_nouns_of_the_domain() -> None:
    files, _ = project()
    names = {part for name in files for part in name.split(".")}
    names |= {path.stem for path in (ROOT / "tests").rglob("*.py")}
    assert [name for name in sorted(names) if EMPTY_NAMES.search(name)] == []


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc", "date_utils", "util"])
def test_an_empty_name_is_found(name: str) -> None:
    assert EMPTY_NAMES.search(name)


def test_the_top_level_holds_what_was_agreed() -> None:
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - UNTRACKED
    assert {"missing": REQUIRED - names, "too many": names - REQUIRED - OPTIONAL} == {
        "missing": set(),
        "too many": set(),
    }
