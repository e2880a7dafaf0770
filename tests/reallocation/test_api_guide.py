"""The guide of docs/api.md, run as it stands: its shell blocks, one after the other, against a server."""

import json
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reallocation.models import Case
from reallocation.sweep import advance_due
from tests.factories import StaffFactory, UserFactory, at, small_institute
from tests.reallocation.calls import token_of

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api.md"

STAND_IN = '''#!{python}
"""What the guide asks of curl, where there is none."""
import sys, urllib.error, urllib.request
url, data, method, headers = "", None, None, {{}}
words = iter(sys.argv[1:])
for word in words:
    if word == "--header":
        name, _, value = next(words).partition(": ")
        headers[name] = value
    elif word == "--data":
        data = next(words).encode()
    elif word == "--request":
        method = next(words)
    elif not word.startswith("--"):
        url = word
request = urllib.request.Request(url, data, headers, method=method)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.buffer.write(answer.read())
'''


class Terminal:
    """One shell, in which a block finds what those before it have set."""

    END = "-- end of block --"

    def __init__(self, folder, environment):
        self.errors = folder / "errors"
        with self.errors.open("w") as errors:
            self.shell = subprocess.Popen(
                ["sh", "-eu"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def type(self, block):
        """Run it; what it printed."""
        self.shell.stdin.write(f"{block}\necho '{self.END}'\n")
        self.shell.stdin.flush()
        printed = ""
        while (line := self.shell.stdout.readline()) != f"{self.END}\n":
            assert line, (block, printed, self.errors.read_text())
            printed += line
        return printed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shell.stdin.close()
        self.shell.wait(timeout=30)
        self.shell.stdout.close()


def blocks():
    """What the reader types into a terminal that is already set up."""
    return re.findall(
        r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.fixture
def tools(tmp_path):
    """A folder of commands: `python3`, and `curl` where the machine has none."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    return folder


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("curl", ["stand-in", *(["curl"] if shutil.which("curl") else [])])
def test_the_guide_leads_to_a_settled_case(live_server, monkeypatch, tmp_path, tools, curl):
    now = at("2027-03-01 09:00")
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    if curl == "stand-in":
        command = tools / "curl"
        command.write_text(STAND_IN.format(python=sys.executable))
        command.chmod(command.stat().st_mode | stat.S_IEXEC)
    house = small_institute("lakeside")
    registrar = UserFactory(email="registrar@lakeside.example")
    StaffFactory(institute=house.institute, user=registrar)
    keys = {registrar.email: token_of(registrar)}
    for professor in house.professors.values():
        address = professor.name.lower().replace(" ", ".") + "@staff.lakeside.example"
        keys[address] = token_of(professor.user)
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    environment = {
        "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
        "SITE": live_server.url,
        "FROM": "2027-03-02",
    }
    with Terminal(tmp_path, environment) as terminal:
        terminal.type("token() { pick \"said['$1']\" < keys.json; }")
        for block in blocks():
            said = terminal.type(block)
            # What the worker does meanwhile.
            assert advance_due(now)[1] == 0
    assert said.startswith("substituted ")
    assert Case.objects.get().status == "substituted"
