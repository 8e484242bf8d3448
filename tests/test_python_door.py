"""The way in from Python: what `crmkit` shows, what `read` takes, and what questions say of it."""

from __future__ import annotations

import io
from datetime import date
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import crmkit
from crmkit.cli import COMMANDS
from crmkit.errors import DataError, UsageError
from crmkit.load.door import in_python
from crmkit.load.reading import NAMES, Reading
from crmkit.result import Result
from tests.tool import crmkit as typed

SALES = Path(__file__).parent.parent / "sample_data" / "sales.csv"
OF_DATA = (
    *("check", "customers", "pareto", "rfm", "clv", "backtest", "migration", "cohort", "lifecycle", "churn"),
    *("trend", "deviation", "accumulation", "value"),
)


def test_what_is_exported_is_there_and_told() -> None:
    assert dir(crmkit) == sorted(crmkit.__all__)
    assert set(COMMANDS) - {"sample", "layouts", "config", "ledger", "sql", "run"} <= set(crmkit.__all__)
    for name in crmkit.__all__:
        assert getattr(crmkit, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'rmf'"):
        crmkit.rmf  # noqa: B018


def test_every_question_has_the_same_signature() -> None:
    for name in OF_DATA:
        first, *options = signature(getattr(crmkit, name).analyse).parameters.values()
        assert first.name == "data", name
        assert all(one.kind is Parameter.KEYWORD_ONLY for one in options), name


def test_read_takes_what_the_command_line_takes() -> None:
    taken = signature(crmkit.read).parameters
    assert tuple(taken)[1:] == NAMES
    assert {name: taken[name].default for name in NAMES} == {name: getattr(Reading(), name) for name in NAMES}


def _frames() -> dict[str, Any]:
    frame = pl.read_csv(SALES)
    return {
        "path": SALES,
        "text": str(SALES),
        "list": [SALES],
        "polars": frame,
        "lazy": frame.lazy(),
        "arrow": pa.table(frame.to_arrow()),
        "batches": pa.RecordBatchReader.from_batches(frame.to_arrow().schema, frame.to_arrow().to_batches()),
        "bytes": io.BytesIO(SALES.read_bytes()),
        "words": io.StringIO(SALES.read_text()),
    }


@pytest.mark.parametrize("name", list(_frames()))
def test_whatever_holds_the_data_the_answer_is_the_same(name: str) -> None:
    expected = crmkit.rfm.analyse(SALES)
    found = crmkit.rfm.analyse(_frames()[name])
    assert found.tables["segments"].equals(expected.tables["segments"])
    assert found.tables["customers"].equals(expected.tables["customers"])
    assert found.account is not None
    assert found.account.rows_read == 2000


def test_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(SALES)
    assert crmkit.pareto.analyse(frame).facts["gini"] == crmkit.pareto.analyse(SALES).facts["gini"]
    by_day = frame.set_index("order_date")
    tables = crmkit.trend.analyse(by_day).tables
    assert tables["periods"].equals(crmkit.trend.analyse(SALES).tables["periods"])
    with pytest.raises(UsageError, match="Give each column one type"):
        crmkit.read(pandas.DataFrame({"customer": [1, "a"], "date": ["2024-01-01"] * 2, "amount": [1, 2]}))


def test_a_file_is_read_for_each_question_anew() -> None:
    sales = crmkit.read(SALES)
    assert crmkit.pareto.analyse(sales, by="product").facts["items"] > 10
    assert crmkit.rfm.analyse(sales, monetary="profit").tables["segments"].height > 3
    assert crmkit.deviation.analyse(sales, threshold=2).facts["customers"] == 261
    account = sales.account
    assert account is not None
    assert account.line() == "2,000 rows read, 32 no customer id, 1,968 used"


def test_days_are_dates_or_text() -> None:
    for day in ("2024-06-30", date(2024, 6, 30)):
        assert crmkit.rfm.analyse(crmkit.read(SALES, as_of=day)).facts["as_of"] == date(2024, 6, 30)
    moved = crmkit.migration.analyse(SALES, from_=date(2024, 6, 30), to="2024-12-01")
    assert (moved.facts["from"], moved.facts["to"]) == (date(2024, 6, 30), date(2024, 12, 1))


def test_customers_are_enough_where_they_suffice(tmp_path: Path) -> None:
    people = crmkit.customers.build(crmkit.read(SALES))
    people.write_parquet(tmp_path / "people.parquet")
    expected = crmkit.rfm.analyse(people).tables["segments"]
    for data in (crmkit.read(tmp_path / "people.parquet"), crmkit.read(people), people.to_arrow()):
        assert crmkit.rfm.analyse(data).tables["segments"].equals(expected)
    with pytest.raises(UsageError, match="Give the transactions"):
        crmkit.cohort.analyse(people)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"customer": "buyer"}, DataError, "buyer"),
        ({"custmer": "buyer"}, TypeError, "custmer"),
        (
            {"as_of": "yesterday"},
            UsageError,
            "as_of 'yesterday' is not a date|as_of='yesterday' is not a date",
        ),
        ({"tz": "Mars"}, UsageError, "tz"),
        ({"customer": 3}, UsageError, "customer is 3"),
        ({"refunds": "keep"}, UsageError, "net, ignore"),
        ({"max_rejects": -1}, UsageError, "max_rejects"),
    ],
)
def test_options_are_checked_and_named_as_in_python(
    words: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        crmkit.read(SALES, **words)
    assert "--" not in str(caught.value)


def test_errors_of_questions_name_arguments() -> None:
    with pytest.raises(UsageError, match="bins is 99") as caught:
        crmkit.rfm.analyse(SALES, bins=99)
    assert "--" not in str(caught.value)
    assert in_python("Add --scheme pyramid. Or see `crmkit rfm --help`.") == (
        "Add scheme=pyramid. Or see `crmkit rfm --help`."
    )


def test_a_command_that_was_refused_leaves_python_its_names() -> None:
    with pytest.raises(UsageError, match="is also an input"):
        typed("rfm", SALES, "-o", SALES)
    with pytest.raises(UsageError, match=r"^--bins is 99"):
        typed("rfm", SALES, "--bins", "99")
    with pytest.raises(UsageError, match="bins is 99") as caught:
        crmkit.rfm.analyse(SALES, bins=99)
    assert "--" not in str(caught.value)


@pytest.mark.parametrize("data", [3, None, {"a": 1}, []])
def test_what_cannot_be_read_is_said(data: Any) -> None:
    with pytest.raises(UsageError, match=r"cannot be read|nothing to read"):
        crmkit.read(data)


def test_a_missing_file_is_a_data_error() -> None:
    with pytest.raises(DataError, match=r"nosuch\.csv"):
        crmkit.read("nosuch.csv")


def test_notebooks_show_tables_and_escape_text() -> None:
    shown = crmkit.read(SALES)._repr_html_()
    assert "customer_id" in shown
    assert "2,000 rows read" in shown
    result = Result(command="x", tables={"t": pl.DataFrame({"a": ["<script>"], "b": [1.5]})})
    assert "&lt;script&gt;" in result._repr_html_()
    assert "<table>" in crmkit.rfm.analyse(SALES)._repr_html_()
    assert "sales.csv" in repr(crmkit.read(SALES))


def test_assumptions_need_no_data() -> None:
    assert crmkit.value.analyse(spend=40, every="1w", years=30, retention=0.9).facts["visits_per_year"] == 52
    with pytest.raises(UsageError, match=r"^spend and every are needed"):
        crmkit.value.analyse(years=3)
    lost = crmkit.accumulation.analyse(customers=[10, 20], lost=[0, 3]).tables["lost"]
    assert lost["difference"].to_list() == [10, 16]
    moved = crmkit.accumulation.analyse(SALES, store="channel", period="quarter", periods=2)
    assert set(moved.facts["stores"]) == {"app", "phone", "store", "web"}


def test_what_only_a_pass_can_tell_comes_with_its_answer() -> None:
    sales = crmkit.read(SALES).transactions()
    assert not {"as_of", "first", "begin"} & set(dir(sales))
    found = sales.count(lambda rows: rows.select(pl.len().cast(pl.Int64)), by=())
    assert (found.rows.item(), found.account.rows_read, found.scale) == (1968, 2000, 2)
    assert found.begin == found.first < found.as_of == date(2024, 12, 30)


@pytest.mark.slow
@pytest.mark.parametrize("classic", [True, False])
def test_churn_and_clv_have_one_probability(classic: bool) -> None:
    """The same model of the same customers, gaps and calendar included, has the same k and the same P(alive) to the last bit."""
    worth = crmkit.clv.analyse(SALES, model="mbgcnbd", classic=classic)
    late = crmkit.churn.analyse(SALES, model="mbgcnbd", classic=classic, everyone=True)
    assert late.facts["model"]["k"] == worth.facts["model"]["k"]
    assert late.facts["model"]["params"] == worth.facts["model"]["params"]
    both = worth.tables["customers"].join(late.tables["customers"], on="customer")
    assert both["alive"].equals(both["alive_right"], check_names=False)


def test_a_notebook_shows_the_picture_of_an_answer() -> None:
    shown = crmkit.pareto.analyse(str(SALES))._repr_html_()
    assert shown.count("<svg") == 1
    assert "<style>#crmkit-pareto{" in shown  # nothing of the notebook's own look changes
    assert crmkit.customers.analyse(str(SALES))._repr_html_().count("<svg") == 1
