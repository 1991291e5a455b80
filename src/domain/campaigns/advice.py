"""What to do about a reason for which people got nothing (fact sheet 7.2 and 7.5), in a sentence."""

ADVICE: dict[str, str] = {
    "130429": "Nothing: the number was too fast, slowed down by itself, and tried again.",
    "130472": "Nothing: Meta withheld marketing from this person for an experiment of its own.",
    "130497": "The account may not write to this country: leave these people out.",
    "131005": "Renew the permissions of the access token.",
    "131008": "A parameter was missing: check where the campaign's values come from.",
    "131009": "A value was not accepted: look at these people's fields.",
    "131021": "This is the sending number itself: take it out of the audience.",
    "131026": "The number is not on WhatsApp, or its app is too old: reach these people another way.",
    "131030": "Add the person to the test number's list, or use a number that is not for tests.",
    "131031": "The account is locked: see Meta's business support, then resume.",
    "131037": "Get the display name of the number approved.",
    "131042": "Settle the payment of the WhatsApp Business Account, then resume.",
    "131047": "The person has not written for 24 hours: only a template may be sent.",
    "131048": "Meta saw too much that looks like spam from this number: wait a day and send less.",
    "131049": "Meta caps marketing for this person: try again after a day at the earliest.",
    "131050": "The person stopped marketing from you: they are opted out here too.",
    "131053": "The header's file could not be used: upload it again.",
    "131056": "Nothing: too many messages to one person at once, tried again later.",
    "132000": "The template wants another number of values: sync it and check the parameters.",
    "132001": "The template does not exist in this language any more: sync the templates.",
    "132005": "A value makes the text too long: shorten it.",
    "132015": "Meta paused the template for its quality: change it, or wait for the pause to end.",
    "132016": "Meta disabled the template for its quality: write another one.",
    "133010": "Register the number again.",
    "190": "The access token has expired: connect the account again.",
    "368": "Meta blocked the account for a while: see its quality page, then resume.",
    "opted_out": "They want no marketing: nothing.",
    "duplicate": "The same person under another contact: merge the contacts.",
    "cancelled": "The campaign was cancelled before their turn.",
    "expired": "Their message waited longer than it may: launch for them again.",
    "hold-out": "They get nothing on purpose, so that what the campaign changed can be told.",
    "erased": "The person asked to be forgotten.",
}
_BEGINNINGS = {
    "cannot fill": "Fill in the field, or give the parameter a fallback.",
    "frequency cap": "They got enough marketing of late: nothing, or a wider cap.",
    "quiet hours": "It was night for them for too long: launch earlier, or be more patient.",
}


def advice(reason: str) -> str:
    """What to do about a reason under which recipients are counted; empty when there is nothing to say."""
    if reason in ADVICE:
        return ADVICE[reason]
    return next((said for start, said in _BEGINNINGS.items() if reason.startswith(start)), "")
