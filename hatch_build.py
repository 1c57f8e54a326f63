"""How the package is built: the rooms, which lie side by side here, are installed inside of the package `backproof`."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Rooms(BuildHookInterface[Any]):
    """Puts every room into wheels as backproof/<room>; an editable install reaches them where they are.

    How it does so is said in src/backproof/__init__.py.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the rooms to what the wheel consists of."""
        if version != "editable":
            build_data["force_include"] |= {room: f"backproof/{room}" for room in self.config["rooms"]}
