"""Files for headers, in pieces, and how Meta has them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from msgspec.structs import asdict
from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tidings.adapters.mysql.dialect import insert_missing, upsert
from tidings.adapters.mysql.rows import structs
from tidings.adapters.mysql.templates.tables import f, files, pieces
from tidings.adapters.mysql.templates.tables import media as uploads
from tidings.domain.kernel import OrganizationId, PhoneNumberId
from tidings.domain.templates.files import FileId, FileNotFound, Media, StoredFile

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class SqlFiles:
    """The FileStore port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def add(self, file: StoredFile, content: bytes) -> StoredFile:
        await insert_missing(self.connection, files, [asdict(file)])
        same = and_(f.sha256 == file.sha256, f.mime_type == file.mime_type)
        query = select(files).where(f.organization_id == self.organization, same)
        kept = StoredFile(**(await self.connection.execute(query)).mappings().one())
        if kept.id == file.id:
            # One statement a piece: together they may be more than a server takes.
            for number, start in enumerate(range(0, len(content), PIECE)):
                row = {"file_id": file.id, "number": number, "content": content[start : start + PIECE]}
                await self.connection.execute(insert(pieces).values(row))
        return kept

    async def uploaded(self, media: Media) -> None:
        await upsert(
            self.connection,
            uploads,
            [asdict(media)],
            keys=["file_id", "phone_number_id"],
            change=["media_id", "ends_at"],
        )

    async def remove(self, id: FileId) -> None:
        mine = and_(f.id == id, f.organization_id == self.organization)
        if (await self.connection.execute(delete(files).where(mine))).rowcount == 0:
            raise FileNotFound()
        for table in (pieces, uploads):
            await self.connection.execute(delete(table).where(table.c.file_id == id))


@dataclass(frozen=True, slots=True)
class SqlFileReader:
    """The FileReader port."""

    connection: AsyncConnection
    organization: OrganizationId

    async def newest(self, limit: int) -> Sequence[StoredFile]:
        query = select(files).where(f.organization_id == self.organization).order_by(f.id.desc()).limit(limit)
        return structs(StoredFile, await self.connection.execute(query))

    async def which(self, ids: Collection[FileId]) -> Collection[FileId]:
        query = select(f.id).where(f.organization_id == self.organization, f.id.in_(list(ids)))
        return set((await self.connection.execute(query)).scalars())

    async def content(self, id: FileId) -> tuple[StoredFile, bytes]:
        query = select(files).where(f.id == id, f.organization_id == self.organization)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise FileNotFound()
        parts = select(pieces.c.content).where(pieces.c.file_id == id).order_by(pieces.c.number)
        found = (await self.connection.execute(parts)).scalars()
        return StoredFile(**row), b"".join(bytes(part) for part in found)

    async def media(self, phone_number_id: PhoneNumberId, ids: Collection[FileId]) -> Sequence[Media]:
        query = select(uploads).where(
            uploads.c.phone_number_id == phone_number_id, uploads.c.file_id.in_(list(ids))
        )
        return structs(Media, await self.connection.execute(query))
