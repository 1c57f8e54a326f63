"""`grader.key` and `grader.key_making`: right answers, made once, kept in a file, and checked when they are read."""

import hashlib
import io
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from backproof.grader.assignment import Assignment, CouldNotGradeError, Points, read_assignment
from backproof.grader.key import (
    DEFAULT_KEY,
    FORMAT,
    Key,
    asked_case,
    find_key,
    layout,
    read_key,
    student_file,
    write_key,
)
from backproof.grader.key_making import honest_arithmetic, make_key, make_keys
from backproof.grader.networks import chosen_for, draw_networks, random_stream
from backproof.grading import grade
from backproof.oracles.bounds import bounds
from backproof.oracles.certified import enclose
from tests.grader.conftest import SMALL, needs_bubblewrap
from tests.grader.students import RIGHT

TINY = Assignment(
    networks=16, edges=(), dtypes=("float64",), points=Points(relu=Decimal(1), relu_prime=Decimal(1), loss=Decimal(1))
)


TINY_FILE = "networks = 16\nedges = []\ndtypes = ['float64']\n[points]\nrelu = 1\nrelu_prime = 1\nloss = 1\n"


@pytest.fixture(scope="module")
def default_key() -> Key:
    return read_key(DEFAULT_KEY, Assignment())


@pytest.fixture(scope="module")
def tiny_key() -> Key:
    return make_key(TINY)


class TestDefaultKey:
    """The key that comes with Backproof."""

    def test_its_networks_are_those_of_the_seed(self, default_key):
        drawn = draw_networks(Assignment(), random_stream(Assignment())).networks
        assert len(drawn) == len(default_key.networks) >= 200
        for ours, theirs in zip(drawn, default_key.networks, strict=True):
            assert (ours.edge, ours.case.to_json(), ours.judged.to_json()) == (
                theirs.edge,
                theirs.case.to_json(),
                theirs.judged.to_json(),
            )

    def test_its_answers_are_right(self, default_key):
        """Enclosed anew, on every twelfth network; and what is allowed is the bound, rounded up by 7 % at most."""
        dtypes = default_key.header.dtypes
        lenient = list(map(honest_arithmetic, dtypes))
        for number in range(0, len(default_key.networks), 12):
            network = default_key.networks[number]
            found = {case: enclose(case) for case in (network.case, network.judged)}
            bound = {case: bounds([case], lenient)[0].allowances for case in found}
            for function in default_key.header.functions:
                case = asked_case(function, network)
                for quantity, answer in default_key.answer(function, number).items():
                    for i, dtype in enumerate(dtypes):
                        allowed = default_key.allowance(function, number, dtype)[quantity]
                        least, most = found[case].distance(quantity, answer)
                        # Balls of a hundredth of what is allowed count as points.
                        assert np.all(least <= np.spacing(np.abs(answer)) + 0.01 * allowed)
                        assert np.all(bound[case][i][quantity] <= allowed)
                        assert np.all(allowed <= 1.07 * (1.01 * bound[case][i][quantity] + most) + np.finfo(float).tiny)

    def test_the_oracles_agreed(self, default_key):
        assert set(default_key.header.agreement) == {"torch", "jax"}
        assert all(0 < ratio <= 1 for ratio in default_key.header.agreement.values())

    def test_nothing_is_left_unchecked(self, default_key):
        assert all(
            np.isfinite(a).all() for by_function in default_key.allowances.values() for a in by_function.values()
        )

    def test_it_is_small(self):
        assert DEFAULT_KEY.stat().st_size < 2**20

    def test_predictions_for_the_loss_are_no_outputs(self, default_key):
        """What is handed over is no part of what is asked for."""
        outputs = default_key.answers["forward"]
        for prediction in default_key.predictions:
            if prediction.size > 2:
                assert not np.isin(prediction, outputs).all()


class TestFile:
    """Written whole, read strictly."""

    def test_there_and_back(self, tiny_key, tmp_path):
        write_key(tiny_key, tmp_path / "a.key")
        again = read_key(tmp_path / "a.key", TINY)
        for function in TINY.functions:
            assert np.array_equal(again.answers[function], tiny_key.answers[function])
            before, after = tiny_key.allowances["float64"][function], again.allowances["float64"][function]
            assert np.all(before <= after)
            assert np.all(after <= 1.07 * before)
        assert [network.case.to_json() for network in again.networks] == [n.case.to_json() for n in tiny_key.networks]

    def test_the_same_key_is_the_same_file(self, tiny_key, tmp_path):
        write_key(tiny_key, tmp_path / "a.key")
        write_key(make_key(TINY), tmp_path / "b.key")
        assert (tmp_path / "a.key").read_bytes() == (tmp_path / "b.key").read_bytes()

    def test_another_assignment(self, tiny_key, tmp_path):
        write_key(tiny_key, tmp_path / "a.key")
        with pytest.raises(CouldNotGradeError, match="belongs to another assignment"):
            read_key(tmp_path / "a.key", SMALL)

    def test_another_student(self, tiny_key, tmp_path):
        """A key that lies under another student's name is no key for that one."""
        header = msgspec.structs.replace(tiny_key.header, student="Ada")
        write_key(replace(tiny_key, header=header), tmp_path / student_file("Bob"))
        (tmp_path / "Bob.py").write_text("")
        (tmp_path / "a.toml").write_text(TINY_FILE)
        assert read_key(tmp_path / "Bob.key", TINY, "Ada").header.student == "Ada"
        for student in (None, "Bob"):
            with pytest.raises(CouldNotGradeError, match=r"the key .*Bob.key was made for Ada, not for Bob"):
                grade(
                    tmp_path / "Bob.py",
                    assignment=tmp_path / "a.toml",
                    key=tmp_path,
                    student=student,
                    out=tmp_path / "out",
                )

    @pytest.mark.parametrize("damaged", [1000, pytest.param(100_000, marks=pytest.mark.long)])
    def test_damage(self, tiny_key, tmp_path, damaged):
        """A byte or some of them changed, left out, exchanged or added, or the end cut off: one sentence each."""
        path, rng = tmp_path / "a.key", np.random.default_rng(3)
        write_key(tiny_key, path)
        whole, told = path.read_bytes(), set()
        for i in range(damaged):
            place, size = int(rng.integers(len(whole))), int(rng.integers(1, 9))
            other = int(rng.integers(len(whole)))
            content = (
                whole[:place] + bytes([whole[place] ^ int(rng.integers(1, 256))]) + whole[place + 1 :],
                whole[:place],
                whole[:place] + whole[place + size :],
                whole[:place] + rng.bytes(size) + whole[place:],
                whole[:place] + whole[other : other + size] + whole[place + size :],
            )[i % 5]
            path.write_bytes(content)
            if content != whole:
                with pytest.raises(CouldNotGradeError) as raised:
                    read_key(path, TINY)
                told.add(str(raised.value).replace(str(path), "KEY"))
        damage = "the key KEY is damaged, it is not what was written: copy it again, or make it anew with backproof key"
        other = "the key KEY is damaged, or of another version of backproof: make it anew with backproof key"
        assert {damage} <= told <= {damage, other, "KEY is not an answer key; backproof key makes one"}

    def test_another_header(self, tiny_key, tmp_path):
        """What a key says of itself is under the same hash as its numbers."""
        write_key(tiny_key, tmp_path / "a.key")
        header = msgspec.structs.replace(tiny_key.header, made_with={})
        write_key(replace(tiny_key, header=header), tmp_path / "b.key")
        first, second = (read_key(tmp_path / f"{name}.key", TINY) for name in "ab")
        assert first.digest != second.digest

    def test_another_version(self, tmp_path):
        for begun in (b"backproof key 1\n", b"PK\x03\x04"):
            (tmp_path / "a.key").write_bytes(begun + bytes(100))
            with pytest.raises(CouldNotGradeError, match="or of another version of backproof"):
                read_key(tmp_path / "a.key", TINY)

    @pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY\x01\x00"])
    def test_no_key(self, content, tmp_path):
        (tmp_path / "a.key").write_bytes(content)
        with pytest.raises(CouldNotGradeError, match="is not an answer key"):
            read_key(tmp_path / "a.key", TINY)

    def test_no_archive(self, tmp_path):
        """Not even under the right hash."""
        array = io.BytesIO()
        np.save(array, np.ones(3))
        for archive in (b"", b"text", array.getvalue()):
            (tmp_path / "a.key").write_bytes(FORMAT + hashlib.sha256(archive).digest() + archive)
            with pytest.raises(CouldNotGradeError, match="is not an answer key"):
                read_key(tmp_path / "a.key", TINY)

    def test_nothing_is_unpickled(self, tmp_path):
        """Not even where the file asks for it."""
        content = io.BytesIO()
        np.save(content, np.array([print], dtype=object), allow_pickle=True)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as written:
            written.writestr("header.npy", content.getvalue())
        hashed = FORMAT + hashlib.sha256(archive.getvalue()).digest()
        (tmp_path / "a.key").write_bytes(hashed + archive.getvalue())
        with pytest.raises(CouldNotGradeError, match="is not an answer key"):
            read_key(tmp_path / "a.key", TINY)

    def test_absent(self, tmp_path):
        with pytest.raises(CouldNotGradeError, match=r"there is no answer key .*; backproof key makes one"):
            read_key(tmp_path / "absent.key", TINY)

    def test_where_it_is_looked_for(self, tmp_path):
        assert find_key(None, None, "Ada") == DEFAULT_KEY
        assert find_key(None, tmp_path / "week3.toml", "Ada") == tmp_path / "week3.key"
        assert find_key(tmp_path / "file", None, "Ada") == tmp_path / "file"
        assert find_key(tmp_path, None, "Ada/../B") == tmp_path / "Ada%2F..%2FB.key"


MANY = msgspec.structs.replace(TINY, draws=3, seed="secret", feedback="counterexamples")


@pytest.fixture(scope="module")
def many_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("key") / "many.key"
    write_key(make_key(MANY), path)
    return path


class TestDraws:
    """A key with several draws, of which each hand-in gets networks of its own."""

    def test_answers_go_with_their_networks(self, many_file):
        whole = read_key(many_file, MANY)
        assert len(whole.networks) == 3 * TINY.networks
        numbers = chosen_for(MANY, "Ada", 1)
        chosen = whole.chosen(numbers)
        assert len(chosen.networks) == len(numbers) == TINY.networks
        for i, number in enumerate(numbers):
            assert chosen.networks[i] is whole.networks[number]
            for function in TINY.functions:
                for get in (Key.answer, lambda k, f, n: k.allowance(f, n, "float64")):
                    ours, theirs = get(chosen, function, i), get(whole, function, number)
                    assert all(np.array_equal(ours[quantity], theirs[quantity]) for quantity in theirs)

    def test_what_is_chosen(self):
        """By student and number, and by a seed that nobody knows; what follows on another network does so still."""
        large = msgspec.structs.replace(MANY, networks=240)
        asked = {
            (student, hand_in): chosen_for(large, student, hand_in)
            for student in ("Ada", "Bob")
            for hand_in in range(1, 9)
        }
        assert asked["Ada", 3] == chosen_for(large, "Ada", 3)
        assert len(set(map(tuple, asked.values()))) == len(asked)
        other = msgspec.structs.replace(large, seed="another")
        assert chosen_for(other, "Ada", 3) != asked["Ada", 3]
        for numbers in asked.values():
            assert [number % 240 for number in numbers] == list(range(240))
            assert {number // 240 for number in numbers} == {0, 1, 2}
        drawn = [draw_networks(large, random_stream(large, draw=i)).networks for i in range(3)]
        together = [i for i in range(1, 120) if all(d[i].case.widths == d[i - 1].case.widths for d in drawn)]
        assert len(together) == 15
        assert all(numbers[i] == numbers[i - 1] + 1 for numbers in asked.values() for i in together)

    @needs_bubblewrap
    def test_hand_ins(self, many_file, tmp_path):
        """Each is asked about its own; grading one again, about the same; and no graded network is shown."""
        (tmp_path / "a.toml").write_text(f"seed = 'secret'\ndraws = 3\n{TINY_FILE}[search]\nnetworks = 1\n")
        asked = f"""{RIGHT}
own = relu
def relu(z):
    print(z.ravel()[0])
    return own(z) + (z.shape[0] > 9999)
"""
        (tmp_path / "Ada.py").write_text(asked)

        def graded(**settings):
            return grade(
                tmp_path / "Ada.py", assignment=tmp_path / "a.toml", key=many_file, out=tmp_path / "out", **settings
            )

        first, second, again = graded(), graded(hand_in=2), graded()
        assert [found.hand_in for found in (first, second, again)] == [1, 2, 2]
        assert first.score == second.score == again.score == 3
        assert first.output != second.output == again.output
        assert graded(student="Bob", hand_in=2).output != second.output
        (tmp_path / "Ada.py").write_text(RIGHT.replace("np.maximum(z, 0)", "np.maximum(z, 0) + (len(z) > 4)"))
        wrong = graded().functions["relu"]
        assert wrong.status == "failed"
        assert wrong.counterexample is None

    def test_too_many(self, tmp_path):
        (tmp_path / "a.toml").write_text("networks = 9000\ndraws = 2\n")
        with pytest.raises(CouldNotGradeError, match=r"line 2, draws: 2 times 9000 networks are more than 10000"):
            read_assignment(tmp_path / "a.toml")


class TestMaking:
    """Nobody is believed who does not agree."""

    def test_per_student(self, tmp_path):
        (tmp_path / "a.toml").write_text("networks = 16\nedges = []\ndtypes = ['float64']\n[points]\nrelu = 1\n")
        assignment, ids = tmp_path / "a.toml", ["Ada", "Emmy N."]
        make_keys(assignment=assignment, out=tmp_path / "all", students=ids)
        make_keys(assignment=assignment, out=tmp_path / "one", students=ids[1:])
        first, second = ((tmp_path / "all" / student_file(student)).read_bytes() for student in ids)
        assert (tmp_path / "one" / student_file(ids[1])).read_bytes() == second != first

    def test_an_oracle_that_errs(self, monkeypatch):
        """No key is made, and it is said where."""
        from backproof.oracles.torch_oracle import TorchOracle

        answers = TorchOracle.answers

        def wrong(self, cases):
            found = answers(self, cases)
            for answer in found[-1:]:
                answer.update({q: value * (1 + 1e-9) for q, value in answer.items() if q.kind == "loss"})
            return found

        monkeypatch.setattr(TorchOracle, "answers", wrong)
        with pytest.raises(
            CouldNotGradeError, match="torch does not agree with the certified answers, so there is no key"
        ):
            make_key(TINY)

    def test_any_subgradient_at_zero(self):
        tolerant = Assignment(
            networks=32,
            edges=("zeros",),
            dtypes=("float64",),
            points=Points(relu_prime=Decimal(1)),
            relu_prime_at_zero="any",
        )
        key = make_key(tolerant)
        x = np.concatenate([network.case.x.ravel() for network in key.networks])
        answers, allowed = key.answers["relu_prime"], key.allowances["float64"]["relu_prime"]
        assert (x == 0).any()
        assert np.array_equal((answers - allowed)[x == 0], 0 * x[x == 0])
        assert np.array_equal((answers + allowed)[x == 0], 1 + 0 * x[x == 0])
        assert np.array_equal(allowed[x != 0], 0 * x[x != 0])

    def test_layout_is_the_contracts(self, small_key):
        for function in small_key.header.functions:
            for network in small_key.networks[:3]:
                assert all(size == int(np.prod(shape)) for _, shape, size in layout(function, network))
