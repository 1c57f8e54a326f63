"""The catalogue: implementations with a mistake that people really make, each a `Textbook` with one step changed.

MISTAKES has them by name, as far as networks of floating-point numbers show them; ON_INTEGERS those that only arrays of
integers do. FORMS has, by the same names, the other forms of a mistake: it is called by the mistake's name too.
"""

from __future__ import annotations

from types import ModuleType

from backproof.mistakes import activations, forms, gradients, hidden, outputs, state
from backproof.mistakes.textbook import Textbook


def _defined_in(module: ModuleType) -> dict[str, type[Textbook]]:
    """The mistakes that a module defines, in its order."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
    }


ON_INTEGERS: dict[str, type[Textbook]] = {"OutputsOfInputType": state.OutputsOfInputType}

MISTAKES: dict[str, type[Textbook]] = {
    name: mistake
    for module in (activations, outputs, hidden, gradients, state)
    for name, mistake in _defined_in(module).items()
    if name not in ON_INTEGERS
}


def name_of(kind: type[Textbook]) -> str:
    """What a mistake is called: a form of one as that; whatever else by its own name."""
    return next((each.__name__ for each in kind.__mro__ if MISTAKES.get(each.__name__) is each), kind.__name__)


FORMS: dict[str, list[type[Textbook]]] = {name: [] for name in MISTAKES}
for _form in _defined_in(forms).values():
    FORMS[name_of(_form)].append(_form)


def variants(mistake: type[Textbook]) -> list[tuple[type[Textbook], float | None]]:
    """A mistake and its other forms, each with every number that people choose; None where it has none."""
    forms = (mistake, *FORMS.get(mistake.__name__, ()))
    return [(form, strength) for form in forms for strength in form.strengths or (None,)]
