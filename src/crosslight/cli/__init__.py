"""The command line: one file per command."""

import os

# Threads that wait for each other fall asleep soon, where they would otherwise take the time of other programs and, by
# that, of each other (docs/explanation/scale.md, "Beside other work"). OpenMP reads this when torch is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
