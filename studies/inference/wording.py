"""What was found out about an implementation, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from backproof.studies.inference.followed import FOLLOWED, NONE, LossFollowed, say_power
from backproof.verification.wording import conjoin


def say_inconsistencies(
    losses: Sequence[LossFollowed], function_at_0: float | None, slope_at_0: float | None
) -> list[str]:
    """What does not belong together."""
    said = [
        *map(_say_wrong, _grouped(losses)),
        *(f"{what} ({name})" for name, what in _mistakes(losses).items()),
        _say_slopes_at_0(function_at_0, slope_at_0),
    ]
    return [sentence for sentence in said if sentence]


def _mistakes(losses: Sequence[LossFollowed]) -> dict[str, str]:
    """What gives the gradients that follow nothing, each mistake once."""
    return {name: what for found in losses for name, what in found.mistakes.items()}


def say_no_gradient(there: bool) -> str:
    """That nothing can be said of gradients. there: whether there is a function that gives some."""
    why = "backward declines every network that was tried" if there else "there is no function backward"
    return f"No gradient was seen: {why}."


def _grouped(losses: Sequence[LossFollowed]) -> list[tuple[list[str], LossFollowed]]:
    """What was asked for, together where it comes to the same."""
    groups: dict[tuple[object, ...], list[LossFollowed]] = {}
    for found in losses:
        key: tuple[object, ...] = (found.value, found.gradient)
        if {found.value, found.gradient} <= {found.asked, None}:
            key = ("right",)
        elif NONE in key:
            key = (found.value == NONE, found.gradient == NONE)
        groups.setdefault(key, []).append(found)
    return [([found.asked for found in group], group[0]) for group in groups.values()]


def _say_wrong(group: tuple[list[str], LossFollowed]) -> str:
    """What is inconsistent about value and gradient, if anything."""
    names, found = group
    asked = f"asked for {conjoin(names)}" if len(names) < 4 else f"asked for any of {len(names)} losses"
    if {found.value, found.gradient} <= {found.asked, None}:
        return ""
    if NONE in (found.value, found.gradient):
        which = " and ".join(
            what
            for what, followed in (("the value", found.value), ("the gradient", found.gradient))
            if followed == NONE
        )
        return f"{asked.capitalize()}, {which} follow{'' if ' and ' in which else 's'} {NONE}."
    if found.gradient and NONE in found.gradient:
        return f"{asked.capitalize()}, the gradient follows {found.gradient}."
    if found.value and found.gradient and found.value != found.gradient:
        return (
            f"{asked.capitalize()}, the value follows {found.value} and the gradient follows {found.gradient}: the "
            f"gradient does not belong to the value{_say_ratio(found.value, found.gradient)}."
        )
    if len(names) == 1:
        return f"{asked.capitalize()}, it follows {found.value or found.gradient}."
    return ""


def _say_ratio(value: str, gradient: str) -> str:
    """How much larger the value is than the loss that the gradient belongs to, where that is a factor."""
    by_name = {followed.name: followed for followed in FOLLOWED}
    if value not in by_name or gradient not in by_name or by_name[value].kind != by_name[gradient].kind:
        return ""
    v, g = by_name[value], by_name[gradient]
    powers = say_power("n", v.samples - g.samples) + say_power("k", v.outputs - g.outputs)
    return f", which is that loss times {Fraction(v.factor / g.factor)}{powers}"


def _say_slopes_at_0(function: float | None, backward: float | None) -> str:
    """Where the two slopes at 0 are not one."""
    if function is None or backward is None or function == backward:
        return ""
    return f"relu_prime(0) is {function:g}, and backward multiplies by {backward:g} there."


def say_findings(
    losses: Sequence[LossFollowed],
    shapes: tuple[str | None, str | None],
    slopes: dict[str, str],
    function_at_0: float | None,
    slope_at_0: float | None,
    step: str | None,
    *,
    biases: bool,
) -> list[str]:
    """What else was found, in sentences."""
    found = []
    right = [each.asked for each in losses if {each.value, each.gradient} <= {each.asked, None}]
    if right:
        found.append(f"What it is asked for, it follows: {', '.join(right)}.")
    for names, each in _grouped(losses):
        followed = each.value or each.gradient
        if (
            len(names) > 1
            and followed != each.asked
            and NONE not in (followed or NONE)
            and {each.value, each.gradient} <= {followed, None}
        ):
            found.append(f"Whichever of {len(names)} losses it is asked for, it follows {followed}.")
    wanted = dict.fromkeys(shape for shape in shapes if shape)
    found += [f"Arrays: {shape}." for shape in wanted]
    for what in dict.fromkeys(what for each in losses for what in each.but_for):
        asked = [each.asked for each in losses if what in each.but_for]
        found.append(f"Asked for {conjoin(asked)}, it {what}: that is no mistake.")
    if not biases:
        found.append("It has no biases: those that it is given change nothing, and their gradients are 0.")
    if function_at_0 is not None or slope_at_0 is not None:
        found.append(f"The slope of a ReLU at 0 is {slope_at_0 if function_at_0 is None else function_at_0:g}.")
    found += [f"{name} is a function of {argument}." for name, argument in slopes.items()]
    if step:
        found.append(f"A step {step} gradients." if step != NONE else f"A step does {NONE}.")
    return found
