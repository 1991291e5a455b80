"""What one can do with accounts, organisations, sign-ins, keys, and an organisation's link to Meta."""

from tidings.application.users.accounts import (
    Accounts,
    Farewell,
    Identity,
    PasswordChange,
    Profile,
    ProfileChange,
    Registration,
    SignIn,
)
from tidings.application.users.auditing import Audit, AuditVerdict
from tidings.application.users.doors import Doors
from tidings.application.users.factors import (
    Code,
    Enrolment,
    FactorCheck,
    FactorState,
    RecoveryCodes,
    SecondFactors,
)
from tidings.application.users.federating import Departure, Federation, TrustedProvider
from tidings.application.users.inviting import (
    Acceptance,
    Accepted,
    Invitations,
    InvitationView,
    NewInvitation,
)
from tidings.application.users.journal import Journal
from tidings.application.users.keys import ApiKeys, NewApiKey, ShownApiKey
from tidings.application.users.opening import Opening, SignedIn
from tidings.application.users.organizations import MemberChange, OrganizationChange, Organizations
from tidings.application.users.posting import Postman
from tidings.application.users.recovering import Forgotten, Recovery, Reset
from tidings.application.users.resealing import Resealed, Resealing
from tidings.application.users.roles import NewRole, Roles
from tidings.application.users.sessions import (
    Gate,
    RefreshRequest,
    Sessions,
    SessionView,
    SwitchRequest,
)
from tidings.application.users.wabas import EmbeddedSignup, NewWaba, Wabas

__all__ = [
    "Acceptance",
    "Accepted",
    "Accounts",
    "ApiKeys",
    "Audit",
    "AuditVerdict",
    "Code",
    "Departure",
    "Doors",
    "EmbeddedSignup",
    "Enrolment",
    "FactorCheck",
    "FactorState",
    "Farewell",
    "Federation",
    "Forgotten",
    "Gate",
    "Identity",
    "InvitationView",
    "Invitations",
    "Journal",
    "MemberChange",
    "NewApiKey",
    "NewInvitation",
    "NewRole",
    "NewWaba",
    "Opening",
    "OrganizationChange",
    "Organizations",
    "PasswordChange",
    "Postman",
    "Profile",
    "ProfileChange",
    "Recovery",
    "RecoveryCodes",
    "RefreshRequest",
    "Registration",
    "Resealed",
    "Resealing",
    "Reset",
    "Roles",
    "SecondFactors",
    "SessionView",
    "Sessions",
    "ShownApiKey",
    "SignIn",
    "SignedIn",
    "SwitchRequest",
    "TrustedProvider",
    "Wabas",
]
