"""Makes the pictures of README and docs anew: `make screenshots`. They need Chromium, and the port 8484."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

import mocksrv
from tests.browser.conftest import ARGUMENTS, CHROMIUM, App
from tests.browser.test_finicity import FINBANK, Opened, Partner
from tests.browser.test_mono_pages import at_gtbank, one_time_code
from tests.browser.test_oauth import at, oauth_member

FOLDER = Path(__file__).parents[2] / "docs" / "images"
PHONE, DESK, TALL = (400, 640), (1280, 720), (1280, 1360)  # pixels
PORT = 8484  # as in the documents


# A picture in the 256 colours that it has most of; each other one becomes the one that differs least.
REDUCED = """async (png) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (pixel) => [pixel & 255, pixel >> 8 & 255, pixel >> 16 & 255];
  const kept = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one)).slice(0, 256).map(parts);
  const distance = (one, other) => one.reduce((sum, part, place) => sum + (part - other[place]) ** 2, 0);
  const numbers = new Map([...counts.keys()].map((pixel) => {
    const distances = kept.map((each) => distance(each, parts(pixel)));
    return [pixel, distances.indexOf(Math.min(...distances))];
  }));
  const packed = (bytes) => btoa(bytes.map((each) => String.fromCharCode(each)).join(""));
  return [packed(kept.flat()), packed(Array.from(pixels, (pixel) => numbers.get(pixel)))];
}"""


class Picture(NamedTuple):
    """``go`` leads a page to what is to be seen."""

    size: tuple[int, int]
    go: Callable[[App, Page], None]


def widget(app: App, page: Page) -> None:
    page.goto(App(app.base).widget(current_institution_code="mxbank"))
    at(page, "field-LOGIN").fill("mxuser")
    at(page, "field-PASSWORD").fill("options")
    at(page, "submit").click()
    app.advance("1s")
    at(page, "challenge-1").wait_for()
    page.locator("#sandbox summary").click()


def bank(app: App, page: Page) -> None:
    page.goto(oauth_member(app)["oauth_window_uri"])
    at(page, "field-username").fill("jane")
    at(page, "field-password").fill("secret")
    at(page, "submit").click()
    at(page, "approve").wait_for()


def mono(app: App, page: Page) -> None:
    page.goto(at_gtbank(app))
    one_time_code(page)
    at(page, "option-1").wait_for()


def finicity(app: App, page: Page) -> None:
    page.goto(Partner(app).link())
    connect = Opened(page, page)
    connect.to(FINBANK)
    connect.log_in()
    page.locator("input[type=checkbox]").first.wait_for()


def sandboxes(app: App, page: Page) -> None:
    for name in ("checkout", "nightly-run"):
        App(f"{app.base}/sandbox/{name}")
    page.goto(f"{app.base}/_mocksrv/dashboard/sandboxes")


def overview(app: App, page: Page) -> None:
    page.goto(f"{app.base}/_mocksrv/dashboard/overview")


def subject(app: App, page: Page) -> None:
    [asked, *_] = app.control("GET", "/subjects?status=CHALLENGED")["subjects"]
    page.goto(f"{app.base}/_mocksrv/dashboard/subjects/{asked['id']}")


def editor(app: App, page: Page) -> None:
    page.goto(f"{app.base}/_mocksrv/dashboard/scenarios/mx/challenge-expired")
    source = at(page, "source")
    source.fill(source.input_value().replace("status: CHALLENGED", "status: CHALENGED"))
    at(page, "check").click()
    page.locator("#problems li").first.wait_for()
    page.evaluate("scrollTo(0, 0)")


PICTURES: Mapping[str, Picture] = {
    "widget": Picture(PHONE, widget),
    "bank": Picture(PHONE, bank),
    "mono": Picture(PHONE, mono),
    "finicity": Picture(PHONE, finicity),
    "overview": Picture(DESK, overview),
    "subject": Picture(DESK, subject),
    "editor": Picture(TALL, editor),
    "sandboxes": Picture(DESK, sandboxes),
}


def fill(app: App) -> None:
    """Something to see."""
    app.manual()
    hooks = {"url": "http://127.0.0.1:9/webhooks", "events": ["mx.member.*", "mono.*"]}
    app.control("PUT", "/endpoints", {"endpoints": [hooks]})
    app.member(password="challenge")
    app.member(name="jane", password="any")
    app.control("POST", "/mono/connect", {"institution": "any"})
    app.advance("1m")


def take(browser: Browser, app: App, picture: Picture) -> bytes:
    width, height = picture.size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light", reduced_motion="reduce")
    picture.go(app, page)
    page.wait_for_timeout(500)  # the stream's first word
    taken = page.screenshot()
    page.close()
    blank = browser.new_page()
    colours, numbers = blank.evaluate(REDUCED, b64encode(taken).decode())
    blank.close()
    return png(width, height, b64decode(colours), b64decode(numbers))


def png(width: int, height: int, colours: bytes, numbers: bytes) -> bytes:
    """A picture of at most 256 colours (three bytes each), of which each pixel has the number of one."""
    rows = b"".join(b"\0" + numbers[row * width : (row + 1) * width] for row in range(height))
    head = struct.pack(">2I5B", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def main() -> None:
    with mocksrv.Server(port=PORT, seed=7, clock="manual") as server, sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        app = App(server.url)
        fill(app)
        for name, picture in PICTURES.items():
            data = take(browser, app, picture)
            FOLDER.joinpath(f"{name}.png").write_bytes(data)
            print(f"{name}.png {len(data):,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
