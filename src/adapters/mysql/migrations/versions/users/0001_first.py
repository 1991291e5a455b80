"""users 0001: first."""

import sqlalchemy as sa
from alembic import op

from tidings.adapters.mysql import types as t

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("email", t.ascii_key(254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("verified_at", t.Moment(), nullable=True),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "users_audit",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.Column("user_id", t.Id(), nullable=True),
        sa.Column("origin", t.ascii_key(45), nullable=False),
        sa.Column("what", t.ascii_key(80), nullable=False),
        sa.Column("subject", sa.String(length=254), nullable=False),
        sa.Column("before", t.Json(object), nullable=True),
        sa.Column("after", t.Json(object), nullable=True),
        sa.Column("digest", t.ascii_key(64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "seq"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("users_audit_subject", "users_audit", ["organization_id", "subject", "seq"], unique=False)
    op.create_index("users_audit_user", "users_audit", ["organization_id", "user_id", "seq"], unique=False)
    op.create_index("users_audit_what", "users_audit", ["organization_id", "what", "seq"], unique=False)
    op.create_table(
        "users_audit_heads",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", t.ascii_key(64), nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "users_credentials",
        sa.Column("user_id", t.Id(), nullable=False),
        sa.Column("password_hash", t.ascii_key(255), nullable=True),
        sa.PrimaryKeyConstraint("user_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "users_deliveries",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("subscription_id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("event_id", t.Id(), nullable=False),
        sa.Column("type", t.ascii_key(64), nullable=False),
        sa.Column("key", t.ascii_key(160), nullable=False),
        sa.Column("body", t.LongText, nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.Column("state", t.ascii_key(24), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", t.Moment(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("delivered_at", t.Moment(), nullable=True),
        sa.Column("claim", t.Id(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("users_deliveries_at", "users_deliveries", ["at"], unique=False)
    op.create_index("users_deliveries_claim", "users_deliveries", ["claim"], unique=False)
    op.create_index("users_deliveries_due", "users_deliveries", ["state", "next_attempt_at"], unique=False)
    op.create_index("users_deliveries_log", "users_deliveries", ["subscription_id", "id"], unique=False)
    op.create_index("users_deliveries_once", "users_deliveries", ["subscription_id", "event_id"], unique=True)
    op.create_index(
        "users_deliveries_order", "users_deliveries", ["subscription_id", "key", "state", "id"], unique=False
    )
    op.create_table(
        "users_factors",
        sa.Column("user_id", t.Id(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(length=1024), nullable=False),
        sa.Column("confirmed_at", t.Moment(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "users_identities",
        sa.Column("issuer", t.ascii_key(200), nullable=False),
        sa.Column("subject", t.ascii_key(255), nullable=False),
        sa.Column("user_id", t.Id(), nullable=False),
        sa.Column("linked_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_users_identities_user_id"), "users_identities", ["user_id"], unique=False)
    op.create_table(
        "users_inbox",
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("event_id", t.Id(), nullable=False),
        sa.Column("heard_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("group", "event_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("users_inbox_age", "users_inbox", ["heard_at"], unique=False)
    op.create_table(
        "users_invitations",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("email", t.ascii_key(254), nullable=False),
        sa.Column("role", t.ascii_key(24), nullable=False),
        sa.Column("role_id", t.Id(), nullable=True),
        sa.Column("invited_by", t.Id(), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("ends_at", t.Moment(), nullable=False),
        sa.Column("accepted_at", t.Moment(), nullable=True),
        sa.Column("revoked_at", t.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_users_invitations_role_id"), "users_invitations", ["role_id"], unique=False)
    op.create_index(
        "users_invitations_email", "users_invitations", ["organization_id", "email"], unique=False
    )
    op.create_index("users_invitations_list", "users_invitations", ["organization_id", "id"], unique=False)
    op.create_table(
        "users_keys",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("user_id", t.Id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", t.ascii_key(24), nullable=False),
        sa.Column("scopes", t.Json(object), nullable=False),
        sa.Column("fingerprint", t.ascii_key(64), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("ends_at", t.Moment(), nullable=False),
        sa.Column("last_used_at", t.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fingerprint"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("users_keys_list", "users_keys", ["organization_id", "user_id", "id"], unique=False)
    op.create_table(
        "users_letters",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("kind", t.ascii_key(24), nullable=False),
        sa.Column("subject", t.ascii_key(254), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_users_letters_due_at"), "users_letters", ["due_at"], unique=False)
    op.create_table(
        "users_memberships",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("user_id", t.Id(), nullable=False),
        sa.Column("role", t.ascii_key(24), nullable=False),
        sa.Column("role_id", t.Id(), nullable=True),
        sa.Column("suspended_at", t.Moment(), nullable=True),
        sa.Column("joined_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "user_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_users_memberships_role_id"), "users_memberships", ["role_id"], unique=False)
    op.create_index("users_memberships_user", "users_memberships", ["user_id", "joined_at"], unique=False)
    op.create_table(
        "users_organizations",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("physical_address", sa.String(length=500), nullable=False),
        sa.Column("city", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=200), nullable=False),
        sa.Column("zip_code", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=100), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "users_outbox",
        sa.Column("position", t.Position, autoincrement=True, nullable=False),
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("type", t.ascii_key(80), nullable=False),
        sa.Column("key", sa.String(length=191), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("body", t.LongBytes, nullable=False),
        sa.Column("occurred_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "users_proofs",
        sa.Column("fingerprint", t.ascii_key(64), nullable=False),
        sa.Column("purpose", t.ascii_key(24), nullable=False),
        sa.Column("subject", t.ascii_key(700), nullable=False),
        sa.Column("ends_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_users_proofs_ends_at"), "users_proofs", ["ends_at"], unique=False)
    op.create_index("users_proofs_subject", "users_proofs", ["purpose", "subject"], unique=False)
    op.create_table(
        "users_recovery_codes",
        sa.Column("user_id", t.Id(), nullable=False),
        sa.Column("fingerprint", t.ascii_key(64), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "fingerprint"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "users_refreshes",
        sa.Column("fingerprint", t.ascii_key(64), nullable=False),
        sa.Column("session_id", t.Id(), nullable=False),
        sa.Column("spent_at", t.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_users_refreshes_session_id"), "users_refreshes", ["session_id"], unique=False)
    op.create_table(
        "users_roles",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("permissions", t.Json(object), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("users_roles_name", "users_roles", ["organization_id", "name"], unique=True)
    op.create_table(
        "users_sessions",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("user_id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("origin", t.ascii_key(45), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("ends_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_users_sessions_ends_at"), "users_sessions", ["ends_at"], unique=False)
    op.create_index("users_sessions_user", "users_sessions", ["user_id", "id"], unique=False)
    op.create_table(
        "users_subscriptions",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("events", t.Json(object), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("state", t.ascii_key(24), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", t.Moment(), nullable=True),
        sa.Column("resting_until", t.Moment(), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.Column("current", sa.LargeBinary(length=500), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=500), nullable=True),
        sa.Column("previous_until", t.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_users_subscriptions_organization_id"),
        "users_subscriptions",
        ["organization_id"],
        unique=False,
    )
    op.create_table(
        "users_wabas",
        sa.Column("waba_id", t.ascii_key(32), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("connected_at", t.Moment(), nullable=False),
        sa.Column("sealed_token", sa.LargeBinary(length=4096), nullable=False),
        sa.PrimaryKeyConstraint("waba_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_users_wabas_organization_id"), "users_wabas", ["organization_id"], unique=False)
