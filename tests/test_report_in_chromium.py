"""The page in a real browser: fits wide and narrow windows in both themes, asks for nothing, accessible by axe-core.

Runs where Chromium is; axe-core is used where the variable CRMKIT_AXE names its axe.min.js, the validator of the W3C
where CRMKIT_VNU names its vnu.jar.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.tool import SALES, process

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = os.environ.get("CRMKIT_AXE", "")
VNU = os.environ.get("CRMKIT_VNU", "")
pytestmark = pytest.mark.slow
DARK = ["--blink-settings=preferredColorScheme=0", "--force-dark-mode"]
_MEASURE = """<script>{axe}
Promise.resolve({run}).then(found => {{
  const box = one => one.getBoundingClientRect(), ink = name => getComputedStyle(document.querySelector(name)).color;
  const read = [...document.querySelectorAll('header,main>section')].map(part => [
    part.querySelector('h1,h2').textContent,
    [...part.querySelectorAll('h1,h2,.about,.figures,nav,.answer,figure,table,.todo,details,.note,.terms')].map(
      one => one.className && one.tagName != 'H2' ? one.className : one.tagName.toLowerCase())]);
  const sections = [...document.querySelectorAll('main>section')].map(box);
  const pairs = [...document.querySelectorAll('.pair')].map(one => new Set([...one.children].map(c => Math.round(box(c).left))).size);
  const cut = [...document.querySelectorAll('.wide')].filter(one => one.scrollWidth > one.clientWidth + 1).length;
  const page = document.documentElement, drawn = [...document.querySelectorAll('svg')].map(one => one.getBBox());
  const told = document.createElement('pre');
  told.id = 'told';
  told.textContent = JSON.stringify({{
    overflow: page.scrollWidth - page.clientWidth, ground: getComputedStyle(document.body).backgroundColor,
    ink: ['body', 'a', '.answer', 'figcaption'].map(ink), read, pairs, cut,
    nested: sections.every((one, i) => !i || one.top >= sections[i - 1].bottom - 1),
    drawn: drawn.map(box => Math.round(box.width)), violations: found.map(one => one.id)}});
  document.body.append(told);
}});</script></body>"""


@pytest.fixture(scope="module", autouse=True)
def _a_browser_that_starts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Some systems have a program of that name which only says how to install it."""
    if BROWSER is None:
        pytest.skip("there is no Chromium")
    blank = browse("data:text/html,<p>here", "--dump-dom", home=tmp_path_factory.mktemp("blank"))
    if "here" not in blank:
        pytest.skip(f"{BROWSER} does not start here")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for lang in ("en", "zh"):
        found[lang] = folder / f"{lang}.html"
        assert process("report", SALES, "-o", found[lang], "--lang", lang, "-q").code == 0
    return found


def browse(address: str, *options: str, home: Path) -> str:
    assert BROWSER is not None
    words = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={home / 'profile'}",
        *options,
    ]
    done = subprocess.run([*words, address], capture_output=True, text=True, timeout=120, check=False)
    return done.stdout


_WINDOWS = [
    pytest.mark.parametrize("lang", ["en", "zh"]),
    pytest.mark.parametrize("theme", ["light", "dark"]),
    pytest.mark.parametrize("width", [360, 1100]),
]


def everywhere(test: Callable[..., None]) -> Callable[..., None]:
    for mark in _WINDOWS:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def look(pages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """What the page tells of itself in a window: its sizes and colours, and what axe-core finds, looked at once."""

    @functools.cache
    def looked(lang: str, theme: str, width: int) -> dict[str, Any]:
        home = tmp_path_factory.mktemp("window")
        axe = Path(AXE).read_text(encoding="utf-8") if AXE else ""
        run = "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)" if AXE else "[]"
        text = re.sub(r"<meta http-equiv[^>]*>", "", pages[lang].read_text(encoding="utf-8"))
        copy = home / "page.html"
        copy.write_text(text.replace("</body>", _MEASURE.format(axe=axe, run=run)), encoding="utf-8")
        options = ["--virtual-time-budget=20000", "--dump-dom", f"--window-size={width},900"]
        dom = browse(f"file://{copy}", *options, *(DARK if theme == "dark" else []), home=home)
        told = re.search(r'<pre id="told">(.*?)</pre>', dom, re.DOTALL)
        assert told is not None, dom[-500:]
        found: dict[str, Any] = json.loads(told[1])
        return found

    return looked


@everywhere
def test_it_fits(look: Callable[..., dict[str, Any]], lang: str, theme: str, width: int) -> None:
    found = look(lang, theme, width)
    assert found["overflow"] <= 0
    assert found["ground"] == ("rgb(22, 24, 29)" if theme == "dark" else "rgb(255, 255, 255)")
    assert all(0 < wide <= 470 for wide in found["drawn"]), found["drawn"]


STRUCTURE = Path(__file__).with_name("page_structure.json")


@everywhere
def test_its_structure_is_the_kept_one(
    look: Callable[..., dict[str, Any]], lang: str, theme: str, width: int
) -> None:
    """What is read in which order, sections below each other, pictures beside tables where there is room, and the colours.

    `CRMKIT_REGOLD=1` writes the file anew: look at the page before.
    """
    found = look(lang, theme, width)
    told = {"read": found["read"], "columns": found["pairs"], "ink": found["ink"]}
    name = f"{lang} {theme} {width}"
    kept = json.loads(STRUCTURE.read_text(encoding="utf-8")) if STRUCTURE.exists() else {}
    if os.environ.get("CRMKIT_REGOLD"):
        kept[name] = told
        STRUCTURE.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert kept[name] == told
    assert found["nested"]
    assert width < 1000 or found["cut"] == 0, "a table is wider than the page"


@pytest.mark.skipif(not VNU, reason="CRMKIT_VNU does not name a vnu.jar")
def test_it_is_valid_html(pages: dict[str, Path]) -> None:
    java = shutil.which("java") or pytest.skip("there is no Java")
    words = [java, "-jar", VNU, "--format", "text", *pages.values()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not AXE, reason="CRMKIT_AXE does not name an axe.min.js")
@everywhere
def test_it_is_accessible(look: Callable[..., dict[str, Any]], lang: str, theme: str, width: int) -> None:
    assert look(lang, theme, width)["violations"] == []


@pytest.fixture
def server(pages: dict[str, Path]) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == "/report.html" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages["en"].read_bytes() if self.path == "/report.html" else b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/report.html", asked
        serving.shutdown()


def test_nothing_is_asked_for(server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = server
    picture = tmp_path / "page.png"
    browse(address, f"--screenshot={picture}", "--window-size=1100,3000", home=tmp_path)
    assert picture.stat().st_size > 50_000
    assert set(asked) <= {"/report.html", "/favicon.ico"}


def test_it_prints(pages: dict[str, Path], tmp_path: Path) -> None:
    printed = tmp_path / "page.pdf"
    browse(f"file://{pages['en']}", f"--print-to-pdf={printed}", "--no-pdf-header-footer", home=tmp_path)
    sheets = len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))
    assert 2 <= sheets <= 10
