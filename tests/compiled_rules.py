"""`pytest -p tests.compiled_rules`: this run tests the compiled rules (`make test-compiled`)."""

from __future__ import annotations

from consumer.compiled import prefer_compiled, rules

prefer_compiled()
if rules() != "compiled":  # which imports them, before pytest puts the sources first on the import path
    raise RuntimeError("no build of these sources: `make compile` makes one")
