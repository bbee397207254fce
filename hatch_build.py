"""Puts the built page into the wheel.

``CYTOSOL_SKIP_WEB=1`` leaves it out: the server then says that the page is not built.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent / "scripts"))
import build_web


class WebBuildHook(BuildHookInterface):
    """Builds ``web/`` before the wheel is packed, unless it is built already."""

    def _is_needed(self) -> bool:
        return os.environ.get("CYTOSOL_SKIP_WEB", "") in {"", "0"} and not build_web.is_current()

    def dependencies(self) -> list[str]:
        """Ask for Node only where the page has to be built."""
        return [build_web.NODE_REQUIREMENT] if self._is_needed() and build_web.has_sources() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page for a wheel; an editable install takes it from the tree."""
        if self.target_name != "wheel" or version == "editable" or not self._is_needed():
            return
        if not build_web.has_sources():
            self.app.display_warning("The page is neither built nor are its sources here: this wheel has no page")
            return
        try:
            build_web.build()
        except build_web.WebError as error:
            self.app.abort(f"{error}. CYTOSOL_SKIP_WEB=1 makes a wheel without the page.")
