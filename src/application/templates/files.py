"""Files for headers: kept once, shown to Meta's reviewers, and uploaded again before Meta forgets them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from tidings.application.auditing import difference, note
from tidings.application.ports.common import NewId, Now
from tidings.application.ports.templates import Begin, File, Reading, Uploads, Wabas
from tidings.domain.kernel import Actor, OrganizationId, Permission, PhoneNumberId, WabaId
from tidings.domain.templates.files import (
    MEDIA_LIFE,
    FileId,
    Media,
    StoredFile,
    file_of,
    header_format,
)


class UploadedFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """A stored file, and what to write where it is needed."""

    file: StoredFile
    header_handle: str
    """For `example.header_handle` of a template."""
    value: str
    """For a header's value when sending."""


@dataclass(frozen=True, slots=True)
class HeaderFiles:
    begin: Begin
    reading: Reading
    uploads: Uploads
    wabas: Wabas
    now: Now
    new_id: NewId

    async def add(self, actor: Actor, file: File, waba_id: WabaId | None = None) -> UploadedFile:
        """Show the file to Meta as a sample, and keep it. The same content is kept once.

        Raise FileRefused, NoWaba, SeveralWabas, or what the review raises.
        """
        organization = actor.require(Permission.TEMPLATES_WRITE)
        format = header_format(file.name, file.mime_type, file.content)
        if waba_id is None:
            waba_id = await self.wabas.only(organization)
        else:
            await self.wabas.require(organization, waba_id)
        handle = await self.uploads.sample(waba_id, file)
        stored = StoredFile(
            id=FileId(self.new_id()),
            organization_id=organization,
            name=file.name,
            mime_type=file.mime_type,
            format=format,
            size=len(file.content),
            sha256=hashlib.sha256(file.content).hexdigest(),
            created_at=self.now(),
        )
        async with self.begin(organization) as work:
            kept = await work.files.add(stored, file.content)
            await note(work, actor, self.now(), "file:added", kept.id, difference(None, kept))
        return UploadedFile(file=kept, header_handle=handle, value=kept.reference)

    async def page(self, actor: Actor, *, limit: int = 100) -> Sequence[StoredFile]:
        """The newest files."""
        async with self.reading(actor.require(Permission.TEMPLATES_READ)) as look:
            return await look.files.newest(limit)

    async def delete(self, actor: Actor, id: FileId) -> None:
        """Forget a file here; what was sent with it stays. Raise FileNotFound."""
        async with self.begin(actor.require(Permission.TEMPLATES_WRITE)) as work:
            await work.files.remove(id)
            await note(work, actor, self.now(), "file:removed", id)

    async def unknown(self, organization: OrganizationId, values: Mapping[str, str]) -> tuple[str, ...]:
        """The keys of values that name a file which is not there."""
        wanted = {key: id for key, value in values.items() if (id := file_of(value)) is not None}
        async with self.reading(organization) as look:
            there = await look.files.which(set(wanted.values()))
        return tuple(key for key, id in wanted.items() if id not in there)

    async def media_ids(
        self,
        organization: OrganizationId,
        waba_id: WabaId,
        phone_number_id: PhoneNumberId,
        values: Sequence[str],
    ) -> dict[str, str]:
        """For each value that names a stored file, the id to send from this number, good for ten days more.

        Raise FileNotFound, or what the review raises.
        """
        wanted = {value: id for value in dict.fromkeys(values) if (id := file_of(value)) is not None}
        if not wanted:
            return {}
        now = self.now()
        async with self.reading(organization) as look:
            found = await look.files.media(phone_number_id, set(wanted.values()))
        fresh = {media.file_id: media.media_id for media in found if media.fresh(now)}
        for id in dict.fromkeys(wanted.values()):
            if id not in fresh:
                fresh[id] = await self._upload(organization, waba_id, phone_number_id, id)
        return {value: fresh[id] for value, id in wanted.items()}

    async def _upload(
        self, organization: OrganizationId, waba_id: WabaId, number: PhoneNumberId, id: FileId
    ) -> str:
        async with self.reading(organization) as look:
            stored, content = await look.files.content(id)
        file = File(name=stored.name, mime_type=stored.mime_type, content=content)
        # Counted from before the call: Meta's 30 days end no sooner.
        ends_at = self.now() + MEDIA_LIFE
        media_id = await self.uploads.media(waba_id, number, file)
        media = Media(file_id=id, phone_number_id=number, media_id=media_id, ends_at=ends_at)
        async with self.begin(organization) as work:
            await work.files.uploaded(media)
        return media_id
