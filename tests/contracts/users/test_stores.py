"""Our own stores of users, on every engine."""

from tidings.testing.contracts.user_records import RecordsContract
from tidings.testing.contracts.user_signins import ProofsContract, SignInsContract
from tidings.testing.contracts.user_subscriptions import SubscriptionsContract
from tidings.testing.contracts.users import MembersContract, UsersContract


class TestUsers(UsersContract):
    pass


class TestMembers(MembersContract):
    pass


class TestSignIns(SignInsContract):
    pass


class TestProofs(ProofsContract):
    pass


class TestRecords(RecordsContract):
    pass


class TestSubscriptions(SubscriptionsContract):
    pass
