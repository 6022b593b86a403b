"""What the soak makes of its figures; the traffic itself is a step of CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import soak


def figures(*memory: float, **counts: int) -> soak.Figures:
    found = soak.Figures(memory=[((place + 0.5) / len(memory), each) for place, each in enumerate(memory)])
    found.counts.update(
        {"sandboxes": 9, "kills": 2, **{name.replace("_", " "): number for name, number in counts.items()}}
    )
    return found


def test_what_grows_in_the_warm_up_alone_is_flat() -> None:
    assert soak.verdict(figures(10, 60, 90, *[100, 101, 99, 102] * 4), soak.LENGTH) == []


@pytest.mark.parametrize("seconds", [60.0, soak.LENGTH])
def test_memory_that_goes_on_growing_is_told(seconds: float) -> None:
    [told] = soak.verdict(figures(*range(100, 160)), seconds)
    assert told.startswith("memory is not flat: 1.2")


def test_memory_may_swing_in_a_minute() -> None:
    found = figures(*[100] * 12, *[110] * 12)
    assert soak.verdict(found, 60.0) == []
    assert soak.verdict(found, soak.LENGTH) != []


@pytest.mark.parametrize("what", soak.NONE)
def test_nothing_may_be_lost_or_refused(what: str) -> None:
    found = figures(100)
    found.fail(what, "one")
    assert soak.verdict(found, soak.LENGTH) == [f"{what}: 1"]
    assert found.failures == [f"{what}: one"]


def test_a_soak_without_a_kill_says_nothing() -> None:
    found = figures(100)
    del found.counts["kills"]
    assert soak.verdict(found, soak.LENGTH) != []


def test_figures_are_written_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{soak.BEGIN}\nold\n{soak.END}\nafter\n")
    soak.write(page, "\n".join(soak.lines(figures(100, kills=7))))
    text = page.read_text()
    assert "| kills | 7 |" in text
    assert "old" not in text
    assert (text.splitlines()[0], text.splitlines()[-1]) == ("before", "after")


def test_the_page_has_the_marks() -> None:
    text = soak.DOCUMENT.read_text("utf-8")
    assert text.index(soak.BEGIN) < text.index(soak.END)
