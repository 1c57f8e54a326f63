"""Text and pages from templates: what all of them have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jinja2

ROOM = "backproof.reports"


def template(package: str, name: str, **filters: Callable[..., Any]) -> jinja2.Template:
    """The template of that name in the folder `templates` of a package, which may use those of this room.

    What it inserts is escaped in pages. An unknown name in it is an error.
    """
    environment = _environment(package, name.endswith(".html.j2"))
    environment.filters |= filters
    return environment.get_template(name)


@functools.cache
def _environment(package: str, escapes: bool) -> jinja2.Environment:
    """What reads a package's templates, each once."""
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(each) for each in dict.fromkeys((package, ROOM))]),
        autoescape=escapes,  # noqa: S701 (what is no page is escaped where it is written)
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
