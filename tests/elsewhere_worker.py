"""The grader's worker as on another system, which the variable ELSEWHERE names."""

import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))

from tests.elsewhere import leave_for  # noqa: E402

leave_for(os.environ["ELSEWHERE"], ("__main__",))
runpy.run_path(str(ROOT / "grader/sandbox/worker.py"), run_name="__main__")
