"""Meta's refusals: codes, titles and bodies (fact sheet 7)."""

import msgspec

TITLES: dict[int, str] = {
    1: "An unknown error occurred",
    2: "Service temporarily unavailable",
    4: "Application request limit reached",
    10: "Application does not have permission for this action",
    33: "Parameter value is not valid",
    100: "Invalid parameter",
    200: "Permissions error",
    368: "Temporarily blocked for policies violations",
    80007: "Rate limit issues",
    130403: "The business has blocked this user",
    130429: "Rate limit hit",
    130472: "User's number is part of an experiment",
    130497: "Business account is restricted from messaging users in this country",
    131000: "Something went wrong",
    131005: "Access denied",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131016: "Service unavailable",
    131021: "Recipient cannot be sender",
    131026: "Message undeliverable",
    131030: "Recipient phone number not in allowed list",
    131031: "Business Account locked",
    131037: "The display name of this number needs approval",
    131042: "Business eligibility payment issue",
    131045: "Incorrect certificate",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "User has stopped marketing messages",
    131051: "Unsupported message type",
    131052: "Media download error",
    131053: "Media upload error",
    131055: "Method not allowed for this message",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    131057: "Account in maintenance mode",
    131058: "Sample templates can be sent from public test numbers only",
    131062: "Business-scoped user id is not supported for this message",
    131063: "Marketing messages are disabled on this API",
    131064: "Limited for misclassified templates",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
    132005: "Template hydrated text too long",
    132007: "Template format character policy violated",
    132012: "Parameter format does not match format in the created template",
    132015: "Template is paused",
    132016: "Template is disabled",
    132018: "Template validation error",
    132068: "Flow is blocked",
    132069: "Flow is throttled",
    133000: "Incomplete deregistration",
    133004: "Server temporarily unavailable",
    133005: "Two step verification PIN mismatch",
    133006: "Phone number re-verification needed",
    133008: "Too many two step verification PIN guesses",
    133009: "Two step verification PIN guessed too fast",
    133010: "Phone number not registered",
    133015: "Please wait a few minutes before attempting to register this phone number",
    133016: "Account register deregister rate limit exceeded",
    134100: "Only marketing messages supported",
    135000: "Generic user error",
}

_STATUSES = {
    0: 401, 2: 503, 3: 500, 10: 403, 104: 401, 190: 401, 200: 403, 368: 403, 130497: 403, 131000: 500,
    131005: 403, 131016: 500, 131031: 403, 131045: 500, 131057: 500, 132001: 404, 133000: 500, 133004: 503,
}  # fmt: skip
"""HTTP statuses other than 400."""


def title(code: int) -> str:
    """Meta's words for a code; those of codes that nobody has written down are our own."""
    return TITLES.get(code, f"Error {code}")


class GraphError(Exception):
    """A refusal as Meta says it."""

    def __init__(
        self, code: int, details: str | None = None, *, message: str | None = None, subcode: int | None = None
    ) -> None:
        self.code = code
        self.details = details
        self.message = message or f"(#{code}) {title(code)}"
        self.subcode = subcode
        self.status = _STATUSES.get(code, 400)
        self.type = "OAuthException"
        self.extra: dict[str, object] = {}
        super().__init__(self.message)

    def body(self, trace: str) -> bytes:
        error: dict[str, object] = {"message": self.message, "type": self.type, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.details is not None:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        error |= self.extra
        error["fbtrace_id"] = trace
        return msgspec.json.encode({"error": error})


def invalid(message: str) -> GraphError:
    """A parameter that Graph itself refuses: code 100 without error_data."""
    return GraphError(100, message=f"(#100) {message}")


def missing(parameter: str) -> GraphError:
    return invalid(f"The parameter {parameter} is required.")


def unknown_object(method: str, id: str) -> GraphError:
    """No such id, or none that this token may see: Meta does not tell which."""
    error = GraphError(
        100,
        message=(
            f"Unsupported {method.lower()} request. Object with ID '{id}' does not exist, cannot be loaded "
            "due to missing permissions, or does not support this operation. Please read the Graph API "
            "documentation at https://developers.facebook.com/docs/graph-api"
        ),
        subcode=33,
    )
    error.type = "GraphMethodException"
    return error


def temporary() -> GraphError:
    """Meta is overloaded: no fault of the caller's."""
    error = GraphError(2, message="An unexpected error has occurred. Please retry your request later.")
    error.extra = {"is_transient": True}
    return error


def no_token() -> GraphError:
    return GraphError(104, message="(#104) An access token is required to request this resource.")


def bad_token() -> GraphError:
    return GraphError(190, message="Invalid OAuth access token - Cannot parse access token")


def expired_token() -> GraphError:
    return GraphError(190, message="Error validating access token: Session has expired.", subcode=463)


def template_refused(
    message: str,
    *,
    code: int = 100,
    subcode: int | None = None,
    title: str = "Invalid parameter",
    field: str = "",
) -> GraphError:
    """How template management refuses: what is wrong stands in `error_user_msg`."""
    error = GraphError(code, message="Invalid parameter", subcode=subcode)
    error.extra = {"is_transient": False, "error_user_title": title, "error_user_msg": message}
    if field:
        error.extra["error_data"] = {"blame_field_specs": [[field]]}
    return error
