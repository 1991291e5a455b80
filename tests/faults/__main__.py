"""`python -m tests.faults`: the tests that docs/reliability.md names beside each fault, and only those.

At the end it prints what was done in the name of each fault; `FIGURES=file.json` writes it down as well.
"""

import os
import subprocess
import sys

from tests.faults.page import named_beside_each

ASKED = {"SERVERS": "required"}
"""A server that is missing is a failure: these are about servers. No setting, so that processes may start."""


def main() -> int:
    """What pytest says."""
    wanted = {name for names in named_beside_each().values() for name in names}
    chosen = ("-q", "-p", "tests.faults.figures", "-k", " or ".join(sorted(wanted)))
    command = [sys.executable, "-m", "pytest", *chosen, *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, **ASKED}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
