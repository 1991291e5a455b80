"""What the sandbox is told: its seed, its pace, how people behave and what goes wrong."""

from enum import StrEnum

from msgspec import Struct, field


class Fate(StrEnum):
    """What a person does with messages."""

    READS = "reads"
    NEVER_READS = "never_reads"
    ANSWERS = "answers"
    SAYS_STOP = "says_stop"
    NOT_ON_WHATSAPP = "not_on_whatsapp"
    EXPERIMENT = "experiment"
    STOPPED_MARKETING = "stopped_marketing"


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What becomes of messages to a person; what is not said is left to chance. Times in seconds."""

    fate: Fate | None = None
    answer: str | None = None
    """What is answered by those who answer."""
    hides_phone: bool = False
    """The number is kept from businesses, so that only the business-scoped id is told."""
    refused_with: int | None = None
    """Every call with a message to them is refused with this code of Meta's."""
    fails_with: int | None = None
    """Every message to them is accepted, then fails with this code."""
    sent: float | None = None
    """After acceptance; the following each after the step before."""
    delivered: float | None = None
    read: float | None = None
    answers_after: float | None = None


NO_SCRIPT = Script()


class Behaviour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people behave. Shares of all people from 0 to 1; times in seconds, from and to."""

    not_on_whatsapp: float = 0.02
    experiment: float = 0.01
    """Marketing to them fails with 130472."""
    stopped_marketing: float = 0.005
    """Marketing to them fails with 131050."""
    never_reads: float = 0.10
    answers: float = 0.03
    """They answer a template with a text."""
    says_stop: float = 0.01
    """They answer a template with STOP, once."""
    sent: tuple[float, float] = (0.1, 0.3)
    """After acceptance; the following each after the step before."""
    delivered: tuple[float, float] = (0.3, 1.0)
    read: tuple[float, float] = (0.5, 3.0)
    answer: tuple[float, float] = (1.0, 5.0)


class Faults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong, as probabilities from 0 to 1; at most one of them befalls a call."""

    error_130429: float = 0.0
    """The number's throughput, as documented: with HTTP 400."""
    http_429: float = 0.0
    """The same with HTTP 429, as some report it."""
    error_131016: float = 0.0
    error_131000: float = 0.0
    error_2: float = 0.0
    """Temporary, says Meta: `is_transient`."""
    html_502_before: float = 0.0
    """A gateway's page; the message was not accepted."""
    html_502_after: float = 0.0
    """A gateway's page; the message was accepted."""
    half_after: float = 0.0
    """JSON that ends in the middle; the message was accepted."""
    close_before: float = 0.0
    """The connection is closed without an answer; the message was not accepted."""
    close_after: float = 0.0
    """The connection is closed without an answer; the message was accepted."""
    hang_after: float = 0.0
    """The message was accepted; the answer comes after `hang_seconds`."""
    slow: float = 0.0
    """The answer comes after `slow_seconds`."""
    duplicate_webhooks: float = 0.0
    shuffle_webhooks: float = 0.0
    """Items that are held back for up to 2 s, so that later ones pass them."""
    break_upload: float = 0.0
    """Half of an upload is kept, then the connection is closed."""
    hang_seconds: float = 30.0
    slow_seconds: float = 1.0
    calls: int | None = None
    """So many calls are in danger, and those after them are not."""


class SandboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the sandbox is set up. Times in seconds."""

    seed: int = 1
    throughput: float = 80.0
    """Messages a second that a number may send."""
    review_delay: float = 2.0
    """From handing a template in to Meta's word on it."""
    sample_template: bool = True
    """Every account begins with Meta's `hello_world`."""
    service_window: bool = True
    """Free text reaches only people who wrote within 24 hours; others fail with 131047."""
    pair_limit: bool = True
    """A message to one person in 6 seconds, 45 on credit; else 131056."""
    messaging_limit: str = "TIER_UNLIMITED"
    """How many people an account may write to first in a day, in Meta's words; others fail with 131048."""
    marketing_a_day: int | None = None
    """Marketing templates that a person gets from an account in a day; others fail with 131049."""
    us_marketing: bool = True
    """Marketing reaches numbers that begin with +1. At Meta it does not (131049)."""
    management_calls: int = 5000
    """Calls an hour that manage an account with a registered number; else 80007."""
    creations: int = 100
    """Templates an hour that an account may hand in."""
    template_limit: int = 6000
    """Templates of an account; it is 250 while the business is not verified."""
    recategorise: bool = True
    """UTILITY templates that read like advertising are taken as MARKETING."""
    unpause_after: float = 300.0
    """From the pause of a paced template to when it may be unpaused by hand."""
    pacing_burst: int | None = None
    """Messages of a template without quality that go at once; the others are held for `pacing_hold`."""
    pacing_hold: float = 10.0
    check_media: bool = False
    """Media ids must be of files that were uploaded here."""
    require_proof: bool = False
    """Calls without an `appsecret_proof` are refused."""
    upgrade_seconds: float = 0.0
    """How long a number answers 131057 while its throughput is raised."""
    free_service_messages: int = 1000
    """A number's free-form messages that cost nothing in a month, since October 2026."""
    webhook_version: int = 25
    """Graph version of the webhooks: up to 23 every priced status names a conversation."""
    rewrite_wa_ids: bool = True
    """People in Brazil, Mexico and Argentina have ids that differ from the numbers one dials."""
    behaviour: Behaviour = Behaviour()
    endings: dict[str, Script] = field(default_factory=dict[str, Script])
    """Scripts by the last digits of numbers; the longest ending counts."""
    faults: Faults = Faults()
    batch_window: float = 0.05
    """What is due within it goes into one webhook."""
    batch_items: int = 1000
    batch_bytes: int = 3_000_000
    webhook_concurrency: int = 8
    webhook_timeout: float = 10.0
    retry_first: float = 0.2
    retry_longest: float = 5.0
    give_up_after: float = 7 * 86400.0
    snapshot: str | None = None
    """A file that keeps accounts and templates from one start to the next."""
