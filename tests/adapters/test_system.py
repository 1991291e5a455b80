"""Ids of this machine's making: in order, never twice, and a fork's are its own."""

import subprocess
import sys
from itertools import pairwise

from tidings.adapters.embedded.system import uuid7

FORKED = """
import os
from tidings.adapters.embedded.system import uuid7
uuid7()
child = os.fork()
drawn = uuid7().int & (1 << 62) - 1
if child:
    assert os.waitpid(child, 0)[1] == 0
print(drawn, flush=True)
"""


def test_ids_sort_in_the_order_in_which_they_are_made():
    ids = [uuid7() for _ in range(3000)]
    assert all(one.bytes < other.bytes for one, other in pairwise(ids))
    assert {(id.version, id.variant) for id in ids} == {(7, "specified in RFC 4122")}
    assert len({id.int & (1 << 62) - 1 for id in ids}) == len(ids)


def test_a_forked_process_draws_other_chance_than_its_parent():
    # The parent prints after its child has ended: two at once may cut each other's line in two.
    said = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, check=True, text=True).stdout
    mine, theirs = said.split()
    assert mine != theirs
