"""Measure the cases and print one Markdown table."""

from __future__ import annotations

import argparse
import fnmatch
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks import data, envs
from benchmarks.cases import CASES, CRMKIT, Case
from benchmarks.measure import ROOT, Cost, FailedError, median, run

OURS = "crmkit"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", default=["*"], help="names or patterns such as 'rfm-*' (all)")
    parser.add_argument("--list", action="store_true", help="list the cases and stop")
    parser.add_argument("--runs", type=int, default=5, help="runs of each, taken in turns (5)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="multiply all sizes, 0.05 for a quick look (1)"
    )
    parser.add_argument(
        "--limit", type=float, default=1800, help="seconds after which a run is given up (1800)"
    )
    parser.add_argument("--only", nargs="*", help="these contenders only, such as crmkit DuckDB")
    return parser.parse_args()


class Contest:
    """The contenders of one case, each with its command, its export and what its runs cost."""

    def __init__(self, case: Case, options: argparse.Namespace) -> None:
        self.case, self.options = case, options
        self.source = data.make(case.data.scaled(options.scale)) if case.data else Path()
        self.outputs: dict[str, Path] = {}
        self.commands: dict[str, list[str]] = {}
        self.costs: dict[str, list[Cost]] = {}
        self.notes: list[str] = []
        for name, make in {OURS: case.ours, **case.peers}.items():
            output = data.FOLDER / f"out-{name.lower()}.parquet"
            if options.only and name not in options.only:
                continue
            if command := make(str(self.source), str(output)):
                self.commands[name], self.outputs[name] = command, output

    def rehearse(self) -> None:
        """One run of each that is not counted: caches warm, bytecode compiled, exports compared."""
        for name in list(self.commands):
            self.outputs[name].unlink(missing_ok=True)
            try:
                run(self.commands[name], limit=self.options.limit)
            except FailedError as failure:
                self.notes.append(f"{name}: {failure}")
                del self.commands[name], self.outputs[name]
        if self.case.model:
            fits = [str(path.with_suffix(".json")) for path in self.outputs.values()]
            self._compare("--model", self.case.model, "--", str(self.source), *fits)
        elif self.case.same and len(self.outputs) > 1:
            self._compare(*self.case.same, "--", *map(str, self.outputs.values()))

    def _compare(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "benchmarks.check", *arguments]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        text = said.stdout.strip() or said.stderr.strip()[-300:]
        if said.returncode or text:
            self.notes.append(f"NOT EQUAL: {text}" if said.returncode else text)

    def measure(self) -> None:
        """All contenders in turns, so that a noisy minute hits everyone."""
        for _ in range(self.options.runs * self.case.many):
            for name, command in self.commands.items():
                try:
                    self.costs.setdefault(name, []).append(run(command, limit=self.options.limit))
                except FailedError as failure:
                    self.notes.append(f"{name}: {failure}")

    def rows(self) -> list[str]:
        """Lines of the table: each contender's medians and crmkit's as a part of them."""
        medians = {name: median(costs) for name, costs in self.costs.items()}
        lines = []
        for name, cost in medians.items():
            parts = ["", "", ""]
            if name != OURS and OURS in medians:
                parts = [f"{mine / theirs:.2f}" for mine, theirs in zip(medians[OURS], cost, strict=True)]
            figures = [f"{cost.cpu:.3f}", f"{cost.wall:.3f}", f"{cost.memory:,.0f}", *parts]
            lines.append(f"| {self.case.title} | {name} | {' | '.join(figures)} |")
        return lines


def available(case: Case) -> bool:
    """Whether this crmkit has the command yet."""
    words = [word for word in case.ours("", "") if word]
    if tuple(words[: len(CRMKIT)]) != CRMKIT:
        return True
    command = words[len(CRMKIT)]
    question = [*CRMKIT, command, *([] if command.startswith("-") else ["--help"])]
    return subprocess.run(question, cwd=ROOT, capture_output=True).returncode == 0


def machine(used: set[str]) -> list[str]:
    """What the figures were taken on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    lines = [
        f"- {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f} at the end",
        f"- crmkit {commit.stdout.strip()}, Python {platform.python_version()}",
    ]
    return lines + [f"- {name}: {envs.versions(name)}" for name in sorted(used)]


def main() -> int:
    options = arguments()
    chosen = [case for case in CASES if any(fnmatch.fnmatch(case.name, wanted) for wanted in options.cases)]
    if options.list or not chosen:
        print("\n".join(f"{case.name:32} {case.title}" for case in chosen or CASES))
        return not chosen
    notes = [] if options.scale == 1 else [f"all sizes multiplied by {options.scale:g}"]
    print("| what | who | CPU s | wall s | peak MB | crmkit/CPU | crmkit/wall | crmkit/peak |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for case in chosen:
        contest = Contest(case, options)
        if OURS in contest.commands and not available(case):
            notes.append(f"{case.title}: this crmkit has no such command")
            del contest.commands[OURS], contest.outputs[OURS]
        contest.rehearse()
        contest.measure()
        for line in contest.rows():
            print(line, flush=True)
        notes += [f"{case.title}: {note}" for note in contest.notes]
    used = {name for name in envs.ENVS if (envs.FOLDER / name / "ready").exists()}
    print()
    print("\n".join([f"- {note}" for note in notes] + machine(used)))
    return any("NOT EQUAL" in note for note in notes)


if __name__ == "__main__":
    sys.exit(main())
