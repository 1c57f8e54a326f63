"""`verification.part` and `verification.records`: judged by the stack, the outcome is that of judging one by one."""

import numpy as np
import pytest

from backproof.mistakes.catalogue import MISTAKES
from backproof.mistakes.textbook import Textbook
from backproof.oracles.complex_step_oracle import ComplexStepOracle
from backproof.verification.campaign import Campaign, Progress
from backproof.verification.implementation import Implementation, as_implementation, load_implementation
from backproof.verification.judgement import judge
from backproof.verification.part import judge_part
from backproof.verification.records import QUANTITIES, SCHEMA, Rows

NETWORKS = 24


class Picky(Textbook):
    """Does not handle everything, raises, gives text: each on some networks."""

    def backward(self, weights, biases, x, y, activations, loss):
        if activations[-1] == "softmax":
            raise NotImplementedError("no softmax")
        if len(x) == 1:
            raise IndexError("too small")
        return super().backward(weights, biases, x, y, activations, loss)

    def relu(self, z):
        return "text" if z.shape[1] == 2 else super().relu(z)

    def tanh(self, z):
        return np.full_like(z, np.nan) if z.shape[1] == 3 else np.tanh(z)


class Partial:
    """Has some of the functions only."""

    sigmoid = staticmethod(lambda z: 1 / (1 + np.exp(-z)))
    relu_prime = staticmethod(lambda z: (z >= 0).astype(z.dtype))


class Turned(Textbook):
    """Gives arrays that are not in one piece, which is nobody's business."""

    def backward(self, *arguments):
        dW, db = super().backward(*arguments)
        return [np.asfortranarray(W) for W in dW], [np.repeat(b, 2)[::2] for b in db]


class FloatLoss(Textbook):
    """Gives the loss as a float, and a little too large: less than float32 could tell."""

    def loss(self, prediction, y, loss):
        return float(super().loss(prediction, y, loss)) * (1 + 3e-9)


class OnlyLoss:
    """Has the loss alone."""

    loss = staticmethod(Textbook().loss)


IMPLEMENTATIONS = {
    "reference_impl": load_implementation("backproof.reference_impl"),
    "picky": as_implementation(Picky()),
    "partial": as_implementation(Partial()),
    "turned": as_implementation(Turned()),
    "only loss": as_implementation(OnlyLoss()),
    "float loss": as_implementation(FloatLoss()),
    **{
        name: as_implementation(MISTAKES[name]())
        for name in ("HiddenDerivativeMissing", "ChangesInputs", "MatrixProductForElementwise", "Float32InTheMiddle")
    },
}


def part(implementation: Implementation, campaign: Campaign, oracles) -> list[dict]:
    """The rows of a campaign's only part."""
    (numbers,) = campaign.parts
    rows = Rows(campaign, numbers, campaign.draw(numbers))
    judge_part(rows, campaign, implementation, oracles, Progress())
    table = rows.table()
    assert table.schema == SCHEMA
    return table.to_pylist()


# Of these each tells of another way through; the rest takes long.
FEW = ("partial", "HiddenDerivativeMissing")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FEW else pytest.mark.long) for name in IMPLEMENTATIONS]
)
def test_the_same_as_one_by_one(name):
    """For every network, dtype and kind of quantity: verdict, counts, worst entry, cause."""
    # On some processors the last digit of PyTorch's answers depends on what else it answers at the same time.
    oracle = ComplexStepOracle()
    campaign = Campaign(networks=NETWORKS, oracles=(oracle.name,))
    rows = part(IMPLEMENTATIONS[name], campaign, [oracle])
    assert len(rows) == NETWORKS * 2 * len(QUANTITIES)
    cases = [case.cast(dtype) for case in campaign.draw(range(NETWORKS)) for dtype in campaign.dtypes]
    judgements = list(judge(cases, IMPLEMENTATIONS[name], [oracle]))
    for judgement, start in zip(judgements, range(0, len(rows), len(QUANTITIES)), strict=True):
        for row in rows[start : start + len(QUANTITIES)]:
            records = [record for record in judgement.records[oracle.name] if record.quantity.kind == row["quantity"]]
            verdicts = {record.verdict for record in records}
            expected = next(verdict for verdict in ("disagrees", "agrees", "unchecked") if verdict in verdicts)
            assert (row["case"], row["dtype"]) == (judgement.case.name, judgement.case.dtype)
            assert row["verdict"] == expected, row
            assert row["undecided"] == judgement.undecided
            for count in ("entries", "failures", "unchecked", "coarse", "finer"):
                assert row[count] == sum(getattr(record, count) for record in records), row
            wrong = {record.quantity.layer for record in records if record.verdict == "disagrees"} - {None}
            assert row["layers"] == sum(1 << (judgement.case.depth - layer) for layer in wrong)
            if expected == "unchecked":
                assert (row["index"], np.isnan(row["ratio"])) == (None, True)
                assert row["cause"] == records[0].cause
                continue
            ratios = [record.ratio for record in records if record.verdict == expected]
            assert np.isclose(row["ratio"], max(ratios), rtol=1e-6), row
            worst = next(record for record in records if record.quantity.layer == row["layer"])
            if row["index"] is not None and row["index"] != list(worst.index):
                continue  # two entries are off by as much, and the last digit of a bound chose
            assert row["index"] == (None if worst.index is None else list(worst.index))
            for value in ("got", "expected", "allowed"):
                assert np.isclose(row[value], getattr(worst, value), rtol=1e-6, equal_nan=True)
            if expected == "disagrees":
                assert (row["cause"], row["outside"]) == (worst.cause, worst.outside)


def test_an_implementation_with_a_memory(torch_oracle):
    """What it answered is judged, and not what it would answer when asked again."""

    class Forgetful(Textbook):
        def __init__(self):
            self.seen = set()

        def tanh(self, z):
            new = z.tobytes() not in self.seen
            self.seen.add(z.tobytes())
            return np.tanh(z) * (1.5 if new else 1)

    rows = part(as_implementation(Forgetful()), Campaign(networks=6, oracles=("torch",)), [torch_oracle])
    assert {row["verdict"] for row in rows if row["quantity"] == "tanh"} == {"disagrees"}


def test_attributed(torch_oracle):
    """Asked for, the certified values stand behind every comparison."""
    rows = part(
        IMPLEMENTATIONS["reference_impl"], Campaign(networks=6, oracles=("torch",), attribute=True), [torch_oracle]
    )
    assert {row["outside"] for row in rows if row["verdict"] == "agrees"} == {"neither"}
