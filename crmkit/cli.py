"""The command line: one line for each command, and one place where errors become sentences.

A command's module holds its own options and calls its analysis; `options.shared` adds the options
that many commands have. Nothing here imports Polars, so `--help` and `--version` start at once.
"""

from __future__ import annotations

import sys

import typer

from crmkit.commands.accumulation import accumulation
from crmkit.commands.backtest import backtest
from crmkit.commands.check import check
from crmkit.commands.churn import churn
from crmkit.commands.clv import clv
from crmkit.commands.cohort import cohort
from crmkit.commands.customers import customers
from crmkit.commands.deviation import deviation
from crmkit.commands.lifecycle import lifecycle
from crmkit.commands.migration import migration
from crmkit.commands.pareto import pareto
from crmkit.commands.rfm import rfm
from crmkit.commands.sample import sample
from crmkit.commands.trend import trend
from crmkit.commands.value import value
from crmkit.errors import UsageError
from crmkit.options import shared

app = typer.Typer(
    name="crmkit",
    help="Turn a file of transactions into decisions about customers.",
    epilog="Start with: crmkit check sales.csv",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

READS = "files input output"
ANYWHERE = f"{READS} engine"

app.command(rich_help_panel="Look")(shared(check, ANYWHERE))
app.command(rich_help_panel="Look")(shared(customers, ANYWHERE))
app.command(rich_help_panel="Look")(sample)
app.command(rich_help_panel="Analyse")(shared(pareto, ANYWHERE))
app.command(rich_help_panel="Analyse")(shared(rfm, ANYWHERE))
app.command(rich_help_panel="Forecast")(shared(clv, ANYWHERE))
app.command(rich_help_panel="Forecast")(shared(backtest, READS))
app.command(rich_help_panel="Reckon")(shared(accumulation, "input output"))
app.command(rich_help_panel="Reckon")(shared(value, "output"))
app.command(rich_help_panel="Over time")(shared(migration, ANYWHERE))
app.command(rich_help_panel="Over time")(shared(cohort, ANYWHERE))
app.command(rich_help_panel="Over time")(shared(lifecycle, ANYWHERE))
app.command(rich_help_panel="Over time")(shared(churn, ANYWHERE))
app.command(rich_help_panel="Over time")(shared(trend, ANYWHERE))
app.command(rich_help_panel="Over time")(shared(deviation, READS))


@app.callback()
def _crmkit(
    version: bool = typer.Option(False, "--version", "-V", help="Print the version."),
) -> None:
    if version:  # normally answered by __main__, which does not wait for typer
        from crmkit._version import VERSION

        print(f"crmkit {VERSION}")
        raise typer.Exit


def run() -> None:
    """Parse, do, and leave with an exit status; what typer finds wrong becomes a UsageError."""
    try:
        status = app(prog_name="crmkit", standalone_mode=False)
    except Exception as error:
        told = getattr(error, "format_message", None)
        if told is None:
            raise
        if len(sys.argv) == 1:
            print(told(), file=sys.stderr)  # the help
            raise SystemExit(2) from None
        command = getattr(getattr(error, "ctx", None), "command_path", "crmkit")
        raise UsageError(f"{told().rstrip('.')}. See {command} --help.") from None
    raise SystemExit(status if isinstance(status, int) else 0)
