"""Did the view's server lose anything by itself? It tells of restarts and of dropped keys; the markers
need not show them.
"""

from __future__ import annotations

from consumer.view_checks import view_reached
from state.view import Health, View


class ViewHealth:
    """What the server told last time, to compare."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._told: Health | None = None

    def lost_anything(self) -> bool:
        """Whether it tells something else than before. Raises Paused without an answer."""
        with view_reached():
            health = self._view.health()
        before, self._told = self._told, health
        return before is not None and before != health
