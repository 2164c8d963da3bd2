"""`python -m consumer.local up|down|wipe|status`: the local stack without the rest of the program."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from consumer.local.errors import LocalStackError
from consumer.local.stack import LocalStack, default_home


def main(arguments: list[str]) -> int:
    """Runs one command; 0 done, 2 usage, 4 it could not be done."""
    stack = LocalStack(default_home(), _say)
    try:
        match arguments:
            case ["up"]:
                addresses = stack.up()
                sys.stdout.write(f"{json.dumps(asdict(addresses))}\n")
            case ["down"]:
                stack.down()
            case ["wipe"]:
                stack.wipe()
            case ["status"]:
                sys.stdout.write(f"{json.dumps(asdict(stack.status()))}\n")
            case _:
                sys.stderr.write("usage: python -m consumer.local up|down|wipe|status\n")
                return 2
    except LocalStackError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
