"""Text and pages from templates: what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2

ROOM = "backproof.reports"


def template(package: str, name: str, **filters: Callable[..., Any]) -> jinja2.Template:
    """The template of that name in the folder `templates` of a package, which may use those of this room.

    What it inserts is escaped in pages. An unknown name in it is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(each) for each in dict.fromkeys((package, ROOM))]),
        autoescape=name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment.get_template(name)
