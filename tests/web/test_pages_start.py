"""Pages cost a start nothing: what makes them is imported with the first of them."""

from __future__ import annotations

import subprocess
import sys

STARTED = """
import sys
from mocksrv.engine.config import Config
from mocksrv.server import build

app = build(Config())[1]
made_of = ("jinja2", "mocksrv.web.dashboard.views", "mocksrv.providers.pages.page", "mocksrv.providers.mx.pages",
    "mocksrv.providers.mono.pages", "mocksrv.providers.finicity.pages")
at_the_start = [name for name in made_of if name in sys.modules]
assert not at_the_start, at_the_start
client = app.test_client()
assert client.get("/_mocksrv/dashboard/overview", environ_base={"REMOTE_ADDR": "127.0.0.1"}).status_code == 200
assert "jinja2" in sys.modules
assert "mocksrv.providers.mx.pages.widget" not in sys.modules
"""


def test_a_start_imports_no_page() -> None:
    run = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
