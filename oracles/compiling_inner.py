"""How Numba compiles a function that compiled functions alone call: as far as its callers need it, and no further.

Numba makes machine code of each function by itself, with all that it calls, and makes it again as a part of each of its
callers. That is half of the time that it takes, and of no use where nothing else calls the function. Here it is taken
to LLVM's language alone, and optimized as a part of the outermost function.
"""

from __future__ import annotations

import ctypes
from typing import Any

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import codegen, compiler, compiler_machinery, typed_passes

# What stands for the machine code that there is none of: were it called, it would raise MemoryError.
NOTHING = ctypes.cast(ctypes.pythonapi.PyErr_NoMemory, ctypes.c_void_p).value


class Library(codegen.JITCodeLibrary):
    """LLVM's code of a function and of all that it calls, neither optimized nor translated."""

    def _optimize_final_module(self) -> None:
        """That is left to the callers' library."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._finalized = True

    def enable_object_caching(self) -> None:
        """There is nothing to keep."""


@compiler_machinery.register_pass(mutates_CFG=True, analysis_only=False)
class Lowering(typed_passes.NativeLowering):
    """From typed instructions to LLVM's language, and no further."""

    _name = "inner_lowering"

    def run_pass(self, state: Any) -> bool:
        """Put the function into a library of its own, and make it known to its callers."""
        name = state.func_id.func_qualname
        state.library = Library(state.targetctx.codegen(), name)  # type: ignore[no-untyped-call]
        state.flags.no_compile = True
        super().run_pass(state)  # type: ignore[no-untyped-call]
        lowered = state["cr"]
        made = lowered.fndesc
        handle = _dynfunc.make_function(
            made.lookup_module(), made.qualname.split(".")[-1], "", NOTHING, lowered.env, (state.library,)
        )
        state.targetctx.insert_user_function(handle, made, [state.library])
        state["cr"] = compiler._LowerResult(made, lowered.call_helper, cfunc=handle, env=lowered.env)
        return True


class Pipeline(compiler.CompilerBase):
    """Numba's own, with that in the place of its last step."""

    def define_pipelines(self) -> list[Any]:
        """The steps."""
        steps = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        last = typed_passes.NativeLowering
        steps.passes[:] = [(Lowering if step is last else step, why) for step, why in steps.passes]
        steps.finalize()
        return [steps]
