"""Try a platform at an address: any operations in any order, beside a model of what must come of them.

    python examples/try_the_platform.py http://127.0.0.1:8080 tdk_...

The organisation of the key needs a connected number: the sandbox's, since messages go to made-up people.
What breaks is told with the shortest way there. The key needs the rights on contacts (revealed), templates,
campaigns and messages.
"""

import asyncio
import sys
from contextlib import AsyncExitStack

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tidings import Tidings
from tidings.application.ports.templates import TemplateFilter
from tidings.application.templates import NewTemplate
from tidings.domain.kernel import Actor, TemplateId
from tidings.domain.templates.components import Body, Category, Example
from tidings.testing.machine import Place, machine_of

NAME = "machine_opening"


async def template_of(tidings: Tidings, actor: Actor) -> TemplateId:
    """The template that is sent, made and approved where there is none."""
    known = await tidings.templates.page(actor, TemplateFilter(name=NAME))
    if not known.items:
        body = Body(text="Hello {{1}}, we open at nine.", example=Example(body_text=(("Ada",),)))
        new = NewTemplate(name=NAME, language="en", category=Category.UTILITY, components=(body,))
        known_id = (await tidings.templates.create(actor, new)).id
    else:
        known_id = known.items[0].id
    for _ in range(120):
        if (await tidings.templates.get(actor, known_id)).status == "APPROVED":
            return known_id
        await asyncio.sleep(0.5)
    raise TimeoutError(f"Meta has not approved {NAME} within a minute")


def main(url: str, key: str, stories: int = 5, steps: int = 20) -> None:
    """So many stories of so many steps. Raise AssertionError when the platform does what it must not."""
    how = settings(
        max_examples=stories,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            tidings = runner.run(stack.enter_async_context(Tidings.remote(url, key)))
            actor = runner.run(tidings.operator())
            template = runner.run(template_of(tidings, actor))
            run_state_machine_as_test(machine_of(Place(runner.run, tidings, actor, template)), settings=how)
        finally:
            runner.run(stack.aclose())
    print(f"{stories} stories of up to {steps} steps: everything as it must be")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
