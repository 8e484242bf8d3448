"""Rows dealt into parts give the same bytes as rows in one go, and leave nothing behind."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from crmkit import cohort, customers
from crmkit.errors import DataError
from crmkit.load import Files, load, spill
from crmkit.load.plan import Options
from tests.thinned import thinned
from tests.tool import crmkit

N = 20_000


def sales(ids: str) -> pl.DataFrame:
    """Of every five rows three are one customer's; some have no customer, no order or no product."""
    row = pl.int_range(N, eager=True)
    draw = row.hash(11)
    number = pl.Series(draw % 900).cast(pl.Int64)
    frame = pl.DataFrame({"row": row, "draw": draw, "number": number})
    customer = pl.when(pl.col("row") % 5 < 3).then(7).otherwise(pl.col("number"))
    customer = pl.when(pl.col("draw") % 97 != 0).then(customer)
    if ids == "text":
        customer = pl.format("a customer with a long name {}", customer)
    order = pl.when(pl.col("draw") % 89 != 0).then(pl.format("O{}", pl.col("draw") // 3 % 5000))
    return frame.select(
        customer=customer,
        order_id=order,
        date=pl.lit(date(2024, 1, 1)) + pl.duration(days=pl.col("row") * 700 // N),
        amount=((pl.col("draw") % 10007).cast(pl.Int64) - 500) / 100,
        product=pl.when(pl.col("draw") % 83 != 0).then(pl.format("P{}", pl.col("draw") % 50)),
        cost=(pl.col("draw") % 307).cast(pl.Int64) / 100,
    ).with_columns(pl.col("date").cast(pl.Date))


def write(folder: Path, form: str) -> list[str]:
    """The sales as one file or three, in an order that is not that of time."""
    frame = sales("number" if form == "numbers" else "text").reverse()
    if form == "csv":
        frame.write_csv(folder / "sales.csv")
    elif form == "several":
        for place in range(3):
            frame.gather_every(3, place).write_parquet(folder / f"sales{place}.parquet")
    else:
        frame.write_parquet(folder / "sales.parquet")
    return sorted(map(str, folder.iterdir()))


@pytest.fixture(params=["text", "numbers", "several", "csv"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    folder = tmp_path / "sales"
    folder.mkdir()
    return write(folder, request.param)


@pytest.fixture
def one(tmp_path: Path) -> str:
    return write(tmp_path, "text")[0]


@pytest.fixture
def dealt(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Has rows dealt from now on, in a temporary folder of their own, which is returned."""

    def begin() -> Path:
        folder = tmp_path_factory.mktemp("parts")
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setattr(spill, "WHOLE", N // 10)
        monkeypatch.setattr(spill, "EACH", N // 7)
        monkeypatch.setattr(spill, "_AT_ONCE", 1000)
        return folder

    return begin


def opened(files: list[str]) -> Files:
    return load(files, Options(), wants=frozenset({"order", "product", "cost"}))


Asked = Callable[[Files], pl.DataFrame]
QUESTIONS: dict[str, Asked] = {
    "everything": lambda rows: customers.build(rows),
    "few": lambda rows: customers.build(rows, {"orders"}),
    "products": lambda rows: customers.build(rows, key="product"),
    "cohorts": lambda rows: rows.counts(partial(cohort.count, period="month"), by=["cohort", "since"]).sort(
        "cohort", "since"
    ),
    "rows": lambda rows: rows.counts(lambda found: found.select(pl.len().cast(pl.Int64)), by=()),
}


@pytest.mark.parametrize("question", thinned(QUESTIONS, 3))
def test_the_same_from_parts(files: list[str], question: str, dealt: Callable[[], Path]) -> None:
    whole = opened(files)
    expected = QUESTIONS[question](whole)
    assert expected.height
    dealt()
    seen: list[tuple[int, int]] = []
    split = opened(files)
    split.on_part = lambda place, of: seen.append((place, of))
    assert QUESTIONS[question](split).equals(expected, null_equal=True)
    assert split.audit.facts(has_amount=True) == whole.audit.facts(has_amount=True)
    assert [place for place, _ in seen] == list(range(1, seen[0][1] + 1))
    assert len(seen) > 5


@pytest.mark.parametrize("command", ["rfm", "pareto", "customers"])
def test_the_same_export(one: str, command: str, dealt: Callable[[], Path], tmp_path: Path) -> None:
    whole, split = tmp_path / "whole.csv", tmp_path / "split.csv"
    screen = crmkit(command, one, "-o", whole)
    folder = dealt()
    assert crmkit(command, one, "-o", split) == screen
    assert split.read_bytes() == whole.read_bytes()
    assert not list(folder.iterdir())


def test_only_columns_that_are_asked_for_go_to_the_disk(one: str, dealt: Callable[[], Path]) -> None:
    dealt()
    sizes = {}
    for name, ask in {"few": QUESTIONS["few"], "rows": QUESTIONS["rows"]}.items():
        rows = opened([one])
        rows.on_part = lambda place, of, name=name: sizes.update({name: held()})
        ask(rows)
    assert 0 < sizes["rows"] < sizes["few"] / 2


def held(folder: str | None = None) -> int:
    """Bytes of files without a name that this process has open in the temporary folder."""
    total = 0
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208
        link = Path("/proc/self/fd", number)
        if link.is_symlink() and str(link.readlink()).startswith(folder or os.environ["TMPDIR"]):
            total += link.stat().st_size
    return total


def test_the_files_have_no_name_and_go_with_an_error(one: str, dealt: Callable[[], Path]) -> None:
    folder = dealt()
    rows = opened([one])

    def stop(place: int, of: int) -> None:
        assert held() > 0
        assert not list(folder.iterdir())
        if place == 3:
            raise KeyboardInterrupt

    rows.on_part = stop
    with pytest.raises(KeyboardInterrupt):
        QUESTIONS["few"](rows)
    assert held() == 0
    assert not list(folder.iterdir())


def test_an_error_of_the_query_is_told_as_it_is(one: str, dealt: Callable[[], Path]) -> None:
    dealt()
    rows = opened([one])

    def changed(place: int) -> Iterator[pl.DataFrame]:
        raise DataError(f"part {place} cannot be read")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill.Parts, "rows", lambda self, place: changed(place))
        with pytest.raises(DataError, match="part 0 cannot be read"):
            QUESTIONS["few"](rows)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("size", [0, 30_000])
def test_a_full_temporary_folder_is_one_sentence(one: str, size: int, dealt: Callable[[], Path]) -> None:
    folder = dealt()
    rows = opened([one])
    with files_up_to(size), pytest.raises(DataError) as error:
        QUESTIONS["everything"](rows)
    assert str(folder) in str(error.value)
    assert os.strerror(errno.EFBIG) in str(error.value)
    assert "TMPDIR" in str(error.value)
    assert held(str(folder)) == 0


def test_a_temporary_folder_that_may_not_be_used(
    one: str, dealt: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(dealt() / "missing"))
    with pytest.raises(DataError, match=r"missing does not do .*TMPDIR"):
        QUESTIONS["few"](opened([one]))


def test_rows_are_estimated_from_footers_and_bytes(tmp_path: Path) -> None:
    assert spill.estimated_rows(opened(write(tmp_path, "several")).inputs) == N
    csv = write(tmp_path, "csv")[:1]
    lines = (tmp_path / "sales.csv").read_bytes()
    assert N <= spill.estimated_rows(opened(csv).inputs) == len(lines) // 40
