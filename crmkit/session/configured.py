"""What files and variables say of the options of a command, given to its parser: no command knows of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from crmkit.config import settings
from crmkit.config.settings import Specs
from crmkit.config.values import Spec, shown
from crmkit.parse import choice

_MAY_BE_FILES = ("FILE|auto", "LIST|FILE|auto", "NAME|FILE", "NAME|FILE|none")
_NAMES_FILES = ("NAME[=FILE]",)
_FILES = ("FILE", "FILE...", "FILE[:COLUMN]", "FILE|URL", "LEDGER")
# Keys of hashes are secrets, and the rest is about the command line itself.
_NOT_SET = frozenset({"pseudonyms", "config", "no_config", "help", "version"})
_CONFIG = typer.Option(
    "--config",
    help="Take settings from FILE alone.",
    rich_help_panel="Common",
    metavar="FILE",
    show_default=False,
)
_NO_CONFIG = typer.Option(
    "--no-config", help="Take no settings from files.", rich_help_panel="Common", show_default=False
)


def with_config(function: Callable[..., None]) -> Callable[..., None]:
    """The command with the options that choose files of settings; the parser has acted on them before."""

    @functools.wraps(function)
    def command(**given: Any) -> None:
        function(**{name: value for name, value in given.items() if name not in ("config", "no_config")})

    kind = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter("config", kind, default=None, annotation=Annotated[str | None, _CONFIG]),
        inspect.Parameter("no_config", kind, default=False, annotation=Annotated[bool, _NO_CONFIG]),
    ]
    own = inspect.signature(function, eval_str=True).parameters.values()
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*(one.replace(kind=kind) for one in own), *added]
    )
    command.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
    return command


def specs_of(options: Sequence[Any]) -> dict[str, Spec]:
    """The options of a command as settings know them, by the names that people type."""
    found = [_spec(option) for option in options if option.name not in _NOT_SET]
    return {spec.name: spec for spec in found if spec is not None}


def _spec(option: Any) -> Spec | None:
    files = {
        "is_file": option.metavar in _FILES,
        "may_be_file": option.metavar in _MAY_BE_FILES,
        "names_file": option.metavar in _NAMES_FILES,
    }
    if option.param_type_name == "argument":
        return Spec(option.name, "many", **files) if option.nargs == -1 else None
    name = option.name.rstrip("_")
    if option.is_flag:
        return Spec(option.name, "flag")
    if option.multiple:
        return Spec(name, "many", **files)
    return Spec(name, "whole" if option.type_descriptor.annotation is int else "text", **files)


def settle(
    command: Any, options: Sequence[Any], typed: Mapping[str, Any], every: Callable[[], Mapping[str, Specs]]
) -> dict[str, Any]:
    """Parameter → value, for those that were not typed; what counts is kept for whoever asks (`settings.current`)."""
    over = settings.above.get()
    found = (
        settings.files(typed.get("config"), without=bool(typed.get("no_config")))
        if over is None
        else over.files
    )
    specs = specs_of(options)
    settled = settings.of_command(command.name, specs, every, found)
    settings.current.set(
        settled.without({option.name.rstrip("_") for option in options if option.name in typed})
    )
    by_flag = {option.name.rstrip("_"): option.name for option in options}
    return {by_flag[name]: value for name, value in settled.values.items()}


def listed(command: str | None) -> list[dict[str, Any]]:
    """Each setting that a file or a variable makes, by command: with its source, and what is shown of its value."""
    now, rows = settings.current.get(), []
    known = now.every()
    if command is not None:
        choice("config show", command, known)
    for name, specs in known.items():
        if command in (None, name):
            found = settings.of_command(name, specs, now.every, now.files).found
            rows += [
                {
                    "command": name,
                    "option": option.replace("_", "-"),
                    "value": shown(one.value),
                    "source": one.source,
                }
                for option, one in found.items()
            ]
    return rows
