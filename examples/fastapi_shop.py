"""A shop's own FastAPI application that tells people when their order is packed.

    pip install tidings fastapi uvicorn
    uvicorn fastapi_shop:app

tidings runs in the same process, over files in ./data, with the sandbox; with TIDINGS_GRAPH_URL it is Meta.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tidings import Tidings
from tidings.application.ports.templates import TemplateFilter
from tidings.application.templates import NewTemplate
from tidings.application.whatsapp.saying import NewMessage
from tidings.domain.errors import Conflict, NotFound, Refused
from tidings.domain.kernel import Actor, MessageId, Phone
from tidings.domain.templates.components import Body, Category, Example
from tidings.domain.whatsapp.content import Template
from tidings.domain.whatsapp.values import Parameter, TemplateComponent

PACKED = "order_packed"


class Packed(BaseModel):
    """An order that is ready, and whose it is."""

    phone: str
    first_name: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The platform lives as long as the application; leaving drains what is on its way."""
    async with Tidings.embedded(os.environ.get("SHOP_DATA", "data")) as t:
        app.state.tidings, app.state.actor = t, await _the_shop(t)
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(Refused)
async def refused(_: Request, error: Refused) -> JSONResponse:
    """Every refusal has a code for machines and a message for people."""
    status = 404 if isinstance(error, NotFound) else 409 if isinstance(error, Conflict) else 400
    faults = [{"field": each.field, "message": each.message} for each in error.faults]
    return JSONResponse({"code": error.code, "message": str(error), "faults": faults}, status)


@app.post("/orders/{number}/packed", status_code=202)
async def packed(number: str, order: Packed) -> dict[str, str]:
    """Tell the person. The order's number makes it safe to ask twice: they are told once."""
    t, actor = _tidings()
    if not await _approved(t, actor):
        raise HTTPException(409, "Meta has not approved the template yet; try again in a moment.")
    values = (Parameter(text=order.first_name), Parameter(text=number))
    body = TemplateComponent(type="body", parameters=values)
    content = Template(name=PACKED, language="en", category="UTILITY", components=(body,))
    new = NewMessage(to=Phone(order.phone), content=content)
    message = await t.messages.send(actor, new, once=f"packed-{number}")
    return {"message": str(message.id)}


@app.get("/messages/{id}")
async def message(id: UUID) -> dict[str, object]:
    """What became of a message, and when."""
    t, actor = _tidings()
    found = await t.messages.get(actor, MessageId(id))
    return {
        "state": str(found.state),
        "timeline": [{"at": each.at, "what": each.what} for each in found.timeline],
    }


def _tidings() -> tuple[Tidings, Actor]:
    return app.state.tidings, app.state.actor


async def _the_shop(t: Tidings) -> Actor:
    """The shop's account, which is made at the first start, with its template."""
    try:
        return await t.operator()
    except NotFound:
        return await t.sign_up("The Shop", "shop@example.org", "a long pass phrase")


async def _approved(t: Tidings, actor: Actor) -> bool:
    page = await t.templates.page(actor, TemplateFilter(name=PACKED))
    if page.items:
        return page.items[0].status == "APPROVED"
    example = Example(body_text=(("Ada", "1042"),))
    body = Body(text="Hello {{1}}, your order {{2}} is packed and on its way.", example=example)
    new = NewTemplate(name=PACKED, language="en", category=Category.UTILITY, components=(body,))
    await t.templates.create(actor, new)
    return False
