"""Days in files: layouts that are known, ambiguities that are refused, values that are set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.load.running import check, refused, run
from tests.load.sales import SALES, account, put, text, with_lines, without

EARLY = tuple(
    sale._replace(day=date(2023, 1 + place % 12, 1 + place * 5 % 12)) for place, sale in enumerate(SALES)
)


def epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())


def coded(codes: str) -> Callable[[date], str]:
    return lambda day: day.strftime(codes)


@pytest.mark.parametrize(
    "write",
    [
        coded("%Y-%m-%d"),
        coded(" %Y-%m-%d "),
        coded("%Y-%m-%d 08:26"),
        coded("%Y-%m-%d 8:26:00"),
        coded("%Y-%m-%dT23:59:59.999"),
        coded("%Y-%m-%d 23:59:59,123456789"),
        coded("%Y-%m-%d 24:00:00"),
        coded("%Y-%m-%d 11:59 p.m."),
        coded("%Y/%m/%d"),
        coded("%Y.%m.%d 10:11"),
        coded("%Y%m%d"),
        coded("%Y%m%d 10:11:12"),
        coded("%Y%m%d1011"),
        coded("%Y%m%d101112"),
        coded("%Y%m%dT101112"),
        coded("%d/%m/%Y"),
        coded("%d/%m/%Y 08:26"),
        coded("%m/%d/%Y 3:05 PM"),
        coded("%d-%m-%Y"),
        coded("%m-%d-%Y"),
        coded("%d.%m.%Y"),
        coded("%d.%m.%y"),
        coded("%d/%m/%y"),
        coded("%m/%d/%y"),
        coded("%y/%m/%d"),
        coded("%d-%b-%Y"),
        coded("%d-%b-%y"),
        coded("%d %B %Y"),
        coded("%b %d, %Y"),
        lambda day: day.strftime("%d-%b-%Y").upper().replace("SEP", "SEPT"),
        lambda day: f"{day.day}/{day.month}/{day.year}",
        lambda day: f"{day.year}-{day.month}-{day.day}",
        lambda day: f"{day.year}年{day.month}月{day.day}日",
        lambda day: f"{day.year}年{day.month:02}月{day.day:02}日 10:11:12",
        epoch,
        lambda day: epoch(day) * 1000,
    ],
)
def test_layouts(tmp_path: Path, write: Callable[[date], str]) -> None:
    assert check(put(tmp_path / "sales.csv", text(day=write, delimiter="\t"))).account == account()


@pytest.mark.parametrize(
    ("write", "note"),
    [
        (coded("%d/%m/%Y"), "read as d/m/y"),
        (coded("%m-%d-%Y"), "read as m-d-y"),
        (epoch, "read as epoch"),
        (coded("%Y-%m-%dT12:00Z"), "days in UTC"),
    ],
)
def test_what_was_inferred_is_said(tmp_path: Path, write: Callable[[date], str], note: str) -> None:
    assert note in check(put(tmp_path / "sales.csv", text(day=write))).err


@pytest.mark.parametrize("offset", ["Z", "+00:00", "+0000", "+00", " UTC", " +0000"])
@pytest.mark.parametrize("clock", ["%Y-%m-%dT23:30:00", "%Y-%m-%d 23:30", "%Y-%m-%dT23:30:00.5"])
def test_moments_become_days_in_a_zone(tmp_path: Path, clock: str, offset: str) -> None:
    path = put(tmp_path / "sales.csv", text(day=lambda day: day.strftime(clock) + offset))
    assert check(path).account == account()
    later = [sale._replace(day=sale.day + timedelta(days=1)) for sale in SALES]
    assert check(path, "--tz", "Asia/Shanghai").account == account(later)


def test_moments_with_their_own_offsets(tmp_path: Path) -> None:
    path = put(
        tmp_path / "sales.csv",
        text(day=lambda day: f"{day}T12:00:00" + ("Z", "+08:00", "-05:00")[day.day % 3]),
    )
    assert check(path).account == account()


@pytest.mark.parametrize("codes", ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d/%m/%y", "%m-%d-%y"])
def test_days_up_to_twelve_are_ambiguous(tmp_path: Path, codes: str) -> None:
    path = put(tmp_path / "sales.csv", text(EARLY, day=coded(codes)))
    refused(check(path), "column date", "ambiguous", "it could be 20", "--date-format d", "--date-format m")
    assert check(path, "--date-format", codes).account == account(EARLY)


def test_where_both_readings_agree_nothing_is_ambiguous(tmp_path: Path) -> None:
    twins = [
        sale._replace(day=date(2023, 1 + place % 12, 1 + place % 12)) for place, sale in enumerate(SALES)
    ]
    assert check(put(tmp_path / "sales.csv", text(twins, day=coded("%d/%m/%Y")))).account == account(twins)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (
            lambda day: day.strftime("%d/%m/%Y" if day.day % 2 else "%m/%d/%Y"),
            ["mixes d/m/y", "m/d/y", "--date-format"],
        ),
        (
            lambda day: day.strftime("%Y-%m-%d" if day.day % 2 else "%d/%m/%Y"),
            ["mixes ISO", "d/m/y"],
        ),
        (lambda day: epoch(day) * (1000 if day.day % 2 else 1), ["mixes", "epoch"]),
        (lambda day: f"{day}T10:00:00" + ("Z" if day.day % 2 else ""), ["mixes", "UTC offset"]),
        (coded("%Y-%j"), ["most values"]),
        (coded("%G-W%V-%u"), ["most values"]),
        (coded("%Y-%m"), ["most values"]),
        (coded("%d%m%Y"), ["most values"]),
        (lambda day: (day - date(1899, 12, 30)).days, ["spreadsheet", "--date-format excel"]),
        (lambda day: f"{day.year - 1911}/{day.month}/{day.day}", ["most values"]),
        (lambda day: day.strftime("%d/%m/") + str(day.year + 543), ["most values"]),
        (lambda day: "10:11:12", ["most values"]),
        (lambda day: str(day).replace("-", "–"), ["most values"]),
        (
            lambda day: str(day).translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
            ["most values"],
        ),
        (lambda day: f"{day} 25:61:00", ["most values"]),
        (lambda day: "", ["no date"]),
    ],
)
def test_columns_that_are_no_days(tmp_path: Path, write: Callable[[date], str], words: list[str]) -> None:
    refused(check(put(tmp_path / "sales.csv", text(day=write, delimiter="\t"))), "sales.csv", "date", *words)


ODD = {
    "2023-02-30": "bad date",
    "2023-02-29": "bad date",
    "2023-13-01": "bad date",
    "0000-00-00": "bad date",
    "yesterday": "bad date",
    "03.02.2023": "bad date",
    "2023-05-05x": "bad date",
    "2023-05-05 25:00": "bad date",
    "20230-05-05": "bad date",
    "#####": "bad date",
    "1900-01-01": "date out of range",
    "0001-01-01": "date out of range",
    "1969-12-31": "date out of range",
    "9999-12-31": "date out of range",
    "2999-01-01": "date out of range",
    "": "no date",
    "NULL": "no date",
    "NaT": "no date",
    "n/a": "no date",
}


def test_odd_values_are_set_aside_one_by_one(tmp_path: Path) -> None:
    rows = text(SALES * 2) + "".join(f"K17,B,{value},5.00\n" for value in ODD)
    done = check(put(tmp_path / "sales.csv", rows))
    assert done.account == account(SALES * 2, rejected=len(ODD))
    reasons = list(ODD.values())
    assert done.facts["rejected"] == {
        reason: reasons.count(reason) for reason in ("no date", "bad date", "date out of range")
    }
    assert "line 62, column date: bad date: '2023-02-30'" in done.err


@pytest.mark.parametrize("odd", ["30/02/2023", "00/00/0000", "2023-05-05", "5 May"])
def test_odd_values_in_another_layout(tmp_path: Path, odd: str) -> None:
    rows = with_lines(row3=f"K17,B,{odd},5.00").splitlines()
    days = [sale.day.strftime("%d/%m/%Y") for sale in SALES]
    content = "\n".join(
        [
            rows[0],
            *(row.replace(str(sale.day), day) for row, sale, day in zip(rows[1:], SALES, days, strict=True)),
        ]
    )
    assert check(put(tmp_path / "sales.csv", content + "\n")).account == account(without(3), rejected=1)


def test_the_future_is_noted(tmp_path: Path) -> None:
    soon = date.today() + timedelta(days=700)
    done = check(put(tmp_path / "sales.csv", with_lines(row3=f"K17,B,{soon},5.00")))
    assert f"the latest date, {soon}, lies in the future" in done.err
    assert done.facts["rejected"] == {}
    far = date.today() + timedelta(days=4000)
    assert check(put(tmp_path / "sales.csv", with_lines(row3=f"K17,B,{far},5.00"))).facts["rejected"] == {
        "date out of range": 1
    }


@pytest.mark.parametrize(
    "codes",
    [
        "%Y-%m-%d",
        "%F",
        "%d%m%Y",
        "%a %d %b %Y",
        "%Y-%j",
        "%G-W%V-%u",
        "%Y-%m-%d %H:%M:%S.%f",
        "%m/%d/%Y %I:%M %p",
        "%Y%m%d%H%M%S",
    ],
)
def test_formats_that_the_user_gives(tmp_path: Path, codes: str) -> None:
    def write(day: date) -> str:
        return datetime(day.year, day.month, day.day, 10, 11, 12).strftime(codes)

    done = check(put(tmp_path / "sales.csv", text(day=write, delimiter="\t")), "--date-format", codes)
    assert done.account == account()
    assert "Warning" not in done.err


def test_a_format_with_an_offset(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", text(day=lambda day: f"{day:%d/%m/%Y} 23:30 +0000"))
    assert check(path, "--date-format", "%d/%m/%Y %H:%M %z").account == account()


@pytest.mark.parametrize("word", ["%Q", "%", "%H", "%Y-%m-%d %H", "%C", "foo", "", "dd/mm/yyyy", "%%"])
def test_formats_that_lead_to_no_day(tmp_path: Path, word: str) -> None:
    done = run("check", put(tmp_path / "sales.csv", text()), "--date-format", word)
    assert (done.status, done.out) == (2, "")
    assert "--date-format" in done.err


def test_a_format_that_does_not_fit(tmp_path: Path) -> None:
    refused(
        check(put(tmp_path / "sales.csv", text()), "--date-format", "%d/%m/%Y"), "bad date", "'2023-02-01'"
    )
    refused(
        check(put(tmp_path / "sales.csv", text(day=coded("%d/%m/%Y"))), "--date-format", "m/d/y"),
        "more than half",
    )


@pytest.mark.parametrize("word", ["Mars/Base", "../../etc/passwd", "/etc/passwd", ""])
def test_zones_that_are_none(tmp_path: Path, word: str) -> None:
    done = run("check", put(tmp_path / "sales.csv", text()), "--tz", word)
    assert (done.status, done.out) == (2, "")


def test_rows_outside_of_the_asked_days_are_skipped(tmp_path: Path) -> None:
    path = put(tmp_path / "sales.csv", text())
    inside = [sale for sale in SALES if date(2023, 3, 1) <= sale.day <= date(2023, 9, 30)]
    done = check(path, "--since", "2023-03-01", "--as-of", "2023-09-30")
    assert done.account == account(inside)
    skipped = done.facts["skipped"]
    assert sum(skipped.values()) == len(SALES) - len(inside)
    refused(check(path, "--since", "2030-01-01"), "before the since date")
    assert check(path, "--as-of", "2023-02-30").status == 2


@pytest.mark.parametrize("day", [" 024-08-25", "2024-01- 5", "+2024-1-05", "2024- 1- 5", "\t024-01-05"])
def test_ten_characters_that_are_no_day(tmp_path: Path, day: str) -> None:
    """Whatever stands in the other rows: here all of them have ten characters, and no more than that."""
    path = put(tmp_path / "sales.csv", with_lines(row3=f'K11,B-903,"{day}",32.92'))
    done = check(path)
    assert done.account == account(without(3), 1)
    assert done.facts["rejected"] == {"bad date": 1}


@pytest.mark.parametrize(("slips", "rejected"), [(1, 1), (2, 2), (3, None), (20, None)])
def test_days_and_months_the_other_way_round(tmp_path: Path, slips: int, rejected: int | None) -> None:
    """Of 200 rows that prove day/month, one in a hundred may prove the contrary; more, and none can be trusted."""
    days = ["25/03/2024"] * 200 + ["05/03/2024"] + ["03/25/2024"] * slips
    content = "".join(f"K{place % 9},{day},5.00\n" for place, day in enumerate(days))
    done = check(put(tmp_path / "sales.csv", "customer,date,amount\n" + content))
    if rejected is None:
        refused(done, "mixes d/m/y ('25/03/2024') and m/d/y ('03/25/2024')")
    else:
        assert done.facts["rejected"] == {"bad date": rejected}


def test_the_first_and_the_last_day_asked_for_belong_to_it(tmp_path: Path) -> None:
    done = check(
        put(tmp_path / "sales.csv", text()), "--since", str(SALES[4].day), "--as-of", str(SALES[9].day)
    )
    assert done.account == account(SALES[4:10])
