"""Help in groups: the command's own options first, then those that commands share, tables, and lines to try."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

OWN = "Options of {name}"
LAST = "Common"


@cache
def topics() -> Mapping[str, Mapping[str, Any]]:
    """What is known of each command besides its options."""
    import tomllib

    return tomllib.loads(Path(__file__).with_name("topics.toml").read_text(encoding="utf-8"))


def short(command: Any) -> str:
    """The first sentence of a command's help, whole."""
    return inspect.cleandoc(command.help or "").split("\n\n")[0].replace("\n", " ")


def write_options(command: Any, context: Any, formatter: Any) -> None:
    """The arguments, and the options by group."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for option in command.get_params(context):
        record = option.get_help_record(context)
        if record is None:
            continue
        panel = getattr(option, "rich_help_panel", None) or OWN.format(name=command.name)
        if option.param_type_name == "argument":
            panel = "Arguments"
        elif option.name == "help":
            panel = LAST
        groups.setdefault(panel, []).append(record)
    for panel, records in groups.items():
        with formatter.section(panel):
            formatter.write_dl(records)


def write_commands(group: Any, context: Any, formatter: Any, panels: Mapping[str, Sequence[str]]) -> None:
    """The commands under the heads of their groups, each with its first sentence."""
    for panel, names in panels.items():
        known = [(name, group.get_command(context, name)) for name in names]
        rows = [(name, short(command)) for name, command in known if command is not None]
        if rows:
            with formatter.section(panel):
                formatter.write_dl(rows)


def write_more(name: str, formatter: Any) -> None:
    """The tables of a command, lines that run on sample_data/sales.csv, and where its page is."""
    known = topics().get(name, {})
    if tables := known.get("tables"):
        with formatter.section("Tables (--table NAME)"):
            formatter.write_text(", ".join(tables))
    if examples := known.get("examples"):
        with formatter.section("Examples"):
            for line in examples:
                formatter.write_text(line)
    formatter.write_paragraph()
    formatter.write_text(f"See docs/{name}.md, and `crmkit help columns` for what the columns mean.")


def columns(names: Sequence[str]) -> str:
    """The meaning of each column, or of those named."""
    from crmkit.columns import COLUMNS
    from crmkit.errors import UsageError

    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise UsageError(f"There is no column {unknown[0]!r}. crmkit help columns lists all of them.")
    wide = max(map(len, COLUMNS))
    return "\n".join(
        f"{name:{wide}}  {COLUMNS[name].meaning} ({COLUMNS[name].kind})" for name in names or COLUMNS
    )


def manual(app: Any, folder: str) -> list[str]:
    """Write a man page for each command into a folder, from its help; returns their names."""
    import typer

    from crmkit._version import VERSION

    group, made = typer.main.get_command(app), []
    for name, command in [("", group), *group.commands.items()]:  # type: ignore[attr-defined]
        title = f"crmkit {name}".strip()
        text = command.get_help(command.context_class(command, info_name=title))
        place = Path(folder) / f"{title.replace(' ', '-')}.1"
        place.parent.mkdir(parents=True, exist_ok=True)
        lines = "\n".join(map(_as_roff, text.splitlines()))
        head = f'.TH {title.replace(" ", "-").upper()} 1 "" "crmkit {VERSION}"\n.SH NAME\n'
        place.write_text(
            f"{head}{title.replace(' ', '-')} \\- {_as_roff(short(command))}\n.SH DESCRIPTION\n.nf\n{lines}\n.fi\n",
            encoding="utf-8",
        )
        made.append(str(place))
    return made


def _as_roff(line: str) -> str:
    escaped = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in {".", "'"} else escaped
