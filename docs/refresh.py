"""Keep the screens and option lists of the documentation true.

A line `<!-- run: crmkit … -->` is followed by a fenced block with what that command prints, and
`<!-- options: NAME -->` by the list of the command's own options. This script rewrites the blocks:

    python docs/refresh.py            rewrite
    python docs/refresh.py --check    say which pages are out of date, and end with status 1
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(<!-- (run|options): (.+?) -->\n)(?:```text\n.*?```\n)?", re.DOTALL)


def pages() -> list[Path]:
    """The README and every page of the docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def refreshed(text: str) -> str:
    """The page with every block as it should be now."""
    return _BLOCK.sub(lambda match: f"{match[1]}```text\n{_content(match[2], match[3])}```\n", text)


def _content(kind: str, argument: str) -> str:
    return _run(argument) if kind == "run" else _options(argument)


def _run(line: str) -> str:
    words = shlex.split(line)
    plain = {
        name: value
        for name, value in os.environ.items()
        if name not in ("FORCE_COLOR", "COLUMNS", "NO_COLOR")
    }
    environment = plain | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", *words] if words[0] == "crmkit" else words
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{line}: {done.stderr}")
    return f"$ {line}\n" + "".join(f"{row.rstrip()}\n" for row in done.stdout.splitlines())


def _options(command: str) -> str:
    """The options that are the command's own, as its help gives them."""
    return _run(f"crmkit {command} --help").split("\n", 1)[1]


def main() -> int:
    """Rewrite the pages, or check them."""
    stale = []
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = refreshed(old)
        if new != old:
            stale.append(page.relative_to(ROOT))
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8")
    for page in stale:
        print(("out of date: " if "--check" in sys.argv else "rewrote ") + str(page))
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
