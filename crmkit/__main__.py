"""`crmkit` and `python -m crmkit`: the one catch around everything."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and end with its exit status, whatever happens."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from crmkit._version import VERSION

        print(f"crmkit {VERSION}")
        sys.exit(0)
    from crmkit.guard import guarded

    sys.exit(guarded(sys.argv[1:]))


if __name__ == "__main__":
    main()
