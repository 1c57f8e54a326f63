"""No wrong way passes a default verification, and no right way is called wrong; `ways/` has the files of every kind.

The right ways on many more networks: `python -m tests.verification.ways --help`.
"""

from pathlib import Path

import pytest

import backproof
from backproof.oracles.case import KINDS
from tests.verification.ways.__main__ import shares
from tests.verification.ways.judging import FOLDER, RIGHT, can_be_imported, packages, verify_by_command

# Of each kind, what is wrong, and the function by which it must be found.
FOUND_BY = {
    "state": {
        "cache_of_the_last_forward": "backward",
        "first_learning_rate": "gradient_descent_step",
        "gradients_added_up": "backward",
        "gradients_by_inputs_alone": "backward",
        "learning_rate_decays": "gradient_descent_step",
        "loss_of_the_last_prediction": "loss",
        "momentum": "gradient_descent_step",
        "outputs_by_identity": "forward",
        "outputs_by_inputs_alone": "forward",
        "outputs_by_shape": "forward",
        "weights_transposed_once": "forward",
    },
    "order": {
        "activations_of_the_last_forward": "backward",
        "forward_must_come_first": "backward",
        "loss_before_backward": "backward",
        "mask_of_the_last_relu": "relu_prime",
        "precision_of_earlier_calls": "backward",
        "same_inputs_object": "backward",
        "slope_after_sigmoid": "sigmoid_prime",
        "step_after_backward": "gradient_descent_step",
        "tanh_prime_toggles": "tanh_prime",
    },
    "aliasing": {
        "arguments_changed_at_the_next_call": "forward",
        "biases_of_the_step_in_a_buffer": "gradient_descent_step",
        "gradients_in_a_work_array": "backward",
        "one_array_for_equal_layers": "backward",
        "outputs_in_a_buffer": "forward",
        "sigmoid_in_a_buffer": "sigmoid",
        "step_changes_the_last_weights": "gradient_descent_step",
        "step_uses_the_gradients_memory": "gradient_descent_step",
    },
    "lists": {
        "appends_to_biases": "forward",
        "assigns_in_the_step": "gradient_descent_step",
        "clears_gradients": "gradient_descent_step",
        "counts_layers_from_one": "forward",
        "gradients_in_place_of_biases": "backward",
        "pops_weights": "backward",
        "reverses_activations": "backward",
        "sorts_activations": "forward",
    },
    "seldom": {
        "another_dtype": "loss",
        "changes_its_arguments": "backward",
        "declines": "backward",
        "forgets_a_layer": "backward",
        "nan": "backward",
        "raises": "backward",
        "returns_nothing": "forward",
        "steps_the_parameters_themselves": "gradient_descent_step",
        "steps_twice": "gradient_descent_step",
        "wrong_shape": "backward",
    },
    "ends": {
        "at_the_500th_call": "backward",
        "by_a_signal": "gradient_descent_step",
        "by_an_interruption": "loss",
        "never": "backward",
        "waiting_for_itself": "forward",
    },
    "large": {
        "blocks_of_64_columns": "forward",
        "clips_inputs": "forward",
        "first_32_samples": "backward",
        "mean_over_32_samples": "loss",
        "raises_at_9_layers": "forward",
        "single_precision_above_10000": "forward",
        "softmax_over_64": "forward",
        "step_of_64_rows": "gradient_descent_step",
        "stops_at_8_layers": "backward",
    },
    "corner": {
        "clipped_norm": "backward",
        "clipped_quotient": "backward",
        "dead_layers": "backward",
        "label_of_one_half": "loss",
        "labels_outside": "backward",
        "learning_rate_above_one": "gradient_descent_step",
        "learning_rate_of_zero": "gradient_descent_step",
        "least_probability": "loss",
        "loss_of_zero": "loss",
        "negative_learning_rate": "gradient_descent_step",
        "negative_zero": "relu_prime",
        "repeated_samples": "backward",
        "subnormal": "relu_prime",
        "ties": "softmax",
    },
    "arrays": {
        "first_of_many": "sigmoid",
        "memory_order": "sigmoid",
        "rows_and_columns": "sigmoid",
        "strides": "forward",
    },
    "hides": {
        "behind_equality": "backward",
        "changes_what_owns_its_memory": "backward",
        "entries_in_a_mask": "backward",
        "every_error": "backward",
        "leaves_an_error_state": "backward",
        "restores_what_is_writable": "backward",
        "rounding_at_random": "backward",
    },
}

# What these do is no mistake, and told as what it is: right, but for it.
DIFFERENCES = ("corner_clipped_quotient", "corner_least_probability", "large_single_precision_above_10000")

# Judged in a process of their own, which some of them end, and others never.
ENDS = [f"ends_{name}" for name in FOUND_BY["ends"]]
WRONG = {f"{kind}_{name}": function for kind, found in FOUND_BY.items() for name, function in found.items()}

# One of each kind that a tenth of the networks shows as well; of large networks there are too few.
SOON = [
    "state_gradients_by_inputs_alone",
    "order_precision_of_earlier_calls",
    "order_same_inputs_object",
    "aliasing_outputs_in_a_buffer",
    "lists_pops_weights",
    "seldom_raises",
    "corner_least_probability",
    "arrays_first_of_many",
    "hides_changes_what_owns_its_memory",
]
SOON_RIGHT = ["right_in_place_on_copies", "right_norm_squared", "right_read_only", "right_tuples"]
FEW = 100

# One oracle and dtype take a quarter of the time of the default, and show all but what needs several dtypes.
ALONE = {"oracles": ("torch",), "dtypes": ("float64",)}
DTYPES_TOGETHER = ("seldom_another_dtype", "order_precision_of_earlier_calls")


def verified(name: str, out: Path, **settings):
    return backproof.verify(str(FOLDER / f"{name}.py"), out=out, **settings)


def failing(report) -> set[str]:
    """The kinds of quantities that disagree somewhere."""
    return {outcome.quantity for outcome in report.quantities if outcome.failures}


def test_every_file_is_of_a_kind():
    """Nothing lies there that no test looks at."""
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "__main__", "honest", "judging"}
    assert files == {*WRONG, *(way.stem for way in RIGHT)}
    assert all(len(found) >= 4 for found in FOUND_BY.values())
    assert len(WRONG) >= 45
    assert len(RIGHT) >= 41


def test_shares():
    """All networks are shared out, and nearly evenly."""
    assert shares(10, 4) == [2, 3, 2, 3]
    assert sum(shares(1_000_000, 87)) == 1_000_000


@pytest.mark.parametrize("name", SOON)
def test_wrong_soon(name, tmp_path):
    """One of each kind, on few networks."""
    report = verified(name, tmp_path, networks=FEW)
    assert report.verdict == ("agree but for" if name in DIFFERENCES else "disagree")
    assert failing(report) & {*KINDS[WRONG[name]]}


@pytest.mark.parametrize("name", SOON_RIGHT)
def test_right_soon(name, tmp_path):
    """Some right ones, on few networks."""
    assert verified(name, tmp_path, networks=FEW).verdict == "agree"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "right_softmax_by_logsumexp" else pytest.mark.long)
        for name in (way.stem for way in RIGHT)
        if any(function in name for function in ("softmax", "sigmoid", "loss", "activations", "math", "torch"))
    ],
)
def test_right_leniently(name, tmp_path):
    """Who grants more grants no less: elementary functions written otherwise, where they are far from 0."""
    if not can_be_imported(FOLDER / f"{name}.py"):
        pytest.skip(f"{' or '.join(sorted(packages(FOLDER / f'{name}.py')))} is not installed")
    report = verified(name, tmp_path, networks=FEW, profile="saturated", grade="lenient", oracles=("torch",))
    assert report.verdict == "agree", report.summary


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in WRONG if name not in ENDS])
def test_wrong(name, tmp_path):
    """All of them, on as many networks as by default."""
    report = verified(name, tmp_path, **({} if name in DTYPES_TOGETHER else ALONE))
    assert report.verdict == ("agree but for" if name in DIFFERENCES else "disagree")
    assert failing(report) & {*KINDS[WRONG[name]]}


@pytest.mark.long
@pytest.mark.parametrize("name", ENDS)
def test_ends(name, tmp_path):
    """What ends the process, or never comes back, is found by the default command."""
    assert verify_by_command(FOLDER / f"{name}.py", tmp_path).verdict == "disagree"


@pytest.mark.long
@pytest.mark.parametrize("way", RIGHT, ids=lambda way: way.stem)
def test_right(way, tmp_path):
    """All of them, on as many networks as by default."""
    if not can_be_imported(way):
        pytest.skip(f"{' or '.join(sorted(packages(way)))} is not installed")
    report = verified(way.stem, tmp_path, **ALONE)
    assert report.verdict == "agree", report.summary
