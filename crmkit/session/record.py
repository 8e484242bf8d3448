"""The account of a run (`--summary`): of one that did its work, and of one that a gate or a fault has stopped."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmkit._version import VERSION
from crmkit.config.values import masked
from crmkit.errors import CrmkitError, DataError, GateError
from crmkit.language.safe_text import safe
from crmkit.session import targets
from crmkit.session.hashes import source_account
from crmkit.session.options import Shared, reading_of
from crmkit.sources.addresses import scheme, shown
from crmkit.system import clock

if TYPE_CHECKING:
    from crmkit.load.find.sources import Source

_START = b'{\n  "schema"'
_GATE = r"--([a-z-]+)"


def account(command: str, common: Shared, inputs: Sequence[Source] | None, **told: Any) -> dict[str, Any]:
    """What is known of every run, with what is `told` of this one."""
    import platform

    import polars

    run = clock.run()
    return {
        "schema": 1,
        "command": command,
        "run": run.name,
        "start": clock.stamp(run.started),
        "end": clock.stamp(run.ended),
        "duration_seconds": run.seconds,
        "status": "done",
        "exit_status": 0,
        "versions": {
            "crmkit": VERSION,
            "polars": polars.__version__,
            "python": platform.python_version(),
        },
        "options": options(common),
        "inputs": _inputs(common, inputs),
        **told,
    }


def options(common: Shared) -> dict[str, Any]:
    """What was asked for, with the command's own options: enough to run it again."""
    shared = {name: value for name, value in vars(common).items() if name != "own"}
    shared |= {"files": tuple(map(shown, common.files)), "output": common.output and shown(common.output)}
    shared["further"] = [(shown(path), table) for path, table in common.further]
    asked = {**shared, **common.own}
    if asked.get("pseudonyms"):
        asked["pseudonyms"] = "given"  # the key would undo them
    return {name: _masked(value) for name, value in asked.items() if value not in (None, False, (), [])}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    return [_masked(one) for one in value] if isinstance(value, list | tuple) else value


def _inputs(common: Shared, sources: Sequence[Source] | None) -> list[dict[str, Any]]:
    if sources is None:
        return [{"file": safe(shown(name))} for name in common.files]
    return [source_account(source) for source in sources]


def text(told: Mapping[str, Any]) -> bytes:
    """An account as a file has it."""
    import json

    from crmkit.output.formats import plain_value

    return json.dumps(plain_value(told), indent=2, ensure_ascii=False).encode() + b"\n"


def noting_failure(function: Callable[..., None]) -> Callable[..., None]:
    """The command; where a gate or a fault stops it, its account says so, and what stopped it goes on."""

    @functools.wraps(function)
    def command(common: Shared, **own: Any) -> None:
        try:
            function(common, **own)
        except Exception as error:
            noted = vars(error).setdefault("noted_by", set())  # one command may lead others, or itself
            if common.summary and function.__name__ not in noted and not isinstance(error, BrokenPipeError):
                noted.add(function.__name__)
                with suppress(Exception):  # the error itself says what is wrong
                    _write_failure(function.__name__, common, error)
            raise

    return command


def _write_failure(command: str, common: Shared, error: Exception) -> None:
    from crmkit.output import files

    common = targets.named(replace(common, summary=str(common.summary).replace(targets.AS_OF, "no-day")))
    outputs = [
        path for path in (*(path for path, _ in targets.of(common)), common.rejects, common.plot) if path
    ]
    files.check_place(str(common.summary), common.files, others=outputs)
    _refuse_other(Path(str(common.summary)))
    told: dict[str, Any] = {
        "status": "gate" if isinstance(error, GateError) else "failed",
        "exit_status": error.exit_status if isinstance(error, CrmkitError) else 1,
        "gate": found[1]
        if isinstance(error, GateError) and (found := re.search(_GATE, str(error)))
        else None,
        "message": safe(error) if isinstance(error, CrmkitError) else type(error).__name__,
        "facts": getattr(error, "facts", {}),
        "outputs": [],
    }
    sources = None
    with suppress(Exception):
        sources = _found_again(common)
    written = text(account(command, common, sources, **told))
    files.write(str(common.summary), lambda stream: stream.write(written))


def _refuse_other(path: Path) -> None:
    """What failed may not have known its inputs yet: only an account gives way to an account."""
    if not path.is_file():
        return
    with path.open("rb") as old:
        start = old.read(len(_START))
    if start not in (b"", _START):
        raise DataError(f"{safe(path)} is there, and is no account.")


def _found_again(common: Shared) -> Sequence[Source] | None:
    """The inputs, unless one of them is a pipe, which was read, or lies elsewhere, where the fault may be."""
    from crmkit.load.find import sources

    is_elsewhere = any(name == "-" or scheme(name) for name in common.files)
    where = reading_of(common).where()
    return None if is_elsewhere or common.engine == "spark" else sources.find(common.files, where)
