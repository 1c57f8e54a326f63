"""How the package is built: the conformance suite, a part of the tests here, is installed under a name of its own."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConformanceSuite(BuildHookInterface[Any]):
    """Puts tests/conformance into wheels as backproof_conformance; an editable install has it where it is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder to what the wheel consists of."""
        if version != "editable":
            build_data["force_include"]["tests/conformance"] = "backproof_conformance"
