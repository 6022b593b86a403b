"""What the dashboard offers for the command line does what its buttons do."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import requests

import mocksrv
from mocksrv.providers.demo import DemoCall
from mocksrv.registry import all_declared
from mocksrv.web.dashboard.curl import script


def test_what_a_call_keeps_is_a_variable_of_the_shell() -> None:
    calls = (
        DemoCall("POST", "/users", {"name": "it's {time}"}, keeps={"user": "users.0.guid"}),
        DemoCall("GET", "/users/{user}", headers={"Token": "{user}"}),
    )
    lines = script(calls, "http://localhost", {}).splitlines()
    assert lines[1] == 'user=$(echo "$answer" | jq -r .users[0].guid)'
    assert lines[2] == """curl 'http://localhost/users/'"$user"'' -H 'Token: '"$user"''"""


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")),
    reason="needs curl and jq: install them",
)
def test_the_scripts_connect_something() -> None:
    with mocksrv.Server() as server:
        for provider in all_declared():
            demo = provider.demo()
            written = script(demo.connects, server.url, demo.headers)
            run = subprocess.run(["sh", "-ec", written], capture_output=True, text=True, check=False, timeout=60)
            assert run.returncode == 0, run.stderr
        found = requests.get(f"{server.url}/_mocksrv/subjects", timeout=10).json()["subjects"]
        assert [each["provider"] for each in found] == [provider.name for provider in all_declared()]
