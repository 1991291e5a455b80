"""Those at Meta who look at templates: review, quality, pauses, categories (fact sheet 4.8 to 4.10)."""

from msgspec.structs import replace

from tidings.adapters.sandbox.accounts import Waba
from tidings.adapters.sandbox.errors import GraphError
from tidings.adapters.sandbox.payloads import Item, ascii
from tidings.adapters.sandbox.templates import SandboxTemplate
from tidings.adapters.sandbox.world import World
from tidings.domain.templates.components import Category

HOUR = 3600.0
DAY = 24 * HOUR
PAUSES = (("FIRST_PAUSE", 3 * HOUR), ("SECOND_PAUSE", 6 * HOUR))


class Moderation:
    """What becomes of templates, and the webhooks that tell it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def submit(self, waba: Waba, raw: object) -> SandboxTemplate:
        """Raise GraphError."""
        world = self._world
        now = world.now()
        while waba.creations and waba.creations[0] <= now - HOUR:
            waba.creations.popleft()
        if len(waba.creations) >= world.settings.creations:
            raise GraphError(80007, "Too many templates were created within an hour.")
        judgement = world.templates.read(waba.id, raw, now)
        draft = judgement.draft
        waba.creations.append(now)
        id = world.dice.number(f"template {waba.id} {draft.name} {draft.language} {now}", 16)
        template = SandboxTemplate(id=id, waba_id=waba.id, draft=draft)
        judgement.onto(template)
        world.templates.keep(template)
        self.review(template)
        return template

    def review(self, template: SandboxTemplate) -> None:
        """Let Meta look at it, and tell in a while."""
        world = self._world
        world.changed = True
        draft = template.draft

        def decide(at: float) -> list[Item]:
            if template.status != "PENDING" or template.draft is not draft:
                return []
            word = "APPROVED" if template.verdict == "NONE" else "REJECTED"
            return self.decide(template, word, at, reason=template.verdict)

        if world.settings.review_delay > 0:
            world.at(world.now() + world.settings.review_delay, decide)
        else:
            self.tell(decide(world.now()))

    def tell(self, items: list[Item]) -> None:
        """Let this be told at once."""
        self._world.at(self._world.now(), lambda _: items)

    def decide(
        self, template: SandboxTemplate, word: str, at: float, *, reason: str = "NONE", title: str = ""
    ) -> list[Item]:
        """Meta's word on a template."""
        template.status, template.reason = word, reason
        template.by_hand_from = None
        self._world.changed = True
        value = self._event(template, word, reason)
        if title:
            value["other_info"] = {"title": title, "description": f"The template is {word.lower()} now."}
        if reason == "INVALID_FORMAT":
            value["rejection_info"] = {
                "reason": template.hint or "The format of the template is invalid.",
                "recommendation": "Change the template and hand it in again.",
            }
        return [self._notice(template, "message_template_status_update", value, at)]

    def assess(self, template: SandboxTemplate, score: str, at: float) -> list[Item]:
        """A new quality. RED pauses: three hours, then six, then for good."""
        value: dict[str, object] = {
            "previous_quality_score": template.quality,
            "new_quality_score": score,
            **_named(template),
        }
        template.quality = score
        self._world.changed = True
        told = [self._notice(template, "message_template_quality_update", value, at)]
        return told + self.pause(template, at) if score == "RED" else told

    def pause(self, template: SandboxTemplate, at: float) -> list[Item]:
        """For low quality; the third time the template is disabled."""
        if template.pauses >= len(PAUSES):
            return self.decide(template, "DISABLED", at, title="DISABLED")
        title, length = PAUSES[template.pauses]
        template.pauses += 1
        pauses = template.pauses

        def end(at: float) -> list[Item]:
            if template.status != "PAUSED" or template.pauses != pauses:
                return []
            return self.decide(template, "APPROVED", at, title="UNPAUSE")

        template.unpauses_at = at + length
        self._world.at(at + length, end)
        return self.decide(template, "PAUSED", at, title=title)

    def drop(self, template: SandboxTemplate, at: float) -> list[Item]:
        """The quality of a paced template was bad: what was held fails, and it must be unpaused by hand."""
        self._world.release(template, at, good=False)
        told = self.decide(template, "PAUSED", at, title="RATE_LIMITING_PAUSE")
        template.by_hand_from = at + self._world.settings.unpause_after
        return told

    def delete(self, template: SandboxTemplate) -> None:
        """At once, or in 30 days when messages are still on their way. Raise GraphError."""
        world = self._world
        now = world.now()
        world.templates.free_later(template, now)
        world.changed = True
        if not world.unfinished(template):
            self.tell(self._gone(template, now))
            return
        template.status = "PENDING_DELETION"
        world.at(now + 30 * DAY, lambda at: self._gone(template, at))
        value = self._event(template, "PENDING_DELETION", None)
        self.tell([self._notice(template, "message_template_status_update", value, now)])

    def _gone(self, template: SandboxTemplate, at: float) -> list[Item]:
        if self._world.templates.by_id.get(template.id) is not template:
            return []
        self._world.templates.forget(template)
        self._world.changed = True
        value = self._event(template, "DELETED", None)
        return [self._notice(template, "message_template_status_update", value, at)]

    def recategorise(self, template: SandboxTemplate, category: Category, at: float) -> list[Item]:
        """Meta thinks otherwise about what a template is for."""
        value: dict[str, object] = {
            **_named(template),
            "previous_category": template.draft.category,
            "new_category": category,
        }
        template.previous_category = template.draft.category
        template.draft = replace(template.draft, category=category)
        self._world.templates.keep(template)
        self._world.changed = True
        return [self._notice(template, "template_category_update", value, at)]

    def _event(self, template: SandboxTemplate, word: str, reason: str | None) -> dict[str, object]:
        return {
            "event": word,
            **_named(template),
            "reason": reason,
            "message_template_category": template.draft.category,
        }

    def _notice(self, template: SandboxTemplate, field: str, value: dict[str, object], at: float) -> Item:
        waba = self._world.wabas[template.waba_id]
        return Item(waba, None, field, ascii(value), at=int(at))


def _named(template: SandboxTemplate) -> dict[str, object]:
    return {
        "message_template_id": int(template.id),
        "message_template_name": template.draft.name,
        "message_template_language": template.draft.language,
    }
