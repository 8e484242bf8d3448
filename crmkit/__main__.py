"""`crmkit` and `python -m crmkit`: the one catch around everything."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and end with its exit status, whatever happens."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from crmkit._version import VERSION

        print(f"crmkit {VERSION}")
        sys.exit(0)
    from crmkit.guard import guarded

    status = guarded(sys.argv[1:])
    # The work is done and said to be: a signal that comes while Python tidies up would belie that.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(status)


if __name__ == "__main__":
    main()
