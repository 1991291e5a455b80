"""Users and teams on SQLite, with passwords that cost nothing, mail that is kept, and a clock to turn."""

import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidings.adapters.embedded.limits import LocalLimiter
from tidings.adapters.embedded.signal import LocalSignal
from tidings.adapters.embedded.sqlite import sqlite_database
from tidings.adapters.embedded.system import new_secret, uuid7
from tidings.adapters.http.security import Bearers
from tidings.adapters.mysql import teams as team_tables
from tidings.adapters.mysql import users as user_tables
from tidings.adapters.mysql.engine import Database
from tidings.adapters.mysql.outbox import SqlOutboxReader
from tidings.adapters.mysql.teams import teams_in
from tidings.adapters.mysql.users import users_in
from tidings.adapters.peers.users import LocalPeople
from tidings.adapters.security import AesSealer, AppCodes, JwtTokens
from tidings.application.ports.users import Email, MailUnavailable, ShownAccounts
from tidings.application.teams import Teams
from tidings.application.users import (
    Acceptance,
    Accounts,
    ApiKeys,
    Audit,
    Doors,
    FactorCheck,
    Federation,
    Gate,
    Invitations,
    Journal,
    NewInvitation,
    Opening,
    Organizations,
    Postman,
    Recovery,
    Registration,
    Roles,
    SecondFactors,
    Sessions,
    SignedIn,
    SignIn,
    Wabas,
)
from tidings.domain.events import ConnectedNumber
from tidings.domain.kernel import Actor, PhoneNumberId, Role, WabaId

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PASSWORD = "a fine long sentence"
HERE = "192.0.2.7"


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def pass_(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class PlainPasswords:
    """Counts what it was asked."""

    verified: int = 0
    level: str = "plain"

    async def hash(self, password: str) -> str:
        return f"{self.level}:{password}"

    async def verify(self, password: str, hash: str | None) -> bool:
        self.verified += 1
        return hash is not None and hash.partition(":")[2] == password

    def outdated(self, hash: str) -> bool:
        return not hash.startswith(f"{self.level}:")

    def common(self, password: str) -> bool:
        return password == "password12"


@dataclass
class KeptMail:
    sent: list[Email] = field(default_factory=list)
    away: bool = False

    async def send(self, email: Email) -> None:
        if self.away:
            raise MailUnavailable()
        self.sent.append(email)

    def token(self, to: str) -> str:
        """The token in the newest letter to somebody."""
        letter = next(each for each in reversed(self.sent) if each.to == to)
        return re.search(r"#token=([\w-]+)", letter.text)[1]


@dataclass
class FakeMeta:
    shown: tuple[str, ...] = ("1001",)
    subscribed: list[str] = field(default_factory=list)

    async def connected_numbers(self, waba_id, token):
        number = ConnectedNumber(phone_number_id=PhoneNumberId("77"), display_phone_number="+44 20 7946 0958")
        return [number]

    async def redeem(self, code):
        return ShownAccounts(access_token=f"EAA-{code}", waba_ids=tuple(WabaId(each) for each in self.shown))

    async def subscribe(self, waba_id, token):
        self.subscribed.append(waba_id)


class World:
    """Everything of users and teams."""

    def __init__(self, users: Database, teams: Database) -> None:
        self.databases = [users, teams]
        self.clock = now = Clock()
        self.passwords, self.mail, self.meta = PlainPasswords(), KeptMail(), FakeMeta()
        self.signal = LocalSignal()
        self.begin, self.read = begin, read = users_in(users, now=now, new_id=uuid7)
        both = {"begin": begin, "read": read}
        self.tokens, self.sealer = JwtTokens(["k" * 40]), AesSealer(["s" * 40])
        self.codes = AppCodes()
        self.doors = Doors(LocalLimiter(now.monotonic))
        self.gate = Gate(**both, tokens=self.tokens, now=now)
        self.bearers = Bearers(self.gate.identify, now, now.monotonic)
        made = {"now": now, "new_id": uuid7}
        journal = Journal(**made)
        self.opening = opening = Opening(self.tokens, journal, now, uuid7, new_secret)
        check = FactorCheck(**both, sealer=self.sealer, codes=self.codes, doors=self.doors, now=now)
        forget, signal = self.bearers.forget, self.signal
        self.accounts = Accounts(
            **both,
            **made,
            passwords=self.passwords,
            opening=opening,
            doors=self.doors,
            factors=check,
            forget=forget,
            signal=signal,
        )
        self.sessions = Sessions(**both, opening=opening, forget=forget, now=now)
        self.recovery = Recovery(
            **both,
            **made,
            passwords=self.passwords,
            doors=self.doors,
            journal=journal,
            forget=forget,
            signal=signal,
        )
        self.organizations = Organizations(**both, **made, opening=opening, forget=forget, signal=signal)
        self.invitations = Invitations(
            **both, **made, passwords=self.passwords, opening=opening, doors=self.doors, signal=signal
        )
        self.roles = Roles(**both, **made, journal=journal, forget=forget)
        self.second_factors = SecondFactors(
            **both,
            sealer=self.sealer,
            codes=self.codes,
            check=check,
            journal=journal,
            now=now,
            new_secret=new_secret,
        )
        self.api_keys = ApiKeys(**both, **made, journal=journal, forget=forget, new_secret=new_secret)
        self.federation = Federation(
            begin, {}, opening, signal=signal, now=now, new_id=uuid7, new_secret=new_secret
        )
        self.audit = Audit(**both)
        self.postman = Postman(
            begin, self.mail, signal, base_url="https://t.example", now=now, new_secret=new_secret
        )
        self.wabas = Wabas(
            **both, sealer=self.sealer, meta=self.meta, journal=journal, signal=signal, now=now
        )
        teams_begin, teams_read = teams_in(teams, now=now, new_id=uuid7)
        self.teams = Teams(teams_begin, teams_read, LocalPeople(self.accounts), **made)
        self.outbox = SqlOutboxReader(users, user_tables.outbox)
        self.teams_outbox = SqlOutboxReader(teams, team_tables.outbox)
        self._names = itertools.count(1)

    async def close(self) -> None:
        for database in self.databases:
            await database.close()

    async def somebody(self, name: str = "") -> SignedIn:
        """A new user, signed in."""
        name = name or f"user{next(self._names)}"
        new = Registration(email=f"{name}@example.org", password=PASSWORD, name=name.title())
        return await self.accounts.register(new, HERE)

    async def actor(self, signed_in: SignedIn) -> Actor:
        return await self.bearers.actor(f"Bearer {signed_in.token}".encode())

    async def login(self, name: str, **more) -> SignedIn:
        return await self.accounts.login(SignIn(email=f"{name}@example.org", password=PASSWORD, **more), HERE)

    async def colleague(self, owner: Actor, name: str, role: Role = Role.MEMBER, **more) -> SignedIn:
        """A new user who was invited by the owner and accepted, signed in with the owner's organisation."""
        email = f"{name}@example.org"
        await self.invitations.invite(owner, NewInvitation(email=email, role=role, **more))
        await self.postman.tick()
        acceptance = Acceptance(token=self.mail.token(email), name=name.title(), password=PASSWORD)
        return (await self.invitations.accept(acceptance, HERE)).signed_in


async def a_world(folder: Path) -> World:
    users, teams = sqlite_database(folder / "users.db"), sqlite_database(folder / "teams.db")
    await users.create(user_tables.metadata)
    await teams.create(team_tables.metadata)
    return World(users, teams)
