"""The organisation: members, invitations, keys, the audit log, and one's own account."""

from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from tidings.adapters.console.access import kept_of
from tidings.adapters.console.asking import Asked, api_of, me, typed
from tidings.adapters.console.calls import ApiRefused
from tidings.adapters.console.rendering import page

ROLES = ("admin", "member", "viewer")


class OrganizationPages(Controller):
    include_in_schema = False

    @get("/organization")
    async def one(self, request: Asked) -> Response[str]:
        return await _organization(request)

    @post("/organization/invitations")
    async def invite(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        body = {"email": form.get("email", ""), **_role(form)}
        try:
            await api_of(request).ask("POST", "/api/organization/invitations", body=body)
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _organization(request, form=form, error=error)
        return Redirect("/organization", status_code=303)

    @post("/organization/invitations/{id:uuid}/{act:str}")
    async def invitation(self, request: Asked, id: FromPath[UUID], act: FromPath[str]) -> Redirect:
        path = f"/api/organization/invitations/{id}"
        if act == "resend":
            await api_of(request).ask("POST", f"{path}/resend")
        else:
            await api_of(request).ask("DELETE", path)
        return Redirect("/organization", status_code=303)

    @post("/organization/members/{id:uuid}")
    async def member(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        form, path = await typed(request), f"/api/organization/members/{id}"
        try:
            if form.get("role") == "remove":
                await api_of(request).ask("DELETE", path)
            else:
                await api_of(request).ask("PUT", path, body=_role(form))
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _organization(request, error=error)
        return Redirect("/organization", status_code=303)

    @post("/organization/keys")
    async def add_key(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        scopes = [name.removeprefix("scope:") for name in form if name.startswith("scope:")]
        body = {"name": form.get("name", ""), "scopes": scopes}
        try:
            made = (await api_of(request).ask("POST", "/api/keys", body=body)).data
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _organization(request, form=form, error=error)
        return await _organization(request, secret=made["key"])

    @post("/organization/keys/{id:uuid}/delete")
    async def remove_key(self, request: Asked, id: FromPath[UUID]) -> Redirect:
        await api_of(request).ask("DELETE", f"/api/keys/{id}")
        return Redirect("/organization", status_code=303)

    @post("/organization/roles")
    async def add_role(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        may = [name.removeprefix("may:") for name in form if name.startswith("may:")]
        try:
            body = {"name": form.get("roleName", ""), "permissions": may}
            await api_of(request).ask("POST", "/api/organization/roles", body=body)
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _organization(request, form=form, error=error)
        return Redirect("/organization", status_code=303)

    @post("/organization/roles/{id:uuid}/delete")
    async def remove_role(self, request: Asked, id: FromPath[UUID]) -> Response[Any]:
        try:
            await api_of(request).ask("DELETE", f"/api/organization/roles/{id}")
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _organization(request, error=error)
        return Redirect("/organization", status_code=303)

    @post("/organization/new")
    async def create(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        try:
            await api_of(request).ask("POST", "/api/organization", body={"name": form.get("called", "")})
        except ApiRefused as error:
            if error.status in (401, 403):
                raise
            return await _organization(request, form=form, error=error)
        return Redirect("/organization", status_code=303)

    @post("/organization/approval")
    async def approval(self, request: Asked) -> Redirect:
        form = await typed(request)
        body = {"needed": form.get("needed") == "yes"}
        await api_of(request).ask("PUT", "/api/campaigns/approval", body=body)
        return Redirect("/organization", status_code=303)

    @post("/organization/switch")
    async def switch(self, request: Asked) -> Redirect:
        form = await typed(request)
        body = {"organizationId": form.get("organizationId", "")}
        signed_in = (await api_of(request).ask("POST", "/api/auth/switch-organization", body=body)).data
        return kept_of(request, signed_in, "/")

    @get("/audit")
    async def audit(self, request: Asked, cursor: FromQuery[str] = "") -> Response[str]:
        found = await api_of(request).ask("GET", "/api/audit", cursor=cursor, limit=50)
        return page(
            request,
            "audit.html",
            me=await me(request),
            entries=found.data,
            pagination=found.whole["pagination"],
        )

    @get("/account")
    async def account(self, request: Asked) -> Response[str]:
        return await _account(request)

    @post("/account/second-factor")
    async def enrol(self, request: Asked) -> Response[str]:
        enrolment = (await api_of(request).ask("POST", "/api/auth/second-factor")).data
        return await _account(request, enrolment=enrolment)

    @post("/account/second-factor/confirm")
    async def confirm(self, request: Asked) -> Response[str]:
        form = await typed(request)
        body = {"code": form.get("code", "")}
        try:
            codes = (await api_of(request).ask("POST", "/api/auth/second-factor/confirm", body=body)).data
        except ApiRefused as error:
            again = {"secret": form.get("secret", ""), "uri": form.get("uri", "")}
            return await _account(request, enrolment=again, error=error)
        return await _account(request, codes=codes)

    @post("/account/second-factor/remove")
    async def remove_factor(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        try:
            body = {"code": form.get("code", "")}
            await api_of(request).ask("DELETE", "/api/auth/second-factor", body=body)
        except ApiRefused as error:
            return await _account(request, error=error)
        return Redirect("/account", status_code=303)

    @post("/account/sessions/{id:uuid}/end")
    async def end_session(self, request: Asked, id: FromPath[UUID]) -> Redirect:
        await api_of(request).ask("DELETE", f"/api/auth/sessions/{id}")
        return Redirect("/account", status_code=303)

    @post("/account/password")
    async def change_password(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        body = {"currentPassword": form.get("password", ""), "newPassword": form.get("newPassword", "")}
        try:
            signed_in = (await api_of(request).ask("POST", "/api/auth/change-password", body=body)).data
        except ApiRefused as error:
            return await _account(request, error=error)
        return kept_of(request, signed_in, "/account")


def _role(form: dict[str, str]) -> dict[str, str]:
    """A built-in role by its name, or one that the organisation made, by its id."""
    chosen = form.get("role", "")
    if chosen in (*ROLES, "owner", ""):
        return {"role": chosen}
    return {"role": "custom", "roleId": chosen}


async def _account(request: Asked, **given: Any) -> Response[str]:
    """One's own account; a wrong code is no reason to be sent to the door, an ended session is."""
    api = api_of(request)
    return page(
        request,
        "account.html",
        status=422 if given.get("error") else 200,
        me=await me(request),
        factor=await api.get("/api/auth/second-factor"),
        sessions=await api.get("/api/auth/sessions"),
        wrong=given["error"].by_field() if given.get("error") else {},
        **given,
    )


async def _organization(
    request: Asked,
    *,
    form: dict[str, str] | None = None,
    error: ApiRefused | None = None,
    secret: str = "",
) -> Response[str]:
    api, person = api_of(request), await me(request)
    rights = person["permissions"]
    may_see = "members:read" in rights
    return page(
        request,
        "organization.html",
        status=200 if error is None else 422,
        me=person,
        members=await api.get("/api/organization/members") if may_see else [],
        invitations=await api.get("/api/organization/invitations") if may_see else [],
        organizations=await api.get("/api/auth/organizations"),
        keys=await api.get("/api/keys"),
        roles=ROLES,
        custom=await api.get("/api/organization/roles") if may_see else [],
        approval=await api.get("/api/campaigns/approval") if "campaigns:read" in rights else None,
        quota=await api.get("/api/quota") if "messages:read" in rights else None,
        form=form or {},
        wrong={} if error is None else error.by_field(),
        error=error,
        secret=secret,
    )
