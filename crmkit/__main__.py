"""`crmkit` and `python -m crmkit`: what is settled before anything is imported, and then the work."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def _work() -> int:
    from crmkit.process.exit_status import guarded

    return guarded(sys.argv[1:])


def main() -> NoReturn:
    """Run the command line and end with its exit status, whatever happens."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from crmkit._version import VERSION

        print(f"crmkit {VERSION}")
        sys.exit(0)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is someone to catch an interruption
    from crmkit.process import supervisor
    from crmkit.system import descriptors, memory

    descriptors.occupy_standard()
    memory.spare_threads()
    memory.settle_allocators()
    supervisor.refuse_little_memory(sys.argv[1:])
    sys.exit(supervisor.supervised(_work, sys.argv[1:]))


if __name__ == "__main__":
    main()
