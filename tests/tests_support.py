"""Small things several tests share."""

import time
from typing import Any

_now = time.time


def later(monkeypatch: Any, *, minutes: float) -> None:
    """Let the clock that sessions are measured by stand ``minutes`` from now."""
    monkeypatch.setattr("accounts.middleware.time.time", lambda: _now() + 60 * minutes)
