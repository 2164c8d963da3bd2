"""`badges demo`"""

from __future__ import annotations

from consumer.cli.options import Overrides
from consumer.cli.output import message_console


def demo(overrides: Overrides = None) -> None:
    """Show the whole job on real purchases, from starting the servers to a summary. Safe to repeat."""
    from rich.console import Console

    from consumer.demo.run import Demo
    from consumer.settings import load_settings

    settings = load_settings(overrides or ())
    Demo(settings, overrides or (), message_console(), Console(highlight=False, emoji=False)).run()
