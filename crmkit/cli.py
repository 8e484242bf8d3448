"""The command line: one line for each command, and one place where errors become sentences.

A command's module holds its own options and calls its analysis; `options.shared` adds the options
that many commands have. Nothing here imports Polars, so `--help` and `--version` start at once, and
a command that is named is the only one that is built.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from crmkit.config.values import Spec
from crmkit.errors import UsageError
from crmkit.session import completion, configured, help, record, together
from crmkit.session.options import shared

READS = "files input output"
ANYWHERE = f"{READS} engine"
# The groups of shared options that a command has.
COMMANDS = {
    "check": ("Look", ANYWHERE),
    "customers": ("Look", ANYWHERE),
    "ledger": ("Look", "output"),
    "layouts": ("Look", "output"),
    "sample": ("Look", ""),
    "config": ("Look", "input output"),
    "sql": ("Look", ""),
    "pareto": ("Analyse", ANYWHERE),
    "rfm": ("Analyse", ANYWHERE),
    "basket": ("Analyse", ANYWHERE),
    "profile": ("Analyse", ANYWHERE),
    "score": ("Analyse", ANYWHERE),
    "returns": ("Analyse", ANYWHERE),
    "report": ("Look", READS),
    "run": ("Look", "input output"),
    "clv": ("Forecast", ANYWHERE),
    "backtest": ("Forecast", READS),
    "accumulation": ("Reckon", "input output"),
    "value": ("Reckon", "output"),
    "migration": ("Over time", ANYWHERE),
    "cohort": ("Over time", ANYWHERE),
    "lifecycle": ("Over time", ANYWHERE),
    "churn": ("Over time", ANYWHERE),
    "trend": ("Over time", ANYWHERE),
    "deviation": ("Over time", READS),
    "diff": ("Over time", "output"),
    "split": ("Campaigns", ANYWHERE),
    "lift": ("Campaigns", ANYWHERE),
}


class _Plain:
    """Text is taken as it is: typer would load pydantic to convert it, which takes 80 ms and changes nothing."""

    def get_params(self, context: Any) -> list[Any]:
        options: list[Any] = super().get_params(context)  # type: ignore[misc]
        for option in options:
            if "process_value" not in vars(option):
                option.process_value = partial(_processed, option, option.process_value)
            if option.param_type_name == "option" and (complete := completion.of(option)) is not None:
                option._custom_shell_complete = complete
        return options


class _Command(_Plain, TyperCommand):
    """One that refuses to be told twice: of two output files, the parser would forget the first."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        typed, _, given = self.make_parser(ctx).parse_args(list(args))
        for option in given:
            may_come_again = option.multiple or option.nargs != 1 or getattr(option, "is_flag", False)
            if given.count(option) > 1 and not may_come_again:
                raise UsageError(f"{option.opts[0]} is given twice. Give it once.")
        if not (typed.get("help") or ctx.resilient_parsing):
            ctx.default_map = configured.settle(self, self.get_params(ctx), typed, _every)
            args = [*args, *([] if typed.get("files") else ctx.default_map.get("files", []))]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        help.write_options(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        help.write_more(self.name or "", formatter)


class _Group(_Plain, TyperGroup):
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[str]] = {}
        for name, (panel, _) in COMMANDS.items():
            panels.setdefault(panel, []).append(name)
        help.write_commands(self, ctx, formatter, panels)


def _processed(option: Any, convert: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    text = option.type_descriptor.annotation in (str, list[str])
    missing = option.required and option.value_is_missing(value)
    if missing or not (text or value is None):
        return convert(context, value)
    if option.multiple or option.nargs == -1:
        value = list(value or ())
    return option.callback(context, option, value) if option.callback else value


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        name="crmkit",
        cls=_Group,
        help="Turn a file of transactions into decisions about customers.",
        epilog="Start with: crmkit check sales.csv. More: crmkit help COMMAND, crmkit help columns.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )
    app.callback()(_crmkit)
    together.commands.set(_built)
    for name in names:
        panel, groups = COMMANDS[name]
        command = getattr(import_module(f"crmkit.commands.{name}"), name)
        whole = configured.with_config(shared(record.noting_failure(command), groups) if groups else command)
        app.command(cls=_Command, rich_help_panel=panel)(whole)
    return app


@cache
def _built() -> Mapping[str, Any]:
    """All commands, as the parser has them."""
    group: Any = typer.main.get_command(build())
    commands: Mapping[str, Any] = group.commands
    return commands


@cache
def _every() -> dict[str, dict[str, Spec]]:
    """The options of all commands."""
    return {name: configured.specs_of(command.params) for name, command in _built().items()}


def _crmkit(
    version: bool = typer.Option(False, "--version", "-V", help="Print the version."),
) -> None:
    if version:  # normally answered by __main__, which does not wait for typer
        from crmkit._version import VERSION

        print(f"crmkit {VERSION}")
        raise typer.Exit


def run() -> None:
    """Parse, do, and leave with an exit status; what typer finds wrong becomes a UsageError."""
    if sys.argv[1:2] == ["help"]:
        if sys.argv[2:3] == ["columns"]:
            print(help.columns(sys.argv[3:]))
            raise SystemExit(0)
        if sys.argv[2:3] == ["--man"]:
            made = help.manual(build(), *sys.argv[3:4] or ["man1"])
            print(f"wrote {len(made)} pages. Read one: man {made[0]}")
            raise SystemExit(0)
        sys.argv[1:] = [*sys.argv[2:3], "--help"]
    if {"--install-completion", "--show-completion"} & set(sys.argv[1:-1]):
        # A shell is named, and Typer would take the one that it finds around itself.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    known = [word for word in sys.argv[1:2] if word in COMMANDS]
    app = build(known or COMMANDS)
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
