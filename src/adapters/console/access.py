"""Signing up, in and out; language and colours."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.params import FromQuery
from litestar.response import Redirect

from tidings.adapters.console.asking import Asked, api_of, typed
from tidings.adapters.console.calls import ApiRefused
from tidings.adapters.console.rendering import LANGUAGES, THEMES, page
from tidings.adapters.console.sessions import cookie, forgotten, kept

CODE_WANTED = "SECOND_FACTOR_NEEDED"


def _onward(path: str) -> str:
    """Only to a page of ours: `//elsewhere` and whole URLs lead home."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def kept_of(request: Asked, signed_in: dict[str, Any], onward: str) -> Redirect:
    answer = Redirect(_onward(onward), status_code=303)
    _set(answer, kept(signed_in, secure=request.scope["state"]["secure"]))
    return answer


def _set(answer: Response[Any], cookies: list[str]) -> None:
    for each in cookies:
        name, _, rest = each.partition("=")
        value, _, rules = rest.partition("; ")
        age = int(rules.partition("Max-Age=")[2].partition(";")[0])
        answer.set_cookie(
            key=name,
            value=value,
            httponly="HttpOnly" in rules,
            samesite="lax",
            secure="Secure" in rules,
            max_age=age,
            path="/",
        )


def _again(request: Asked, name: str, form: dict[str, str], error: ApiRefused) -> Response[str]:
    """The same form with what was typed, and what was wrong with it."""
    return page(request, name, status=422, form=form, wrong=error.by_field(), error=error, me=None)


class AccessController(Controller):
    include_in_schema = False

    @get("/sign-in")
    async def sign_in_page(self, request: Asked, onward: FromQuery[str] = "/") -> Response[str]:
        return page(
            request,
            "sign-in.html",
            form={"next": request.query_params.get("next", onward)},
            wrong={},
            me=None,
        )

    @post("/sign-in")
    async def sign_in(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        body = {"email": form.get("email", ""), "password": form.get("password", "")}
        if form.get("code"):
            body["code"] = form["code"]
        try:
            signed_in = (await api_of(request).ask("POST", "/api/auth/login", body=body)).data
        except ApiRefused as error:
            return page(
                request,
                "sign-in.html",
                status=422,
                form=form,
                wrong=error.by_field(),
                error=None if error.code == CODE_WANTED else error,
                code_wanted=error.code == CODE_WANTED or bool(form.get("code")),
                me=None,
            )
        return kept_of(request, signed_in, form.get("next", "/"))

    @get("/sign-up")
    async def sign_up_page(self, request: Asked) -> Response[str]:
        return page(request, "sign-up.html", form={}, wrong={}, me=None)

    @post("/sign-up")
    async def sign_up(self, request: Asked) -> Response[Any]:
        form = await typed(request)
        body = {name: form.get(name, "") for name in ("name", "email", "password")}
        try:
            signed_in = (await api_of(request).ask("POST", "/api/auth/register", body=body)).data
        except ApiRefused as error:
            return _again(request, "sign-up.html", form, error)
        return kept_of(request, signed_in, "/")

    @get("/forgot-password")
    async def forgot_page(self, request: Asked) -> Response[str]:
        return page(request, "forgot.html", form={}, me=None)

    @post("/forgot-password")
    async def forgot(self, request: Asked) -> Response[str]:
        form = await typed(request)
        body = {"email": form.get("email", "")}
        try:
            await api_of(request).ask("POST", "/api/auth/forgot-password", body=body)
        except ApiRefused as error:
            return page(request, "forgot.html", status=422, form=form, error=error, me=None)
        return page(request, "forgot.html", form=form, sent=True, me=None)

    @get("/reset-password")
    async def reset_page(self, request: Asked) -> Response[str]:
        return page(request, "reset-password.html", form={}, wrong={}, me=None)

    @post("/reset-password")
    async def reset(self, request: Asked) -> Response[str]:
        form = await typed(request)
        body = {"token": form.get("token", ""), "newPassword": form.get("newPassword", "")}
        try:
            await api_of(request).ask("POST", "/api/auth/reset-password", body=body)
        except ApiRefused as error:
            return _again(request, "reset-password.html", form, error)
        return page(request, "reset-password.html", done=True, me=None)

    @get("/invitation")
    async def invitation_page(self, request: Asked) -> Response[str]:
        return page(request, "invitation.html", form={}, wrong={}, me=None)

    @post("/invitation")
    async def join(self, request: Asked) -> Response[Any]:
        """Whoever is new is signed in; whoever has an account signs in with it."""
        form = await typed(request)
        body = {name: form.get(name, "") for name in ("token", "name", "password")}
        try:
            joined = (await api_of(request).ask("POST", "/api/auth/accept-invitation", body=body)).data
        except ApiRefused as error:
            return _again(request, "invitation.html", form, error)
        if signed_in := joined.get("signedIn"):
            return kept_of(request, signed_in, "/")
        return page(request, "invitation.html", joined=joined["organization"]["name"], me=None)

    @post("/sign-out")
    async def sign_out(self, request: Asked) -> Redirect:
        answer = Redirect("/sign-in", status_code=303)
        try:
            await api_of(request).ask("POST", "/api/auth/logout")
        except ApiRefused as error:
            if error.status != 401:
                raise
        _set(answer, forgotten(secure=request.scope["state"]["secure"]))
        return answer

    @post("/preferences")
    async def preferences(self, request: Asked) -> Redirect:
        form, secure = await typed(request), request.scope["state"]["secure"]
        answer = Redirect(_onward(form.get("back", "/")), status_code=303)
        chosen = {"tidings_language": LANGUAGES, "tidings_theme": THEMES}
        _set(
            answer,
            [
                cookie(name, form[name], secure=secure)
                for name, known in chosen.items()
                if form.get(name) in known
            ],
        )
        return answer
