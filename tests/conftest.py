"""The same surroundings for every test: no deadline (speed is measured elsewhere), no colours, no terminal, English."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# At home examples are random, so that they are always others; in CI the same each time, so that a change is judged by
# what it changes. What a random run finds becomes a test of its own. The default suite takes thirty examples of a
# property; "length" takes hypothesis' own hundred, beside the slow tests.
settings.register_profile(
    "home", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("home"), derandomize=True, print_blob=True)
settings.register_profile("length", settings.get_profile("ci"), max_examples=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "home"))
os.environ["_TYPER_FORCE_DISABLE_TERMINAL"] = "1"  # read by typer when it is imported

# With nohup, or in the background of a script, the tests would ignore what some of them are about.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the developer's shell that would change what is printed."""
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "PY_COLORS", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRMKIT_NO_CONFIG", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")  # a Chinese desktop would be answered in Chinese
