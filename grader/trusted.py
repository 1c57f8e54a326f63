"""Right functions as source texts, each alone with what it is made of, to stand in for a submission's own wrong ones.

They go into the sandbox only where a submission is judged again, and then only those that it has got wrong: what it is
being judged on is never among them.
"""

from __future__ import annotations

import functools
import inspect

from backproof.reference_impl import activations, network

# Each function with the functions of `reference_impl` that it is made of.
PARTS = {
    "sigmoid": (activations.sigmoid,),
    "sigmoid_prime": (activations.sigmoid, activations.sigmoid_prime_of_output, activations.sigmoid_prime),
    "relu": (activations.relu,),
    "relu_prime": (activations.relu_prime,),
    "tanh": (activations.tanh,),
    "tanh_prime": (activations.tanh, activations.tanh_prime_of_output, activations.tanh_prime),
    "softmax": (activations.softmax,),
    "forward": (
        activations.identity,
        activations.sigmoid,
        activations.relu,
        activations.tanh,
        activations.softmax,
        network.forward,
    ),
}

# A module in the place of a submission, for an adapter that is only to be imported: whatever it looks for is there.
ANYTHING = """
class _Anything:
    def __call__(self, *_, **__):
        return self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self):
        return iter(())

    def __mro_entries__(self, bases):
        return ()


for _name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
    for _prefix in ("", "r", "i"):
        setattr(_Anything, f"__{_prefix}{_name}__", lambda self, *_: self)
for _name in "getitem neg pos invert abs lt le gt ge enter".split():
    setattr(_Anything, f"__{_name}__", lambda self, *_: self)


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _Anything()
"""

TABLE = 'ACTIVATION = {"identity": identity, "sigmoid": sigmoid, "relu": relu, "tanh": tanh, "softmax": softmax}'


@functools.cache
def source(function: str) -> str:
    """The source text that defines a right function of that name, to be run where `np` is NumPy."""
    parts = ["from __future__ import annotations", *map(inspect.getsource, PARTS[function])]
    return "\n\n".join([*parts, TABLE] if function == "forward" else parts)
