"""Keep the screens and option lists of the documentation true.

A line `<!-- run: crmkit … -->` is followed by a fenced block with what that command prints, and
`<!-- options: NAME -->` by the list of the command's own options. A line `<!-- python -->` is followed
by code and what it prints; the code of a page is one program. `<!-- file: NAME -->` is followed by a
small file, which commands that name it read. `<!-- picture: NAME.svg: crmkit … -->` stands before a picture beside the page, which
the command draws. This script rewrites the blocks and the pictures:

    python docs/refresh.py            rewrite
    python docs/refresh.py --check    say which pages are out of date, and end with status 1

Names of pages after these (`docs/rfm.md`) keep it to those. What the surroundings say of language, zone, width and
colours does not reach the commands: everybody gets the same screens.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(<!-- (run|options): (.+?) -->\n)(?:```text\n.*?```\n)?", re.DOTALL)

_CODE = re.compile(r"(<!-- python -->\n```python\n(.*?)```\n)(?:```text\n.*?```\n)?", re.DOTALL)
_FILE = re.compile(r"<!-- file: (\S+) -->\n```(?:csv|toml)\n(.*?)```\n", re.DOTALL)
_PICTURE = re.compile(r"<!-- picture: (\S+\.svg): (crmkit .+?) -->")
_NEXT = "\0"
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")  # all else of the environment is set here
_PLAIN = {
    "PYTHONPATH": str(ROOT),
    "PYTHONUTF8": "1",
    "TERM": "dumb",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "CRMKIT_NO_CONFIG": "1",
}
# Help hides the options of Spark where PySpark is not installed: here it never is.
_CRMKIT = "import sys; sys.modules['pyspark'] = None; from crmkit.__main__ import main; sys.exit(main())"


def pages() -> list[Path]:
    """The README in both languages, and every page of the docs."""
    return [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").glob("*.md"))]


def refreshed(text: str, pool: ThreadPoolExecutor) -> str:
    """The page with every block as it should be now."""
    files = dict(_FILE.findall(text))
    with TemporaryDirectory() as folder:
        for name, rows in files.items():
            (Path(folder) / name).write_text(rows, encoding="utf-8")
        made = pool.map(lambda match: _content(match[2], match[3], files, folder), _BLOCK.finditer(text))
        blocks = iter(list(made))
    text = _BLOCK.sub(lambda match: f"{match[1]}```text\n{next(blocks)}```\n", text)
    printed = iter(_printed([match[2] for match in _CODE.finditer(text)]))
    return _CODE.sub(lambda match: f"{match[1]}{_as_text(next(printed))}", text)


def _as_text(printed: str) -> str:
    return f"```text\n{printed}```\n" if printed else ""


def drawn(page: Path, text: str) -> list[tuple[Path, str]]:
    """The pictures of a page, as they should be now."""
    found = []
    for match in _PICTURE.finditer(text):
        with TemporaryDirectory() as folder:
            made = Path(folder) / "picture.svg"
            _run(f"{match[2]} --quiet --plot {shlex.quote(str(made))}")
            found.append((page.parent / match[1], made.read_text(encoding="utf-8")))
    return found


def _printed(blocks: list[str]) -> list[str]:
    """What each block of a program prints."""
    if not blocks:
        return []
    program = f"print({_NEXT!r}, end='')\n".join(blocks)
    lines = _run_plainly([sys.executable, "-c", program], "the code of a page").split(_NEXT)
    return ["".join(f"{row.rstrip()}\n" for row in block.splitlines()) for block in lines]


def _content(kind: str, argument: str, files: dict[str, str], folder: str) -> str:
    if kind == "options":
        return _options(argument)
    return _run(argument, Path(folder) if files.keys() & {*shlex.split(argument)} else ROOT)


def _run(line: str, folder: Path = ROOT) -> str:
    words = shlex.split(line)
    command = [sys.executable, "-c", _CRMKIT, *words[1:]] if words[0] == "crmkit" else words
    printed = _run_plainly(command, line, folder)
    return f"$ {line}\n" + "".join(f"{row.rstrip()}\n" for row in printed.splitlines())


def _run_plainly(command: list[str], name: str, folder: Path = ROOT) -> str:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _PLAIN
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    return done.stdout


def _options(command: str) -> str:
    """The options that are the command's own, as its help gives them."""
    return _run(f"crmkit {command} --help").split("\n", 1)[1]


def main() -> int:
    """Rewrite the pages, or check them."""
    check = "--check" in sys.argv
    named = {Path(word).resolve() for word in sys.argv[1:] if word != "--check"}
    some = [page for page in pages() if not named or page in named]
    # A screen mostly waits for imports, so two a processor run at once: those of all pages wait for one pool.
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as screens, ThreadPoolExecutor(len(some)) as each:
        old = list(each.map(lambda page: page.read_text(encoding="utf-8"), some))
        new = list(each.map(lambda text: refreshed(text, screens), old))
    stale = [(page, text) for page, was, text in zip(some, old, new, strict=True) if text != was]
    pictures = [one for page, text in zip(some, old, strict=True) for one in drawn(page, text)]
    stale += [(path, now) for path, now in pictures if not path.exists() or path.read_text("utf-8") != now]
    for page, text in stale:
        if not check:
            page.write_text(text, encoding="utf-8")
        print(("out of date: " if check else "rewrote ") + str(page.relative_to(ROOT)))
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
