"""`crmkit config`: settings that stand for options, and where each comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument

from crmkit.config import places, settings
from crmkit.errors import UsageError
from crmkit.language.safe_text import safe
from crmkit.parse import choice
from crmkit.session.options import Shared, reading_of
from crmkit.session.run import Session

_ACTION = Argument(help="What to do.", metavar="show|init", show_default=False)
_WHAT = Argument(help="show: a command. init: a file.", metavar="COMMAND|FILE", show_default=False)


def config(
    common: Shared, action: Annotated[str, _ACTION], what: Annotated[str | None, _WHAT] = None
) -> None:
    """Show each setting with its source, or write a file of settings for a file of transactions.

    `init sales.csv` writes crmkit.toml here, or to --output FILE, with what `check` finds.

    Example: crmkit config show rfm
    """
    choice("config", action, ("show", "init"))
    if action == "show":
        _show(common, what)
        return
    if what is None:
        raise UsageError("config init needs a file of transactions. Type crmkit config init sales.csv.")
    _init(common, what)


def _show(common: Shared, command: str | None) -> None:
    from crmkit.load.settings import listing
    from crmkit.session import configured

    files = settings.current.get().files
    with Session("config", common) as session:
        session.finish(listing(configured.listed(command), [safe(one.path) for one in files]))


def _init(common: Shared, file: str) -> None:
    from crmkit.load import settings as found
    from crmkit.load.dataset import read
    from crmkit.output.files import write
    from crmkit.session.progress import say_written

    if Path(path := common.output or places.NAME).exists():
        raise UsageError(f"{safe(path)} is there already. Name another with --output, or move it away.")
    text = found.first(read(file, reading_of(common)).transactions(wants=("order", "cost", "product")), file)
    write(path, lambda stream: stream.write(text.encode()))
    if path != "-" and not common.quiet:
        print(text, end="")
        say_written(path, log_format=common.log_format)
