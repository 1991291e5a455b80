"""The rows of the error catalogue: every code and subcode of fact sheet 7.2 and 7.3, once."""

from typing import NamedTuple

from tidings.application.ports.gateway import Verdict

_RETRY = Verdict.RETRY
_SLOW = Verdict.SLOW_DOWN
_PAIR = Verdict.PAIR_WAIT
_GIVE_UP = Verdict.GIVE_UP
_SUPPRESS = Verdict.SUPPRESS
_TEMPLATE = Verdict.STOP_TEMPLATE
_NUMBER = Verdict.STOP_NUMBER
_ACCOUNT = Verdict.STOP_ACCOUNT
_TOKEN = Verdict.RENEW_TOKEN

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0


class Row(NamedTuple):
    """What a code means, what it asks of us, and within which bounds."""

    code: int
    verdict: Verdict
    meaning: str
    wait: float = 0.0
    """Seconds before the next try; the least, whatever backoff adds."""
    max_attempts: int = 1
    subcode: int = 0


class Family(NamedTuple):
    """Neighbouring codes of one feature that are not told apart."""

    codes: range
    verdict: Verdict
    meaning: str
    wait: float = 0.0
    max_attempts: int = 1


ROWS: tuple[Row, ...] = (
    # Tokens, permissions and Graph's own limits.
    Row(0, _TOKEN, "the token could not be authenticated"),
    Row(1, _RETRY, "unknown API error, or a bad request", 1.0, 3),
    Row(2, _RETRY, "temporarily down or overloaded", 1.0, 5),
    Row(3, _ACCOUNT, "the app lacks a capability or permission"),
    Row(4, _RETRY, "the app reached its call limit", 15 * MINUTE, 10),
    Row(10, _ACCOUNT, "a permission was not granted, or was removed"),
    Row(17, _RETRY, "the user reached a call limit", 15 * MINUTE, 10),
    Row(32, _RETRY, "the page reached a call limit", 15 * MINUTE, 10),
    Row(33, _NUMBER, "the number was deleted"),
    Row(100, _GIVE_UP, "a parameter is invalid, unknown or missing"),
    Row(104, _TOKEN, "no token was given, or its proof is missing"),
    Row(190, _TOKEN, "the token has expired or is invalid"),
    Row(200, _ACCOUNT, "a permission is missing"),
    Row(368, _ACCOUNT, "the account is blocked for a while for a policy violation"),
    Row(613, _RETRY, "a custom call limit was reached", 15 * MINUTE, 10),
    Row(803, _GIVE_UP, "there is no such object"),
    Row(80007, _RETRY, "the WhatsApp Business Account reached its call limit", 15 * MINUTE, 10),
    # Sending.
    Row(130403, _GIVE_UP, "the business has blocked this person"),
    Row(130429, _SLOW, "the number's throughput was exceeded", 1.0, 10),
    Row(130472, _GIVE_UP, "withheld: the person is part of a marketing experiment"),
    Row(130497, _GIVE_UP, "the account may not write to people in this country"),
    Row(131000, _RETRY, "unknown failure", 1.0, 3),
    Row(131005, _ACCOUNT, "access denied"),
    Row(131008, _TEMPLATE, "a required parameter is missing"),
    Row(131009, _GIVE_UP, "a parameter's value is invalid"),
    Row(131016, _RETRY, "the service is unavailable", 1.0, 5),
    Row(131020, _GIVE_UP, "groups: refused"),
    Row(131021, _GIVE_UP, "the person is the sender"),
    Row(131026, _GIVE_UP, "undeliverable: not on WhatsApp, terms not accepted, or too old an app"),
    Row(131030, _GIVE_UP, "the person is not on the test number's list"),
    Row(131031, _ACCOUNT, "the account is locked or restricted"),
    Row(131037, _NUMBER, "the number's display name is not approved"),
    Row(131041, _GIVE_UP, "groups: refused"),
    Row(131042, _ACCOUNT, "there is a problem with payment"),
    Row(131044, _GIVE_UP, "calling: there is a problem with payment"),
    Row(131045, _NUMBER, "the number is not registered properly"),
    Row(131047, _GIVE_UP, "the person has not written for 24 hours: a template is needed"),
    Row(131048, _NUMBER, "the number is restricted for spam"),
    Row(131049, _RETRY, "withheld: the person gets as much marketing as Meta allows", DAY, 2),
    Row(131050, _SUPPRESS, "the person has stopped marketing from this business"),
    Row(131051, _GIVE_UP, "this type of message is not supported"),
    Row(131052, _GIVE_UP, "a person's media could not be fetched"),
    Row(131053, _RETRY, "the media could not be fetched or is not supported", 30.0, 2),
    Row(131055, _TEMPLATE, "the Marketing Messages API does not take this message"),
    Row(131056, _PAIR, "too many messages to this person in a short time", 1.0, 10),
    Row(131057, _RETRY, "the number is in maintenance", MINUTE, 10),
    Row(131058, _TEMPLATE, "the sample template may be sent from test numbers alone"),
    Row(131059, _GIVE_UP, "groups: refused"),
    Row(131061, _TEMPLATE, "a template with a maximum price needs the Marketing Messages API"),
    Row(131062, _GIVE_UP, "this kind of message needs a phone number"),
    Row(131063, _TEMPLATE, "marketing is switched off on this API by a setting"),
    Row(131064, _ACCOUNT, "limited for misclassified templates, until Meta lifts it"),
    # Templates and flows.
    Row(132000, _TEMPLATE, "the number of parameters does not match the template"),
    Row(132001, _TEMPLATE, "there is no such approved template in this language"),
    Row(132005, _GIVE_UP, "the text is too long with its values"),
    Row(132007, _TEMPLATE, "the content breaks a policy"),
    Row(132008, _GIVE_UP, "a parameter's value is invalid"),
    Row(132012, _TEMPLATE, "a parameter's format does not match the template"),
    Row(132015, _TEMPLATE, "the template is paused for low quality"),
    Row(132016, _TEMPLATE, "the template is disabled for good"),
    Row(132018, _TEMPLATE, "a template parameter is not valid"),
    Row(132068, _TEMPLATE, "the flow is blocked"),
    Row(132069, _RETRY, "the flow is throttled: ten messages with it in the last hour", HOUR, 3),
    # Numbers.
    Row(133000, _NUMBER, "the last deregistration was not finished"),
    Row(133004, _RETRY, "the server is unavailable for a moment", 1.0, 5),
    Row(133005, _GIVE_UP, "the two-step PIN is wrong"),
    Row(133006, _NUMBER, "the number must be verified first"),
    Row(133008, _GIVE_UP, "too many guesses of the PIN", HOUR),
    Row(133009, _GIVE_UP, "the PIN was entered too quickly", MINUTE),
    Row(133010, _NUMBER, "the number is not registered"),
    Row(133015, _RETRY, "the number was deleted a moment ago", 5 * MINUTE, 3),
    Row(133016, _GIVE_UP, "more than ten registrations in 72 hours", 3 * DAY),
    # The Marketing Messages API, payments and the rest.
    Row(134011, _GIVE_UP, "the terms of payments are not accepted"),
    Row(134100, _TEMPLATE, "the Marketing Messages API takes marketing alone"),
    Row(134101, _RETRY, "the template is still being synchronised", 10 * MINUTE, 3),
    Row(134102, _TEMPLATE, "the template is not available on the Marketing Messages API"),
    Row(135000, _RETRY, "something is wrong with the request's parameters", 1.0, 2),
    Row(137000, _GIVE_UP, "the person's identity key has changed"),
    Row(141002, _TEMPLATE, "the template must be approved"),
    Row(200005, _GIVE_UP, "template insights are not available"),
    Row(200006, _GIVE_UP, "template insights cannot be switched off"),
    Row(200007, _GIVE_UP, "template insights are not switched on"),
    Row(1752041, _GIVE_UP, "the partner has invited this client already"),
    Row(2494100, _RETRY, "the number is in maintenance", MINUTE, 10),
    Row(2593107, _GIVE_UP, "coexistence: synchronised already"),
    Row(2593108, _GIVE_UP, "coexistence: later than 24 hours"),
)

SUBROWS: tuple[Row, ...] = (
    Row(100, _NUMBER, "the id is unknown here, or not ours", subcode=33),
    Row(100, _GIVE_UP, "the number is registered in a WhatsApp app", subcode=2388001),
    Row(100, _GIVE_UP, "the verification code could not be sent", HOUR, subcode=2388004),
    Row(100, _GIVE_UP, "migration: already present", subcode=2388012),
    Row(100, _GIVE_UP, "the account holds as many templates as it may", subcode=2388019),
    Row(100, _GIVE_UP, "this name and language are still being deleted", subcode=2388023),
    Row(100, _GIVE_UP, "there is content in this language already", subcode=2388024),
    Row(100, _GIVE_UP, "the template's status cannot be changed now", subcode=2388039),
    Row(100, _GIVE_UP, "a text is too long", subcode=2388040),
    Row(100, _GIVE_UP, "an example is missing", subcode=2388043),
    Row(100, _GIVE_UP, "the name's format is wrong", subcode=2388046),
    Row(100, _GIVE_UP, "the header's format is wrong", subcode=2388047),
    Row(100, _GIVE_UP, "the language is not supported", subcode=2388049),
    Row(100, _GIVE_UP, "a button's format is wrong", subcode=2388060),
    Row(100, _GIVE_UP, "the body's format is wrong", subcode=2388072),
    Row(100, _GIVE_UP, "the footer's format is wrong", subcode=2388073),
    Row(100, _GIVE_UP, "migration: the code does not apply", subcode=2388091),
    Row(100, _GIVE_UP, "migration: a precondition is not met", subcode=2388093),
    Row(100, _GIVE_UP, "the sample template cannot be deleted", subcode=2388094),
    Row(100, _GIVE_UP, "migration: a precondition is not met", subcode=2388103),
    Row(100, _GIVE_UP, "too many variables for so few words", subcode=2388293),
    Row(100, _GIVE_UP, "a variable stands at the beginning or the end", subcode=2388299),
    Row(100, _RETRY, "the number is in maintenance", MINUTE, 10, subcode=2494100),
    Row(100, _GIVE_UP, "there is no such template", subcode=2593002),
    Row(190, _TOKEN, "the token ended with a new password", subcode=460),
    Row(190, _TOKEN, "the token has expired", subcode=463),
    Row(190, _TOKEN, "the token is invalid", subcode=467),
    Row(80007, _RETRY, "the WhatsApp Business Account reached its call limit", 15 * MINUTE, 10, 2446079),
    Row(130429, _SLOW, "the number's throughput was exceeded", 1.0, 10, 2494055),
    Row(131030, _GIVE_UP, "the person is not on the test number's list", subcode=2655007),
)

FAMILIES: tuple[Family, ...] = (
    Family(range(200, 300), _ACCOUNT, "a permission is missing"),
    Family(range(131201, 131216), _GIVE_UP, "groups: refused"),
    Family(range(136000, 137000), _GIVE_UP, "the verification code could not be sent or checked", HOUR),
    Family(range(138000, 139000), _GIVE_UP, "calling: refused"),
    Family(range(139000, 139005), _GIVE_UP, "flows: refused"),
    Family(range(139100, 139104), _GIVE_UP, "the list of blocked people: refused"),
    Family(range(147001, 147006), _GIVE_UP, "usernames: refused"),
    Family(range(2494164, 2494180), _GIVE_UP, "signing up: refused"),
)
