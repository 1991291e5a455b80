"""A number's life: added, verified, registered, described (fact sheet 11)."""

import msgspec

from tidings.adapters.sandbox.accounts import Line, Standing, Waba
from tidings.adapters.sandbox.calls import SUCCESS, Call, Reply, answered
from tidings.adapters.sandbox.errors import GraphError, invalid, missing, unknown_object
from tidings.adapters.sandbox.world import World

JsonObject = dict[str, object]

CODE = "123456"
"""The code that every verification asks for: nobody receives one."""
_WINDOW, _MOST = 72 * 3600.0, 10
_SHOWN = (
    "verified_name", "display_phone_number", "id", "quality_rating", "code_verification_status",
    "platform_type", "throughput", "webhook_configuration",
)  # fmt: skip
_LENGTHS = {"about": 139, "address": 256, "description": 512, "email": 128}
_PROFILE = (*_LENGTHS, "websites", "vertical", "profile_picture_url")


class Numbers:
    """The nodes of numbers and what hangs on them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def page(self, waba: Waba, call: Call) -> Reply:
        lines = [line for line in self._world.ordered if line.waba is waba]
        said: JsonObject = {"data": [_shown(line, call) for line in lines]}
        if lines:
            said["paging"] = {"cursors": {"before": lines[0].id, "after": lines[-1].id}}
        return answered(said)

    def add(self, waba: Waba, call: Call) -> Reply:
        """`POST /{waba-id}/phone_numbers`."""
        said = call.json()
        for name in ("cc", "phone_number", "verified_name"):
            if not said.get(name):
                raise missing(name)
        display = f"+{said['cc']} {said['phone_number']}"
        account = self._world.open_account(waba_id=waba.id, display_phone_number=display)
        line = self._world.lines[account.phone_number_id]
        line.standing = Standing(verified_name=str(said["verified_name"]), verified=False, registered=False)
        return answered({"id": line.id})

    def node(self, line: Line, call: Call) -> Reply:
        if call.method == "GET":
            return answered(_shown(line, call))
        if call.method != "POST":
            raise unknown_object(call.method, line.id)
        said = call.json()
        if "pin" in said:
            line.standing.pin = _pin(said)
        else:
            raise invalid("Nothing to change was given.")
        return SUCCESS

    def edge(self, line: Line, edge: str, call: Call) -> Reply:
        match edge, call.method:
            case "request_code", "POST":
                return self._request_code(line, call)
            case "verify_code", "POST":
                if str(call.json().get("code", "")).replace("-", "") != CODE:
                    raise GraphError(136025, message="(#136025) The verification code is not right.")
                line.standing.verified = True
                return SUCCESS
            case "register", "POST":
                return self._register(line, call)
            case "deregister", "POST":
                self._count(line)
                line.standing.registered = False
                return SUCCESS
            case "whatsapp_business_profile", "GET":
                return self._profile(line, call)
            case "whatsapp_business_profile", "POST":
                return self._describe(line, call)
            case _:
                raise unknown_object(call.method, line.id)

    def _request_code(self, line: Line, call: Call) -> Reply:
        said = {**call.params, **call.json()}
        if said.get("code_method") not in ("SMS", "VOICE"):
            raise missing("code_method")
        if not said.get("language"):
            raise missing("language")
        if line.standing.verified:
            raise GraphError(136024, message="(#136024) The number is verified already.")
        return SUCCESS

    def _register(self, line: Line, call: Call) -> Reply:
        said = call.json()
        if said.get("messaging_product") != "whatsapp":
            raise missing("messaging_product")
        pin = _pin(said)
        standing = line.standing
        if not standing.verified:
            raise GraphError(133006, "The number must be verified before it is registered.")
        self._count(line)
        if standing.pin is not None and standing.pin != pin:
            raise GraphError(133005, "The PIN does not match.")
        standing.pin, standing.registered = pin, True
        self._world.changed = True
        return SUCCESS

    def _count(self, line: Line) -> None:
        now = self._world.now()
        recent = [at for at in line.standing.registrations if at > now - _WINDOW]
        if len(recent) >= _MOST:
            raise GraphError(133016, "There were too many attempts to register or deregister this number.")
        line.standing.registrations = [*recent, now]

    def _profile(self, line: Line, call: Call) -> Reply:
        wanted = call.params.get("fields")
        names = wanted.split(",") if wanted else _PROFILE
        profile = line.standing.profile
        found = {name: profile[name] for name in names if name in profile}
        return answered({"data": [{**found, "messaging_product": "whatsapp"}]})

    def _describe(self, line: Line, call: Call) -> Reply:
        said = call.json()
        if said.pop("messaging_product", None) != "whatsapp":
            raise missing("messaging_product")
        for name, most in _LENGTHS.items():
            if len(str(said.get(name, ""))) > most:
                raise invalid(f"Param {name} must be at most {most} characters long.")
        websites = said.get("websites", [])
        if not isinstance(websites, list) or len(msgspec.convert(websites, list[object])) > 2:
            raise invalid("Param websites must be a list of at most 2.")
        if handle := said.pop("profile_picture_handle", None):
            said["profile_picture_url"] = f"https://pps.whatsapp.example/{handle}"
        line.standing.profile = {**line.standing.profile, **said}
        return SUCCESS


def _pin(said: JsonObject) -> str:
    pin = said.get("pin")
    if not (isinstance(pin, str) and len(pin) == 6 and pin.isdecimal()):
        raise invalid("Param pin must be 6 digits.")
    return pin


def _shown(line: Line, call: Call) -> JsonObject:
    wanted = call.params.get("fields")
    names = [*wanted.split(","), "id"] if wanted else _SHOWN
    whole = _whole(line)
    return {name: whole[name] for name in names if name in whole}


def _whole(line: Line) -> JsonObject:
    standing = line.standing
    blocked = not standing.registered
    said: JsonObject = {
        "verified_name": standing.verified_name,
        "display_phone_number": line.display,
        "id": line.id,
        "quality_rating": standing.quality,
        "code_verification_status": "VERIFIED" if standing.verified else "NOT_VERIFIED",
        "platform_type": "CLOUD_API" if standing.registered else "NOT_APPLICABLE",
        "throughput": {"level": "HIGH" if line.rate > 80 else "STANDARD"},
        "status": "CONNECTED" if standing.registered else "PENDING",
        "name_status": "APPROVED",
        "account_mode": "SANDBOX",
        "is_official_business_account": False,
        "is_on_biz_app": False,
        "is_pin_enabled": standing.pin is not None,
        "messaging_limit_tier": standing.tier,
        "whatsapp_business_manager_messaging_limit": standing.tier,
        "health_status": health("PHONE_NUMBER", line.id, blocked=blocked),
    }
    urls = {
        "application": line.waba.webhook,
        "whatsapp_business_account": line.waba.override,
        "phone_number": line.override,
    }
    if any(urls.values()):
        said["webhook_configuration"] = {name: url for name, url in urls.items() if url}
    return said


def health(kind: str, id: str, *, blocked: bool = False) -> JsonObject:
    """Whether something can send, as Meta says it (fact sheet 9.4)."""
    word = "BLOCKED" if blocked else "AVAILABLE"
    return {
        "can_send_message": word,
        "entities": [{"entity_type": kind, "id": id, "can_send_message": word}],
    }
