"""`crmkit` and `python -m crmkit`: the one catch around everything."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and end with its exit status, whatever happens."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from crmkit._version import VERSION

        print(f"crmkit {VERSION}")
        sys.exit(0)
    from crmkit.guard import guarded

    _leave(guarded(sys.argv[1:]))


def _leave(status: int) -> NoReturn:
    """End with `status`: all is done and said, and neither a signal nor a library may belie it now."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if status:
        # PyArrow may still be reading: its threads abort the process when Python is taken down under them.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    main()
