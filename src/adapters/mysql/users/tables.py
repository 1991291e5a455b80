"""The tables of users. E-mails and fingerprints are ASCII and compared exactly."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

from tidings.adapters.mysql.engine import TABLE_OPTIONS
from tidings.adapters.mysql.outbox import inbox_table, outbox_table
from tidings.adapters.mysql.types import Choice, Id, Json, Moment, ascii_key
from tidings.domain.kernel import Permission, Role
from tidings.domain.users import LetterKind, Purpose

metadata = MetaData()
outbox = outbox_table(metadata, "users")
inbox = inbox_table(metadata, "users")

FINGERPRINT = 64

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", ascii_key(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("verified_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)
credentials = Table(
    "users_credentials",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("password_hash", ascii_key(255)),
    **TABLE_OPTIONS,
)
identities = Table(
    "users_identities",
    metadata,
    Column("issuer", ascii_key(200), primary_key=True),
    Column("subject", ascii_key(255), primary_key=True),
    Column("user_id", Id, nullable=False, index=True),
    Column("linked_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)
organizations = Table(
    "users_organizations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("physical_address", String(500), nullable=False),
    Column("city", String(200), nullable=False),
    Column("state", String(200), nullable=False),
    Column("zip_code", String(40), nullable=False),
    Column("country", String(100), nullable=False),
    Column("personal", Boolean(create_constraint=False), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    **TABLE_OPTIONS,
)
memberships = Table(
    "users_memberships",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("user_id", Id, primary_key=True),
    Column("role", Choice(Role), nullable=False),
    Column("role_id", Id, index=True),
    Column("suspended_at", Moment),
    Column("joined_at", Moment, nullable=False),
    Index("users_memberships_user", "user_id", "joined_at"),
    **TABLE_OPTIONS,
)
roles = Table(
    "users_roles",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("name", String(100), nullable=False),
    Column("permissions", Json(tuple[Permission, ...]), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("users_roles_name", "organization_id", "name", unique=True),
    **TABLE_OPTIONS,
)
invitations = Table(
    "users_invitations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("email", ascii_key(254), nullable=False),
    Column("role", Choice(Role), nullable=False),
    Column("role_id", Id, index=True),
    Column("invited_by", Id, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("accepted_at", Moment),
    Column("revoked_at", Moment),
    Index("users_invitations_list", "organization_id", "id"),
    Index("users_invitations_email", "organization_id", "email"),
    **TABLE_OPTIONS,
)
sessions = Table(
    "users_sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("organization_id", Id, nullable=False),
    Column("origin", ascii_key(45), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Index("users_sessions_user", "user_id", "id"),
    **TABLE_OPTIONS,
)
refreshes = Table(
    "users_refreshes",
    metadata,
    Column("fingerprint", ascii_key(FINGERPRINT), primary_key=True),
    Column("session_id", Id, nullable=False, index=True),
    Column("spent_at", Moment),
    **TABLE_OPTIONS,
)
factors = Table(
    "users_factors",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("sealed_secret", LargeBinary(1024), nullable=False),
    Column("confirmed_at", Moment),
    Column("last_step", BigInteger, nullable=False),
    **TABLE_OPTIONS,
)
recovery_codes = Table(
    "users_recovery_codes",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("fingerprint", ascii_key(FINGERPRINT), primary_key=True),
    **TABLE_OPTIONS,
)
keys = Table(
    "users_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organization_id", Id, nullable=False),
    Column("user_id", Id, nullable=False),
    Column("name", String(100), nullable=False),
    Column("prefix", ascii_key(24), nullable=False),
    Column("scopes", Json(tuple[Permission, ...]), nullable=False),
    Column("fingerprint", ascii_key(FINGERPRINT), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("last_used_at", Moment),
    Index("users_keys_list", "organization_id", "user_id", "id"),
    **TABLE_OPTIONS,
)
proofs = Table(
    "users_proofs",
    metadata,
    Column("fingerprint", ascii_key(FINGERPRINT), primary_key=True),
    Column("purpose", Choice(Purpose), nullable=False),
    Column("subject", ascii_key(700), nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Index("users_proofs_subject", "purpose", "subject"),
    **TABLE_OPTIONS,
)
letters = Table(
    "users_letters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Choice(LetterKind), nullable=False),
    Column("subject", ascii_key(254), nullable=False),
    Column("detail", String(500), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False, index=True),
    **TABLE_OPTIONS,
)
audit = Table(
    "users_audit",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("user_id", Id),
    Column("origin", ascii_key(45), nullable=False),
    Column("what", ascii_key(80), nullable=False),
    Column("subject", String(254), nullable=False),
    Column("before", Json(dict[str, object])),
    Column("after", Json(dict[str, object])),
    Column("digest", ascii_key(FINGERPRINT), nullable=False),
    Index("users_audit_user", "organization_id", "user_id", "seq"),
    Index("users_audit_what", "organization_id", "what", "seq"),
    Index("users_audit_subject", "organization_id", "subject", "seq"),
    **TABLE_OPTIONS,
)
audit_heads = Table(
    "users_audit_heads",
    metadata,
    Column("organization_id", Id, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("digest", ascii_key(FINGERPRINT), nullable=False),
    **TABLE_OPTIONS,
)
wabas = Table(
    "users_wabas",
    metadata,
    Column("waba_id", ascii_key(32), primary_key=True),
    Column("organization_id", Id, nullable=False, index=True),
    Column("connected_at", Moment, nullable=False),
    Column("sealed_token", LargeBinary(4096), nullable=False),
    **TABLE_OPTIONS,
)
