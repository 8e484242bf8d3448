"""No option changes nothing and says nothing: every command, both kinds of input, reading, output and the command's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from crmkit.session.options import READING
from tests.every_command import GROUPS
from tests.load import advised
from tests.load.running import run
from tests.tool import SALES

# Values that would change something for this file, if the command could act on them.
VALUES = {
    "customer": "channel", "date": "second_date", "amount": "unit_price", "order": "product", "orders": "quantity",
    "product": "channel", "cost": "unit_price", "status": "channel", "encoding": "utf-16", "delimiter": ";",
    "header": "a,b", "date_format": "d/m/y", "decimal": ",", "tz": "Asia/Tokyo", "source_tz": "Asia/Tokyo", "as_of": "2024-06-30",
    "since": "2024-01-01", "currency": "EUR", "exclude_status": "store", "refunds": "ignore", "no_customer": "fail",
    "no_customer_id": "C000001", "max_rejects": "0", "max_age": "1d", "min_rows": "5000", "strict": "",
    "refund_status": "store", "refunded": "unit_price", "keep": "group", "exclude": str(GROUPS), "amount_per": "order", "orders_restart": "daily", "layout": "shopify",
}  # fmt: skip
OUTPUT = {
    "excel_safe": "",
    "lang": "zh",
    "color": "always",
    "log_format": "json",
    "limit": "1",
    "no_headline": "",
    "plot": "picture.svg",
}
# Fast models, and what each command cannot do without.
COMMANDS = {
    "check": "",
    "customers": "",
    "rfm": "",
    "pareto": "",
    "churn": "",
    "trend": "",
    "lifecycle": "",
    "cohort": "",
    "deviation": "",
    "clv": "--model nbd --calendar off",
    "backtest": "--model nbd --calendar off --split 2024-06-30",
    "migration": "--from 2024-06-30",
    "basket": "",
    "basket --table holdings": "",
    "basket --table brands": "",
    "split": "--name spring",
    "lift": f"--groups {GROUPS} --from 2024-08-05 --to 2024-12-31",
    "score": "",
    "returns": "",
    "profile": "",
}
OWN = {
    "clv": "--k=2 --horizon=9w --discount=20% --margin=30% --unit=day --by=tier --cac=10 --interval=50% --classic",
    "backtest": "--k=2 --origins=2 --horizon=9w --interval=50%",
    "migration": "--to=2024-09-01 --of=tier --window=90",
    "basket": "--unit=customer --level=channel --min-orders=2% --fdr=50% --target=Tea --substitutes --by=month --max-basket=2 "
    "--max-items=3 --exclude-product=Tea --evaluate=2024-06-30 --within=30d",
    "split": "--control=20% --arms=A,B --by=tier --effect=9% --for=30d",
    "lift": "--margin=30% --cost=1 --fixed-cost=100 --spend=100 --by=segment --score=score --top=20% --pre=30d --buyers-only "
    "--before-after --planned=control=10%,treated=90%",
    "rfm": "--bins=3 --frequency=days --monetary=mean --map=cn8 --ties=first --segment=Champions",
    "pareto": "--scheme=five --by=product --value=orders --cuts=50,80 --inactive-after=90 --level=product",
    "churn": "--overdue=3 --lapse-days=10 --evaluate=2024-06-30 --model=nbd --k=2 --classic",
    "trend": "--period=week --ahead=2 --interval=50% --by=channel --below=50% --target=10",
    "lifecycle": "--period=week --stages",
    "cohort": "--period=week --value=orders --include-partial",
    "deviation": "--window=60d --threshold=2 --history=4",
    "score": "--weights=revenue=1",
    "returns": "--fdr=50%",
    "profile": "--by=tier --min-cell=40",
}
# What has nothing to do there: one row, no headline beside a table that is named, scores that come out alike, numbers of
# orders that never come again.
NOTHING_TO_DO: dict[str, set[str]] = {
    "customers": {"--limit"},
    "clv": {"--limit"},
    "basket --table holdings": {"--no-headline", "--limit", "--orders-restart"},
    "basket --table brands": {"--no-headline", "--orders-restart"},
    "rfm": {"--frequency"},
}


def put(folder: Path) -> Path:
    """The sample with a second column of dates, and a date that is none."""
    lines = [line.split(",") for line in SALES.read_text().splitlines()]
    made = [[*line, line[2].replace("2023", "2022")] for line in lines[1:]]
    made[0][2] = "some day"
    path = folder / "sales.csv"
    path.write_text("\n".join(",".join(line) for line in [[*lines[0], "second_date"], *made]) + "\n")
    return path


def silent(label: str, path: Path, options: Iterable[tuple[str, str]], *more: str | Path) -> list[str]:
    """The options with which everything stays as it was, and that say nothing of it."""
    words = [*label.split(), path, *COMMANDS[label].split(), *more]
    usual = run(words[0], *words[1:])
    found = []
    for option, value in options:
        if option not in advised.options(label.split()[0]):
            continue
        done = run(words[0], *words[1:], *([option, value] if value else [option]))
        if (done.status, done.out, done.err) == (usual.status, usual.out, usual.err):
            found.append(option)
    return [option for option in found if option not in NOTHING_TO_DO.get(label, ())]


def typed(options: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(f"--{name.replace('_', '-')}", value) for name, value in options.items()]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_acts_or_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    own = [option.partition("=") for option in OWN.get(command.split()[0], "").split()]
    options = [
        *typed(VALUES | OUTPUT),
        *((name, value) for name, _, value in own),
    ]
    assert silent(command, put(tmp_path), [one for one in options if one[0] not in command]) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["customers", "rfm", "pareto"])
def test_every_option_acts_or_says_so_of_customers(tmp_path: Path, command: str) -> None:
    path = tmp_path / "customers.csv"
    assert run("customers", put(tmp_path), "-o", path).status == 0
    assert (
        silent(command, path, typed({name: VALUES[name] for name in READING & set(VALUES)}), "-f", "json")
        == []
    )
