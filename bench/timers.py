"""How many timers an advance plays: `python -m bench.timers [--postgres URL] [--members N]`.

Members of MX play a scenario of six statuses, a second apart, without an endpoint: each timer writes a record, a line
of its timeline, an event and the next timer.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from pathlib import Path

from bench.fill import HEADERS
from bench.server import BenchError
from mocksrv.engine.config import Config
from mocksrv.server import build

STATUSES = ("UPDATED", "DELAYED", "RESUMED", "FAILED", "IMPAIRED", "DEGRADED")
MEMBERS_OF_A_USER = 20
SCENARIO = "name: steps\nprovider: mx\nflows:\n  connect:\n    - status: CREATED\n" + "".join(
    f"    - {{after: 1s, status: {status}}}\n" for status in STATUSES
)


def timers(database: str, members: int) -> tuple[float, float]:
    """Timers that an advance over all of them plays: per second, and per second of processor time, without the
    database's own.
    """
    engine, app = build(Config(database=database, clock="manual", scenario="steps"))
    client, sandbox = app.test_client(), engine.sandbox("default")
    engine.put_scenario(sandbox, sandbox.scenarios.parse(SCENARIO))

    def call(method: str, path: str, body: object = None) -> dict:
        answer = client.open(path, method=method, json=body, headers=HEADERS, auth=("bench", "bench"))
        if answer.status_code >= 300:
            raise BenchError(f"{method} {path}: {answer.get_data(as_text=True)}")
        return answer.get_json()

    form = call("GET", "/institutions/mxbank/credentials")["credentials"]
    for number in range(members):
        if number % MEMBERS_OF_A_USER == 0:
            user = call("POST", "/users", {"user": {"id": f"u-{number}"}})["user"]["guid"]
        credentials = [{"guid": field["guid"], "value": f"mxuser-{number}"} for field in form]
        member = {"institution_code": "mxbank", "credentials": credentials}
        call("POST", f"/users/{user}/members", {"member": member})
    gc.freeze()  # as `serve` does with what lives as long as the server
    began, used = time.perf_counter(), time.process_time()
    engine.advance(sandbox, sandbox.now() + 1000 * len(STATUSES))
    took, used = time.perf_counter() - began, time.process_time() - used
    engine.close()
    return members * len(STATUSES) / took, members * len(STATUSES) / used


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.timers", description=__doc__)
    parser.add_argument("--postgres", metavar="URL", help="an empty database")
    parser.add_argument("--members", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        databases = {"SQLite": str(Path(folder) / "state.db")} | (
            {"PostgreSQL": options.postgres} if options.postgres else {}
        )
        print("database    timers/s  per s of processor time")
        for name, database in databases.items():
            per_second, per_cpu_second = timers(database, options.members)
            print(f"{name:<11} {per_second:>8.0f}  {per_cpu_second:>23.0f}")


if __name__ == "__main__":
    main()
