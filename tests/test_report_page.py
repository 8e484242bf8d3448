"""The page that is sent on: self-contained, harmless, the same bytes, and the numbers of the commands."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import crmkit
from crmkit import report
from crmkit.errors import DataError, UsageError
from crmkit.load.files import Files
from crmkit.output.charts import svg
from tests.tool import SALES, process

VOID = {"meta", "link", "br", "rect", "line", "circle", "path"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\u202eb",
    "javascript:alert(1)",
    "&amp;",
)


class Tree(HTMLParser):
    """What the page consists of; a tag that is not closed is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(result: Any) -> str:
    return str(result.saved["report"])


@pytest.fixture(scope="module")
def made() -> Any:
    return report.analyse(crmkit.read(str(SALES)))


def test_nothing_is_fetched_and_nothing_runs(made: Any) -> None:
    page = page_of(made)
    tree = Tree(page)
    assert not {tag for tag, _ in tree.tags} & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not re.search(r"https?://|url\(|@import|\bon\w+=", page)
    assert all(set(attributes) & {"style", "src"} == set() for _, attributes in tree.tags)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page


def test_a_screen_reader_finds_its_way(made: Any) -> None:
    tree = Tree(page_of(made))
    assert tree.named("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in tree.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in tree.named("a")} <= {f"#{name}" for name in ids}
    for picture in tree.named("svg"):
        assert picture["role"] == "img"
        assert set(str(picture["aria-labelledby"]).split()) <= set(ids)
    assert len(tree.named("svg")) == len(tree.named("desc")) == 7
    heads = [tag for tag, _ in tree.tags if tag in {"h1", "h2", "h3"}]
    assert heads == ["h1", *["h2"] * 10]
    assert all(head.get("scope") in {"col", "row"} for head in tree.named("th"))


def test_the_same_rows_give_the_same_bytes_on_a_small_page(made: Any) -> None:
    again = report.analyse(crmkit.read(str(SALES)))
    assert page_of(again) == page_of(made)
    assert len(page_of(made).encode()) < 60_000


def test_the_numbers_are_those_of_the_commands(made: Any) -> None:
    for question in ("pareto", "rfm", "churn", "trend"):
        asked = getattr(crmkit, question).analyse(crmkit.read(str(SALES)))
        assert made.facts["headlines"][question] == asked.headline
        assert made.facts[question] == asked.facts
    totals = crmkit.customers.analyse(crmkit.read(str(SALES))).tables["totals"]
    assert made.facts["figures"]["revenue"] == totals["revenue"][0]


def test_products_of_known_customers_have_the_numbers_of_the_commands(tmp_path: Path) -> None:
    known, other = tmp_path / "known.csv", tmp_path / "other.csv"
    rows = pl.read_csv(SALES).drop_nulls("customer_id")
    rows.write_csv(known)
    made = report.analyse(crmkit.read(str(known)), sections=("together", "returned"))
    asked = crmkit.basket.analyse(crmkit.read(str(known)))
    assert made.facts["headlines"]["basket"] == asked.headline
    assert made.facts["basket"] == asked.facts
    back = crmkit.returns.analyse(crmkit.read(str(known)))
    assert {name: made.facts["returns"][name] for name in ("sold", "returned")} == {
        name: back.facts[name] for name in ("sold", "returned")
    }
    assert made.facts["returns"]["unusual_products"] == back.tables["products"]["unusual"].sum()
    # Without ids of orders a customer's day is one, and without products there is nothing to tell.
    rows.drop("order_id").write_csv(other)
    made = report.analyse(crmkit.read(str(other)), sections=("together",))
    assert made.facts["basket"] == crmkit.basket.analyse(crmkit.read(str(other))).facts
    rows.drop("product").write_csv(other)
    made = report.analyse(crmkit.read(str(other)), sections=("makers", "together", "returned"))
    assert made.tables["sections"]["section"].to_list() == ["Who makes the money"]


def test_the_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    used = Files._used
    monkeypatch.setattr(Files, "_used", lambda *given, **named: (passes.append(1), used(*given, **named))[1])
    report.analyse(crmkit.read(str(SALES)))
    assert passes == [1]


def hostile(path: Path) -> Path:
    sales = pl.read_csv(SALES)
    names = {f"C{i:06}": f"{name}{i}" for i, name in enumerate(HOSTILE * 60)}
    sales.with_columns(pl.col("customer_id").replace(names)).write_csv(path)
    return path


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    page = page_of(
        report.analyse(crmkit.read(str(hostile(tmp_path / "<b>&.csv"))), sections=("leaving", "makers"))
    )
    tree = Tree(page)
    assert not {tag for tag, _ in tree.tags} & {"script", "img", "b"}
    assert "\u202e" not in page
    assert r"a\u202eb2" in page


def test_pseudonyms_are_keyed_hashes(made: Any) -> None:
    hidden = report.analyse(crmkit.read(str(SALES)), sections=("leaving",), pseudonyms="secret")
    assert not re.search(r"C\d{6}", page_of(hidden))
    first = hidden.facts  # no key in what is kept
    assert "secret" not in json.dumps(first, default=str)
    assert hmac.new(b"secret", b"C000002", hashlib.sha256).hexdigest()[:12] in page_of(hidden)
    assert "C000002" in page_of(made)


def test_small_groups_are_merged() -> None:
    result = report.analyse(crmkit.read(str(SALES)), sections=("talk",), min_cell=10)
    words = " ".join(Tree(page_of(result)).words)
    assert "(small groups)" in words
    assert "Can't Lose" not in words.split("Segments")[-1].split("What the words mean")[0]


def test_an_earlier_report_shows_what_changed(tmp_path: Path) -> None:
    earlier, page = tmp_path / "may.json", tmp_path / "report.html"
    assert process("report", SALES, "--as-of", "2024-05-31", "-o", page, "--summary", earlier, "-q").code == 0
    result = report.analyse(crmkit.read(str(SALES)), previous=earlier)
    old = json.loads(earlier.read_text())["facts"]["figures"]["customers"]
    words = " ".join(Tree(page_of(result)).words)
    assert f"+{round((261 / old - 1) * 100)}% since 2024-05-31" in words
    assert "Hibernating: 77 customers" in words
    (tmp_path / "other.json").write_text('{"facts": {}}')
    for name, why in (("other.json", "no account of a report"), ("none.json", "cannot be read")):
        with pytest.raises(DataError, match=why):
            report.analyse(crmkit.read(str(SALES)), previous=tmp_path / name)


def test_chinese(tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    assert process("report", SALES, "-o", page, "--lang", "zh", "-q").code == 0
    text = page.read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in text
    left = re.findall(r">([A-Z][a-z]+(?: [a-z]+)+[^<]*)<", text)
    assert [line for line in left if "crmkit" not in line] == []


def test_a_file_that_cannot_tell_says_why(tmp_path: Path) -> None:
    few = tmp_path / "few.csv"
    few.write_text("customer,date,amount\na,2024-01-01,1\nb,2024-02-01,2\n")
    words = " ".join(Tree(page_of(report.analyse(crmkit.read(str(few))))).words)
    assert "This file cannot tell." in words
    assert "too few for 5 scores" in words


def test_what_is_asked_wrongly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sections='nothing' is not one of changed"):
        report.analyse(crmkit.read(str(SALES)), sections=("nothing",))
    done = process("report", SALES, "-o", tmp_path / "r.csv")
    assert done.code == 2
    assert "name it like report.html" in done.err


def _light(colour: str) -> float:
    colour = "".join(c * 2 for c in colour[1:]) if len(colour) == 4 else colour[1:]
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [svg.LIGHT, svg.DARK])
@pytest.mark.parametrize(("name", "least"), [("ink", 7.0), ("soft", 4.5), ("one", 4.5), ("two", 4.5)])
def test_text_and_marks_stand_out_from_the_ground(theme: str, name: str, least: float) -> None:
    colours = dict(part.removeprefix("--").split(":") for part in theme.split(";"))
    light, dark = sorted((_light(colours[name]), _light(colours["ground"])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least
