"""The harness that tidings is tested with, for those who build on it; its names are kept as the API's are.

- `World`: the real use cases of sending on a real database, with Meta, neighbours and time played.
- `Chaos`: faults at every call of a port: the process is killed there, or the port is away.
- `crash_points`: one campaign killed once at every point; `simulate`, `shrink`: stories told by a seed.
- `Promise`, `check`: nobody twice, nobody forgotten, no status lost, nothing moved back.
- `tidings.testing.machine`: any operations on a whole platform, embedded or at an address, beside a model.
- `tidings.testing.contracts`: the suites that every adapter of a port passes, ours and yours.
- `tidings.testing.strategies`: hypothesis strategies for what the domain and Meta's webhooks are made of.

On the command line: `python -m tidings.testing simulate --seeds 1000`, `... crash-points`.
"""

from tidings.testing.clock import NOON, Clock, Ids
from tidings.testing.crashing import CrashPoint, crash_points
from tidings.testing.faults import Away, Chaos, Killed
from tidings.testing.ledgers import Breach, Row, Taken, check
from tidings.testing.meta import FakeMeta
from tidings.testing.promise import Broken, Promise
from tidings.testing.simulating import Story, Told, shrink, simulate
from tidings.testing.world import World

__all__ = [
    "NOON",
    "Away",
    "Breach",
    "Broken",
    "Chaos",
    "Clock",
    "CrashPoint",
    "FakeMeta",
    "Ids",
    "Killed",
    "Promise",
    "Row",
    "Story",
    "Taken",
    "Told",
    "World",
    "check",
    "crash_points",
    "shrink",
    "simulate",
]
