"""Take what the program gives now as the goldens: `python -m tests.goldens.accept [-k TEST]`, from the checkout's root.

All that follows goes to pytest, which runs the slow tests, too. Read `git diff tests/goldens` afterwards.
"""

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["GOLDENS"] = "accept"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(pytest.main(["-m", "", "-rs", str(Path(__file__).parent), *sys.argv[1:]]))
