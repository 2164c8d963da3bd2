"""`pytest -p tests.compiled_modules`: this run tests the compiled modules (`make test-compiled`)."""

from __future__ import annotations

from consumer.compiled import code, prefer_compiled

prefer_compiled()
if code() != "compiled":  # which imports them, before pytest puts the sources first on the import path
    raise RuntimeError("no build of these sources: `make compile` makes one")
