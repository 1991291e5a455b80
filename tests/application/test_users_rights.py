"""Whatever happens in whatever order: nobody keeps a right that was taken away."""

import anyio.from_thread
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.application.test_users_world import PASSWORD, SignIn, World, a_world
from tidings.application.users import (
    Acceptance,
    MemberChange,
    NewApiKey,
    NewInvitation,
    NewRole,
    RefreshRequest,
)
from tidings.domain.errors import Refused
from tidings.domain.kernel import RIGHTS, Permission, Role

PERMISSIONS = st.sets(st.sampled_from(list(Permission)), min_size=1, max_size=6)
BUILT_IN = st.sampled_from([Role.OWNER, Role.ADMIN, Role.MEMBER, Role.VIEWER])


class Rights(RuleBasedStateMachine):
    """An organisation whose owner never changes, and what each of the others may do according to a model."""

    folders = None

    def __init__(self):
        super().__init__()
        self.portal = anyio.from_thread.start_blocking_portal()
        self.call = self.portal.__enter__().call

    @initialize()
    def found(self):
        self.world: World = self.call(a_world, next(self.folders))
        self.owner = self.call(self._actor_of, self.call(self.world.somebody, "owner"))
        self.organization = self.owner.organization_id
        self.members: dict[str, frozenset[Permission] | None] = {}
        """Rights by name; None while suspended, absent when not (or no more) a member."""
        self.holders: dict[str, int] = {}
        """Which custom role somebody has."""
        self.roles: list[tuple[object, frozenset[Permission]]] = []
        self.issued: list[tuple[bytes, str, frozenset[Permission], bool]] = []
        """Every secret ever given: header, name, the most it may ever allow, whether it must be dead."""
        self.letters: list[tuple[str, str, int | Role]] = []
        self.count = 0
        for name in ("ada", "ben"):
            self._keep(self.call(self.world.colleague, self.owner, name, Role.ADMIN), name)
            self.members[name] = RIGHTS[Role.ADMIN]
            scopes = tuple(RIGHTS[Role.VIEWER])
            self._make_key(self.issued[-1], scopes)

    async def _actor_of(self, signed_in):
        return await self.world.bearers.actor(f"Bearer {signed_in.token}".encode())

    def _try(self, function, *arguments):
        """A refusal is an answer; only its effects count."""
        try:
            return self.call(function, *arguments)
        except Refused:
            return None

    def _rights(self, what):
        return RIGHTS[what] if isinstance(what, Role) else self.roles[what][1]

    def _kill(self, name, *, keys):
        self.issued = [
            (header, who, most, dead or (who == name and (keys or not header.startswith(b"Bearer tdk_"))))
            for header, who, most, dead in self.issued
        ]

    def _some(self, data, things, label):
        return data.draw(st.sampled_from(sorted(things, key=str)), label=label) if things else None

    @rule(permissions=PERMISSIONS)
    def make_role(self, permissions):
        name = f"Role {len(self.roles)}"
        role = self.call(self.world.roles.add, self.owner, NewRole(name=name, permissions=tuple(permissions)))
        self.roles.append((role.id, frozenset(permissions)))

    @rule(data=st.data(), permissions=PERMISSIONS)
    def change_role(self, data, permissions):
        if not self.roles:
            return
        at = data.draw(st.integers(0, len(self.roles) - 1))
        id, _ = self.roles[at]
        change = NewRole(name=f"Role {at}", permissions=tuple(permissions))
        self.call(self.world.roles.change, self.owner, id, change)
        self.roles[at] = (id, frozenset(permissions))
        for name, held in self.holders.items():
            if held == at and self.members.get(name) is not None:
                self.members[name] = frozenset(permissions)

    @rule(data=st.data(), role=BUILT_IN)
    def invite(self, data, role):
        self.count += 1
        name = f"user{self.count}"
        at = data.draw(st.integers(-1, len(self.roles) - 1))
        what = role if at < 0 else at
        custom = {} if at < 0 else {"role": Role.CUSTOM, "role_id": self.roles[at][0]}
        email = f"{name}@example.org"
        invitation = NewInvitation(email=email, **({"role": role} | custom))
        self.call(self.world.invitations.invite, self.owner, invitation)
        self.call(self.world.postman.tick)
        self.letters.append((name, self.world.mail.token(email), what))

    @rule(data=st.data())
    def accept(self, data):
        letter = self._some(data, self.letters, "letter")
        if letter is None:
            return
        name, token, what = letter
        accepted = self._try(
            self.world.invitations.accept, Acceptance(token=token, name=name, password=PASSWORD)
        )
        if accepted is None:
            return
        self.members[name] = self._rights(what)
        if not isinstance(what, Role):
            self.holders[name] = what
        self._keep(accepted.signed_in, name)

    def _keep(self, signed_in, name):
        most = frozenset(Permission)
        self.issued.append((f"Bearer {signed_in.token}".encode(), name, most, False))
        self.refreshes = [*getattr(self, "refreshes", []), (signed_in.refresh_token, name)]

    @rule(data=st.data())
    def sign_in(self, data):
        name = self._some(data, self.members, "who")
        if name is None:
            return
        given = SignIn(email=f"{name}@example.org", password=PASSWORD, organization_id=self.organization)
        signed_in = self._try(self.world.accounts.login, given, "192.0.2.1")
        assert (signed_in is not None) == (self.members[name] is not None)
        if signed_in:
            self._keep(signed_in, name)

    @rule(data=st.data())
    def refresh(self, data):
        token = self._some(data, getattr(self, "refreshes", []), "refresh")
        if token is None:
            return
        signed_in = self._try(self.world.sessions.refresh, RefreshRequest(refresh_token=token[0]))
        if signed_in:
            self._keep(signed_in, token[1])

    @rule(data=st.data(), role=BUILT_IN)
    def change_member(self, data, role):
        name = self._some(data, self.members, "who")
        if name is None:
            return
        at = data.draw(st.integers(-1, len(self.roles) - 1))
        what = role if at < 0 else at
        custom = {} if at < 0 else {"role": Role.CUSTOM, "role_id": self.roles[at][0]}
        changed = self._try(self._change, name, MemberChange(**({"role": role} | custom)))
        if changed is None:
            return
        self.holders.pop(name, None)
        if at >= 0:
            self.holders[name] = at
        if self.members[name] is not None:
            self.members[name] = self._rights(what)

    async def _change(self, name, change):
        id = await self._id(name)
        return await self.world.organizations.change_member(self.owner, id, change)

    async def _id(self, name):
        async with self.world.read() as look:
            return (await look.users.by_email(f"{name}@example.org"))[0].id

    @rule(data=st.data())
    def suspend(self, data):
        name = self._some(data, self.members, "who")
        if name and self._try(self._change, name, MemberChange(suspended=True)):
            self.members[name] = None
            self._kill(name, keys=False)

    @rule(data=st.data())
    def remove(self, data):
        name = self._some(data, self.members, "who")
        if name is None:
            return

        async def remove():
            await self.world.organizations.remove_member(self.owner, await self._id(name))
            return True

        if self._try(remove):
            del self.members[name]
            self.holders.pop(name, None)
            self._kill(name, keys=True)

    @rule(data=st.data(), scopes=PERMISSIONS)
    def make_key(self, data, scopes):
        alive = [each for each in self.issued if not each[3] and not each[0].startswith(b"Bearer tdk_")]
        secret = self._some(data, alive, "with")
        if secret is not None:
            self._make_key(secret, scopes)

    def _make_key(self, secret, scopes):
        async def make():
            actor = await self.world.bearers.actor(secret[0])
            return await self.world.api_keys.create(actor, NewApiKey(name="k", scopes=tuple(scopes)))

        shown = self._try(make)
        if shown:
            self.issued.append((f"Bearer {shown.key}".encode(), secret[1], frozenset(scopes), False))

    @rule(data=st.data())
    def sign_out(self, data):
        alive = [each for each in self.issued if not each[3] and not each[0].startswith(b"Bearer tdk_")]
        secret = self._some(data, alive, "with")
        if secret is None:
            return

        async def out():
            await self.world.sessions.logout(await self.world.bearers.actor(secret[0]))
            return True

        if self._try(out):
            self.issued = [
                (header, who, most, dead or header == secret[0]) for header, who, most, dead in self.issued
            ]

    @invariant()
    def nobody_may_do_more_than_the_model_says(self):
        for header, name, most, dead in getattr(self, "issued", []):

            async def look(header=header):
                return await self.world.bearers.actor(header)

            actor = self._try(look)
            if actor is None or actor.organization_id != self.organization:
                continue
            allowed = self.members.get(name)
            assert not dead, f"{name} still enters"
            assert allowed is not None, f"{name} is no active member"
            assert actor.rights <= allowed & most, f"{name} kept {actor.rights - (allowed & most)}"

    def teardown(self):
        if hasattr(self, "world"):
            self.call(self.world.close)
        self.portal.__exit__(None, None, None)


def test_nobody_keeps_a_right_that_was_taken_away(tmp_path_factory):
    class Here(Rights):
        folders = iter(lambda: tmp_path_factory.mktemp("rights"), None)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
