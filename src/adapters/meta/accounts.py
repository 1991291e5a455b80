"""WhatsApp Business Accounts and their numbers (fact sheet 11), with a token that the caller names.

Signing up comes before any token is kept, so nothing here asks for stored credentials.
"""

from collections.abc import AsyncIterator, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from tidings.adapters.meta.calls import Calls
from tidings.adapters.meta.client import Graph, node
from tidings.domain.events import ConnectedNumber
from tidings.domain.kernel import PhoneNumberId, WabaId

JsonObject: TypeAlias = dict[str, object]

MESSAGES_PER_SECOND = {"STANDARD": 80, "HIGH": 1000}
"""Of a number's throughput level (fact sheet 6.1)."""
COEXISTENCE = 20
"""Of a number that is also in use in the WhatsApp Business app."""

NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,quality_rating,code_verification_status,platform_type,"
    "throughput,status,name_status,is_on_biz_app,whatsapp_business_manager_messaging_limit"
)
WABA_FIELDS = (
    "id,name,currency,timezone_id,account_review_status,business_verification_status,country,health_status"
)
FIELDS = (
    "messages",
    "user_preferences",
    "message_template_status_update",
    "message_template_quality_update",
    "template_category_update",
    "phone_number_quality_update",
    "phone_number_name_update",
    "account_update",
    "account_alerts",
    "account_review_update",
    "business_capability_update",
    "security",
)
"""Webhook fields that we act upon or show."""
PROFILE_FIELDS = "about,address,description,email,profile_picture_url,websites,vertical"


class _Throughput(Struct, frozen=True):
    level: str = "STANDARD"


class NumberState(Struct, frozen=True, kw_only=True):
    """A number as Meta describes it."""

    id: PhoneNumberId
    display_phone_number: str
    verified_name: str = ""
    quality_rating: str = "UNKNOWN"
    code_verification_status: str | None = None
    platform_type: str | None = None
    status: str | None = None
    name_status: str | None = None
    is_on_biz_app: bool | None = None
    whatsapp_business_manager_messaging_limit: str | None = None
    throughput: _Throughput | None = None

    @property
    def messages_per_second(self) -> int:
        if self.is_on_biz_app:
            return COEXISTENCE
        return MESSAGES_PER_SECOND.get(self.throughput.level if self.throughput else "STANDARD", 80)

    @property
    def connected(self) -> ConnectedNumber:
        return ConnectedNumber(
            phone_number_id=self.id,
            display_phone_number=self.display_phone_number,
            verified_name=self.verified_name,
            quality_rating=self.quality_rating,
            messages_per_second=self.messages_per_second,
            messaging_limit=self.whatsapp_business_manager_messaging_limit,
        )


class HealthError(Struct, frozen=True, kw_only=True):
    """Why something cannot send, and what Meta proposes."""

    error_code: int = 0
    error_description: str = ""
    possible_solution: str = ""


class HealthEntity(Struct, frozen=True, kw_only=True):
    """The health of a number, a template, a WABA, a business or an app."""

    entity_type: str
    id: str = ""
    can_send_message: str = ""
    errors: tuple[HealthError, ...] = ()


class Health(Struct, frozen=True, kw_only=True):
    """AVAILABLE, LIMITED or BLOCKED, which is that of the worst part."""

    can_send_message: str
    entities: tuple[HealthEntity, ...] = ()


class WabaState(Struct, frozen=True, kw_only=True):
    """A WhatsApp Business Account as Meta describes it."""

    id: WabaId
    name: str = ""
    currency: str | None = None
    timezone_id: str | None = None
    account_review_status: str | None = None
    business_verification_status: str | None = None
    country: str | None = None
    health_status: Health | None = None


class Profile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people see of a business. What is not said stays as it is."""

    about: str | None = None
    address: str | None = None
    description: str | None = None
    email: str | None = None
    websites: tuple[str, ...] | None = None
    vertical: str | None = None
    profile_picture_url: str | None = None
    """Read only."""
    profile_picture_handle: str | None = None
    """Written only: the handle of an upload."""


class Token(Struct, frozen=True, kw_only=True):
    """A business token, and its life in seconds where it ends."""

    access_token: str
    token_type: str = "bearer"
    expires_in: int | None = None


class TokenScope(Struct, frozen=True, kw_only=True):
    """What a token may do, and for which accounts."""

    scope: str
    target_ids: tuple[str, ...] = ()


class TokenState(Struct, frozen=True, kw_only=True):
    """A token as Meta describes it. `expires_at` is Unix time, 0 for never."""

    is_valid: bool = False
    app_id: str = ""
    expires_at: int = 0
    scopes: tuple[str, ...] = ()
    granular_scopes: tuple[TokenScope, ...] = ()


class _Debugged(Struct, frozen=True):
    data: TokenState


class _Profiles(Struct, frozen=True):
    data: tuple[Profile, ...] = ()


class _App(Struct, frozen=True):
    id: str
    name: str = ""


class _Subscribed(Struct, frozen=True):
    whatsapp_business_api_data: _App
    override_callback_uri: str | None = None


class _NumberMade(Struct, frozen=True):
    id: PhoneNumberId


class _HealthOf(Struct, frozen=True):
    health_status: Health


class MetaAccounts:
    """Meta's side of connecting an account. Every method may raise the errors of `ports/meta.py`."""

    def __init__(self, graph: Graph, *, app_id: str = "", app_secret: str = "") -> None:
        self._app_id = app_id
        self._app_secret = app_secret
        self._calls = Calls(graph)

    async def exchange_code(self, code: str) -> Token:
        """The token for the code that Embedded Signup gave; a code is good for 30 seconds, once."""
        params = {"client_id": self._app_id, "client_secret": self._app_secret, "code": code}
        return await self._calls.ask(
            self._calls.request("GET", "oauth/access_token", None, params=params), Token
        )

    async def token_state(self, token: str) -> TokenState:
        """What Meta thinks of a token."""
        app_token = f"{self._app_id}|{self._app_secret}"
        said = await self._calls.get("debug_token", app_token, _Debugged, {"input_token": token})
        return said.data

    async def set_callback(
        self, callback_url: str, verify_token: str, fields: Sequence[str] = FIELDS
    ) -> None:
        """Where our app's webhooks go. Meta asks the address for the verify token before it answers."""
        body = {
            "object": "whatsapp_business_account",
            "callback_url": callback_url,
            "verify_token": verify_token,
            "fields": ",".join(fields),
        }
        app_token = f"{self._app_id}|{self._app_secret}"
        await self._calls.change(f"{node(self._app_id)}/subscriptions", app_token, body)

    async def waba(self, waba_id: WabaId, token: str) -> WabaState:
        return await self._calls.get(node(waba_id), token, WabaState, {"fields": WABA_FIELDS})

    def numbers(self, waba_id: WabaId, token: str) -> AsyncIterator[NumberState]:
        """All numbers of an account, from every page."""
        path = f"{node(waba_id)}/phone_numbers"
        return self._calls.pages(path, token, NumberState, {"fields": NUMBER_FIELDS})

    async def connected_numbers(self, waba_id: WabaId, token: str) -> tuple[ConnectedNumber, ...]:
        """The same, as the event of a connected account names them."""
        return tuple([number.connected async for number in self.numbers(waba_id, token)])

    async def number(self, id: PhoneNumberId, token: str) -> NumberState:
        """One number: its quality, throughput, limit and standing."""
        return await self._calls.get(node(id), token, NumberState, {"fields": NUMBER_FIELDS})

    async def health(self, id: str, token: str) -> Health:
        """Whether a WABA, a number or a template can send, and what is in the way."""
        return (await self._calls.get(node(id), token, _HealthOf, {"fields": "health_status"})).health_status

    async def add_number(
        self, waba_id: WabaId, token: str, *, country_code: str, number: str, verified_name: str
    ) -> PhoneNumberId:
        body = {"cc": country_code, "phone_number": number, "verified_name": verified_name}
        made = await self._calls.post(f"{node(waba_id)}/phone_numbers", token, body, _NumberMade)
        return made.id

    async def request_code(
        self, id: PhoneNumberId, token: str, *, method: str = "SMS", language: str = "en_US"
    ) -> None:
        """Have a verification code sent by SMS or VOICE."""
        body = {"code_method": method, "language": language}
        await self._calls.change(f"{node(id)}/request_code", token, body)

    async def verify_code(self, id: PhoneNumberId, token: str, code: str) -> None:
        await self._calls.change(f"{node(id)}/verify_code", token, {"code": code})

    async def register(self, id: PhoneNumberId, token: str, *, pin: str, region: str | None = None) -> None:
        """Make a verified number ready for sending. Sets the PIN, or must match the one that is set."""
        body: JsonObject = {"messaging_product": "whatsapp", "pin": pin}
        if region is not None:
            body["data_localization_region"] = region
        await self._calls.change(f"{node(id)}/register", token, body)

    async def deregister(self, id: PhoneNumberId, token: str) -> None:
        await self._calls.change(f"{node(id)}/deregister", token, None)

    async def set_pin(self, id: PhoneNumberId, token: str, pin: str) -> None:
        await self._calls.change(node(id), token, {"pin": pin})

    async def profile(self, id: PhoneNumberId, token: str) -> Profile:
        path = f"{node(id)}/whatsapp_business_profile"
        said = await self._calls.get(path, token, _Profiles, {"fields": PROFILE_FIELDS})
        return said.data[0] if said.data else Profile()

    async def set_profile(self, id: PhoneNumberId, token: str, profile: Profile) -> None:
        path = f"{node(id)}/whatsapp_business_profile"
        said = msgspec.structs.asdict(profile)
        body = {name: value for name, value in said.items() if value is not None}
        body.pop("profile_picture_url", None)
        await self._calls.change(path, token, {"messaging_product": "whatsapp", **body})

    async def subscribe(
        self, waba_id: WabaId, token: str, *, callback_uri: str | None = None, verify_token: str | None = None
    ) -> None:
        """Have the account's webhooks sent to our app, or to a callback of its own."""
        override = (
            None
            if callback_uri is None
            else {"override_callback_uri": callback_uri, "verify_token": verify_token or ""}
        )
        await self._calls.change(f"{node(waba_id)}/subscribed_apps", token, override)

    async def unsubscribe(self, waba_id: WabaId, token: str) -> None:
        await self._calls.delete(f"{node(waba_id)}/subscribed_apps", token)

    async def subscribed_apps(self, waba_id: WabaId, token: str) -> tuple[str, ...]:
        """Ids of the apps that get the account's webhooks."""
        path = f"{node(waba_id)}/subscribed_apps"
        found = self._calls.pages(path, token, _Subscribed)
        return tuple([each.whatsapp_business_api_data.id async for each in found])
