"""The command line of the benchmark."""

import argparse
import http.client
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench import load
from bench.chart import page
from bench.measures import MEASURES, Setup
from bench.report import Row, machine, table, write_json
from bench.server import default_command

LEGEND = """peer: a bare Flask app that answers a constant of the same size (one gunicorn worker with 8 threads), unless
the line or its note says something else."""


START_OF_PROCESSES = 0.3  # seconds that each of the load generator sleeps, so that none takes the other's turn


def main() -> None:
    """Runs the measures and prints them. A measure that fails becomes a row that says why."""
    options = arguments()
    print("  ".join(f"{name} {value}" for name, value in machine().items()), file=sys.stderr)
    rows: list[Row] = []
    with ProcessPoolExecutor(load.PROCESSES, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(time.sleep, [START_OF_PROCESSES] * load.PROCESSES))  # so that each is there before it counts
        setup = Setup(options.server, options.spec, pool, options.seconds, options.rounds)
        for name in options.only:
            print(f"measuring: {name}", file=sys.stderr)
            try:
                rows += MEASURES[name](setup)
            except (RuntimeError, OSError, http.client.HTTPException) as error:
                rows.append(Row(name, "", note=f"not measured: {error}"))
    print(table(rows))
    print(LEGEND)
    if options.chart:
        options.chart.write_text(page(rows), encoding="utf-8")
    if options.json:
        write_json(options.json, rows)


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures mocksrv beside a bare Flask app, in one run. Goals are shown, nothing fails on them.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to FILE")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw the servers side by side: an HTML page")
    parser.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="MX's OpenAPI file, which Prism and Mockoon serve; without it these are left out",
    )
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="measure only these")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one round of load (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds of load per server, in turns (default: %(default)s)"
    )
    parser.add_argument(
        "--server",
        default=default_command(),
        metavar="COMMAND",
        help="the mocksrv to measure (default: the one installed here)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
