"""The servers of one run side by side, as an HTML page with nothing from elsewhere: bars as multiples of mocksrv."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.report import Row, machine, number

LESS_IS_BETTER = ("s", "ms", "MB RSS", "MB PSS")
WIDTH, NAME, BAR, STEP = 720, 130, 18, 26  # pixels: of the drawing, of the names, of a bar, from bar to bar
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 760px; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; }
text { fill: currentColor; font-size: 13px; }
.ours { fill: #2a6fdb; } .theirs { fill: #8a94a6; }
p, li { max-width: 65ch; }
"""


def page(rows: Sequence[Row]) -> str:
    """An HTML page: a chart for each measure that has several servers, and what was left out."""
    measures = dict.fromkeys((row.measure, row.unit) for row in rows if row.against)
    charts = [
        chart(measure, unit, [row for row in rows if row.against and row.measure == measure])
        for measure, unit in measures
    ]
    left_out = [row for row in rows if row.mocksrv is None]
    missing = "".join(f"<li>{escape(row.measure)}: {escape(row.note)}</li>" for row in left_out)
    said = ", ".join(f"{name} {value}" for name, value in machine().items())
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>mocksrv, measured</title>
<style>{STYLE}</style>
<h1>mocksrv beside other mock servers</h1>
<p>All servers ran on one machine in one run and were measured in turns ({escape(said)}). A bar is as long as the value;
behind it stands the value, and how many times mocksrv's it is. Times and memory: shorter is better; calls per second:
longer is better. Flask and WireMock answer a constant, Prism and Mockoon an example; mocksrv, localstripe and moto read
what they have stored.</p>
{"".join(charts) or "<p>Nothing was measured side by side: run it with the measure <code>rivals</code>.</p>"}
{f"<h2>Left out</h2><ul>{missing}</ul>" if missing else ""}
</html>
"""


def chart(measure: str, unit: str, rows: Sequence[Row]) -> str:
    """The bars of one measure, the best first."""
    values = {"mocksrv": rows[0].mocksrv or 0.0, **{row.against: row.peer or 0.0 for row in rows}}
    ranked = sorted(values.items(), key=lambda pair: pair[1], reverse=unit not in LESS_IS_BETTER)
    most = max(values.values()) or 1.0
    room = WIDTH - NAME - 170  # for the bars; behind the longest stands its value
    bars = []
    for place, (name, value) in enumerate(ranked):
        top, length = place * STEP, max(1.0, value / most * room)
        times = f"   {value / values['mocksrv']:.2f} ×" if name != "mocksrv" and values["mocksrv"] else ""
        kind = "ours" if name == "mocksrv" else "theirs"
        bars.append(
            f'<text x="{NAME - 8}" y="{top + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="{kind}" x="{NAME}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
            f'<text x="{NAME + length + 8:.1f}" y="{top + 14}">{number(value)} {escape(unit)}{times}</text>'
        )
    better = "shorter" if unit in LESS_IS_BETTER else "longer"
    title = f"{escape(measure)} ({escape(unit)}; {better} is better)"
    size = f'viewBox="0 0 {WIDTH} {len(ranked) * STEP}"'
    return f'<h2>{title}</h2><svg {size} role="img" aria-label="{title}">{"".join(bars)}</svg>\n'
