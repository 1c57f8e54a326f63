"""Checks and points: who is blamed for what, and exactly how much it costs."""

from fractions import Fraction

import msgspec
import pytest

from backproof.grader.assignment import Assignment
from backproof.grader.checks import ORDINARY, SINGLE_PRECISION, Check, calls_of
from backproof.grader.scoring import once, say_points, score
from tests.grader.conftest import SMALL
from tests.grader.students import DB, FORWARD, OTHER, RIGHT, with_lines


def check(name, status="passed", kind="dW", worth=1, branches=("",), right=None):
    right = frozenset(branches if status == "passed" else ()) if right is None else frozenset(right)
    return Check("backward", kind, name, Fraction(worth), 10, (), status, branches, right)


def earned(checks, again=None, share=1):
    return [each.earned for each in score(checks, again, Fraction(share))]


class TestScore:
    """Points from verdicts."""

    def test_all_passed(self):
        assert earned([check(ORDINARY), check("zeros", worth=Fraction(1, 3))]) == [1, Fraction(1, 3)]

    def test_edges_count_where_ordinary_networks_are_right(self):
        """For the same part of the function."""
        checks = [check(ORDINARY, "failed"), check("zeros"), check(ORDINARY, kind="db"), check("zeros", kind="db")]
        assert earned(checks) == [0, 0, 1, 1]

    def test_an_edge_fails_alone(self):
        assert earned([check(ORDINARY), check("zeros", "failed"), check("integers")]) == [1, 0, 1]

    def test_what_was_not_checked_earns_nothing(self):
        assert earned([check(ORDINARY), check("zeros", "not checked")]) == [1, 0]

    def test_each_branch_earns_its_share(self):
        """Also of the edges, as far as these have it, and where it is right on ordinary networks."""
        ordinary = check(ORDINARY, "failed", branches=("a", "b", "c"), right="ac")
        edges = [
            check("zeros", branches=("a", "b", "c")),
            check("soft labels", branches=("b", "c")),
            check("integers", "failed", branches=("a", "b"), right="b"),
        ]
        third = Fraction(1, 3)
        assert earned([ordinary, *edges]) == [2 * third, 2 * third, Fraction(1, 2), 0]

    def test_follow_through_of_a_branch(self):
        """One branch is right as it is, one with right functions in the place of wrong ones, and one is not."""
        checks = [check(ORDINARY, "failed", branches=("a", "b", "c"), right="a")]
        again = [check(ORDINARY, "failed", branches=("a", "b", "c"), right="ab")]
        assert earned(checks, again, Fraction(1, 2)) == [Fraction(1, 2)]
        assert score(checks, again, Fraction(1, 2))[0].followed

    def test_once(self):
        """What has cost its points elsewhere earns what it lacks."""
        scored = score([check(ORDINARY, "failed", branches=("a", "b"), right="a"), check("zeros")], None, Fraction(1))
        assert [each.earned for each in once(scored, Fraction(1))] == [1, 1]
        assert [each.followed for each in once(scored, Fraction(1))] == [True, False]

    @pytest.mark.parametrize("share", [0, Fraction(1, 2), 1])
    def test_follow_through(self, share):
        """What is right with right functions in the place of wrong ones earns a part."""
        checks = [check(ORDINARY, "failed"), check("zeros", "failed"), check("integers", "failed")]
        again = [check(ORDINARY), check("zeros", "failed"), check("integers")]
        assert earned(checks, again, share) == [share, 0, share]

    def test_words(self):
        assert [say_points(Fraction(n, 3)) for n in (0, 1, 3, 20)] == ["0", "0.33", "1", "6.67"]


def test_the_worth_of_checks_is_exact(judge_text):
    """The points of a function, to the last fraction, whatever number of edges they are shared out to."""
    grades = judge_text(RIGHT)
    for function, grade in grades.items():
        assert sum(Fraction(check.exact_points) for check in grade.checks) == SMALL.points_of(function)
        ordinary = sum(Fraction(check.exact_points) for check in grade.checks if check.name.endswith(ORDINARY))
        assert ordinary == SMALL.points_of(function) * Fraction(3, 5)


def test_every_function_is_asked_about_every_network(small_key):
    """In the first dtype; and in the second about all but those of integers."""
    integers = sum(network.edge == "integers" for network in small_key.networks)
    for function in SMALL.functions:
        calls = list(calls_of(SMALL, small_key, function))
        assert len(calls) == 2 * len(small_key.networks) - integers
        assert {call.check for call in calls} == {ORDINARY, SINGLE_PRECISION, *SMALL.edges_of(function)}


class TestBlame:
    """One mistake costs once."""

    def lost(self, grades):
        return {
            name: grade.max_points - grade.points for name, grade in grades.items() if grade.points < grade.max_points
        }

    def test_a_wrong_function_that_others_call(self, judge_text):
        """sigmoid is wrong, and so sigmoid_prime, forward and backward fail; but it alone loses points."""
        grades = judge_text(with_lines({"return 1.0 / (1.0 + np.exp(-z))": "return 1.0 / (2.0 + np.exp(-z))"}))
        assert [name for name, grade in grades.items() if grade.status == "failed"] == [
            "sigmoid",
            "sigmoid_prime",
            "forward",
            "backward",
        ]
        assert self.lost(grades) == {"sigmoid": 6}
        assert all(grades[name].follow_through for name in ("sigmoid_prime", "forward", "backward"))
        assert grades["forward"].cause.endswith("It is right as soon as sigmoid is.")
        assert grades["backward"].cause.endswith("It is right as soon as sigmoid, sigmoid_prime and forward are.")
        assert grades["backward"].diagnosis == []

    def test_a_missing_function_that_others_call(self, judge_text):
        grades = judge_text(RIGHT.replace("def sigmoid(z)", "def sigmoids(z)"))
        assert grades["sigmoid"].status == "missing"
        assert grades["sigmoid"].cause == "there is no function sigmoid."
        assert self.lost(grades) == {"sigmoid": 6}

    def test_a_function_that_is_not_written_yet(self, judge_text):
        grades = judge_text(with_lines({"return np.maximum(z, 0)": "raise NotImplementedError"}))
        assert (grades["relu"].status, grades["relu"].cause) == (
            "missing",
            "relu is not implemented for it.",
        )
        assert self.lost(grades) == {"relu": 4}

    def test_two_mistakes_of_its_own(self, judge_text):
        """What backward gets wrong by itself costs; what it gets wrong because of sigmoid does not."""
        grades = judge_text(
            with_lines({"return 1.0 / (1.0 + np.exp(-z))": "return 1.0 / (2.0 + np.exp(-z))", DB: "db[l] = delta[0]"})
        )
        assert self.lost(grades) == {"sigmoid": 6, "backward": 17}
        assert grades["backward"].cause.startswith("Even with a right sigmoid and sigmoid_prime and forward") or grades[
            "backward"
        ].cause.startswith("Even with a right sigmoid")
        assert grades["backward"].diagnosis == ["BiasGradientOfOneSample"]

    def test_only_in_single_precision(self, judge_text):
        """Always float64: a check of its own, for each function that does it."""
        grades = judge_text(
            with_lines(
                {
                    OTHER: "delta = np.float64(1) * error / n * derivative(z[-1], activations[-1])",
                    DB: "db[l] = np.sum(delta, axis=0, dtype=float)",
                }
            )
        )
        lost = {check.name for check in grades["backward"].checks if check.points < check.max_points}
        assert lost == {f"biases, {SINGLE_PRECISION}", f"weights, {SINGLE_PRECISION}"}
        assert "has dtype float64, should be float32" in grades["backward"].cause

    @pytest.mark.parametrize(
        ("line", "cause"),
        [
            (
                "a.append(None) if len(a) == len(weights) else a.append(a[-1] @ W.T)",
                "is a value of type NoneType, should be an array",
            ),
            ("x[0] = 0; a.append(np.float16(3))", "forward changed its argument x."),
            (
                "a.append(np.float16(activation(np.dot(a[-1], W.T) + b, name)) * np.nan)\n    a[-1] = a[-1][:, :, None]",
                "has shape",
            ),
            (
                "a.append((activation(np.dot(a[-1], W.T) + b, name) * np.nan).astype(np.float16))",
                "has dtype float16, should be float64.",
            ),
            ("a.append(activation(np.dot(a[-1], W.T) + b, name) * np.nan)", "is NaN, should be"),
        ],
    )
    def test_what_is_told_first(self, line, cause, judge_text):
        """Changed inputs, no array, the wrong shape, the wrong dtype, NaN; in this order."""
        assert cause in judge_text(with_lines({FORWARD: line}))["forward"].cause


def test_another_policy(small_key):
    """No points for the edges, and none for what fails because of another function."""
    strict = msgspec.structs.replace(Assignment(), edge_share=0, follow_through=0)
    assert strict.digest() == Assignment().digest()
