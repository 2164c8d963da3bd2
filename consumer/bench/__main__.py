"""`python -m consumer.bench`: throughput, latency, hop, hot-customer, customers, decide, simulate, or all."""

from __future__ import annotations

import sys

from consumer.compiled import prefer_compiled


def main() -> int:
    """Measures compiled modules where they are built; the first line says which."""
    prefer_compiled()
    from consumer.bench import measuring  # imports the rules

    return measuring.main()


if __name__ == "__main__":
    sys.exit(main())
