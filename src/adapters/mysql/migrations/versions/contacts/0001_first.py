"""contacts 0001: first."""

import sqlalchemy as sa
from alembic import op

from tidings.adapters.mysql import types as t

revision, down_revision = "0001", None
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "contacts_aliases",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("person", t.ascii_key(140), nullable=False),
        sa.Column("contact_id", t.Id(), nullable=False),
        sa.Column("phone", t.ascii_key(20), nullable=True),
        sa.Column("country_code", t.ascii_key(5), nullable=False),
        sa.Column("seen_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "person"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("contacts_aliases_contact", "contacts_aliases", ["contact_id"], unique=False)
    op.create_table(
        "contacts_attributes",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", t.ascii_key(24), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("choices", t.Json(object), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "key"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_consents",
        sa.Column("position", t.Position, autoincrement=True, nullable=False),
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("person", t.ascii_key(140), nullable=False),
        sa.Column("contact_id", t.Id(), nullable=True),
        sa.Column("topic", t.ascii_key(40), nullable=False),
        sa.Column("wish", t.ascii_key(24), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("proof", sa.String(length=1000), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.Column("heard_at", t.Moment(), nullable=False),
        sa.Column("by", t.Id(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "contacts_consents_person",
        "contacts_consents",
        ["organization_id", "person", "position"],
        unique=False,
    )
    op.create_table(
        "contacts_deeds",
        sa.Column("contact_id", t.Id(), nullable=False),
        sa.Column("deed", t.ascii_key(24), nullable=False),
        sa.Column("campaign_id", t.Id(), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "deed", "campaign_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_grams",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("gram", sa.String(length=3), nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bits", t.LongBytes, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "gram", "block"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_groups",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("contact_count", t.Position, nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "name", name="contacts_groups_name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("contacts_groups_newest", "contacts_groups", ["organization_id", "id"], unique=False)
    op.create_table(
        "contacts_import_chunks",
        sa.Column("import_id", t.Id(), nullable=False),
        sa.Column("place", t.Position, autoincrement=False, nullable=False),
        sa.Column("body", t.LongBytes, nullable=False),
        sa.PrimaryKeyConstraint("import_id", "place"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_import_errors",
        sa.Column("position", t.Position, autoincrement=True, nullable=False),
        sa.Column("import_id", t.Id(), nullable=False),
        sa.Column("row", t.Position, nullable=False),
        sa.Column("field", sa.String(length=100), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "contacts_import_errors_of", "contacts_import_errors", ["import_id", "position"], unique=False
    )
    op.create_table(
        "contacts_imports",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("options", t.Json(object), nullable=False),
        sa.Column("state", t.ascii_key(24), nullable=False),
        sa.Column("message", sa.String(length=1000), nullable=False),
        sa.Column("total", t.Position, nullable=False),
        sa.Column("report", t.Json(object), nullable=False),
        sa.Column("started_by", t.Id(), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.Column("finished_at", t.Moment(), nullable=True),
        sa.Column("owner", t.ascii_key(80), nullable=True),
        sa.Column("lease_until", t.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("contacts_imports_due", "contacts_imports", ["state", "id"], unique=False)
    op.create_index("contacts_imports_newest", "contacts_imports", ["organization_id", "id"], unique=False)
    op.create_table(
        "contacts_inbox",
        sa.Column("group", t.ascii_key(80), nullable=False),
        sa.Column("event_id", t.Id(), nullable=False),
        sa.Column("heard_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("group", "event_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("contacts_inbox_age", "contacts_inbox", ["heard_at"], unique=False)
    op.create_table(
        "contacts_indexes",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("upto", t.Id(), nullable=True),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("next_place", t.Position, nullable=False),
        sa.PrimaryKeyConstraint("organization_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_memberships",
        sa.Column("group_id", t.Id(), nullable=False),
        sa.Column("contact_id", t.Id(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "contact_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "contacts_memberships_contact", "contacts_memberships", ["contact_id", "group_id"], unique=False
    )
    op.create_table(
        "contacts_merges",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("kept_id", t.Id(), nullable=False),
        sa.Column("absorbed_id", t.Id(), nullable=False),
        sa.Column("current_id", t.Id(), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("at", t.Moment(), nullable=False),
        sa.Column("by", t.Id(), nullable=True),
        sa.Column("undone_at", t.Moment(), nullable=True),
        sa.Column("kept", t.Json(object), nullable=False),
        sa.Column("absorbed", t.Json(object), nullable=False),
        sa.Column("merged", t.Json(object), nullable=False),
        sa.Column("carried", t.Json(object), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("contacts_merges_absorbed", "contacts_merges", ["absorbed_id"], unique=False)
    op.create_index("contacts_merges_current", "contacts_merges", ["current_id"], unique=False)
    op.create_index("contacts_merges_kept", "contacts_merges", ["kept_id"], unique=False)
    op.create_table(
        "contacts_outbox",
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
        "contacts_people",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("phone", t.ascii_key(20), nullable=True),
        sa.Column("person", t.ascii_key(140), nullable=False),
        sa.Column("country_code", t.ascii_key(5), nullable=False),
        sa.Column("bsuid", t.ascii_key(140), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=False),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("company", sa.String(length=100), nullable=False),
        sa.Column("job_title", sa.String(length=100), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("attributes", t.Json(object), nullable=False),
        sa.Column("is_favorite", sa.Boolean(), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("opted_out_at", t.Moment(), nullable=True),
        sa.Column("opted_in_at", t.Moment(), nullable=True),
        sa.Column("consent_source", sa.String(length=100), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.Column("search_text", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "person", name="contacts_people_person"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("contacts_people_newest", "contacts_people", ["organization_id", "id"], unique=False)
    op.create_table(
        "contacts_places",
        sa.Column("contact_id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("place", t.Position, nullable=False),
        sa.PrimaryKeyConstraint("contact_id"),
        sa.UniqueConstraint("organization_id", "place", name="contacts_places_place"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_retention",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("swept_at", t.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_segments",
        sa.Column("id", t.Id(), nullable=False),
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("rule", t.Json(object), nullable=False),
        sa.Column("created_at", t.Moment(), nullable=False),
        sa.Column("updated_at", t.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "name", name="contacts_segments_name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index("contacts_segments_newest", "contacts_segments", ["organization_id", "id"], unique=False)
    op.create_table(
        "contacts_standings",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("person", t.ascii_key(140), nullable=False),
        sa.Column("topic", t.ascii_key(40), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("opted_out_at", t.Moment(), nullable=True),
        sa.Column("opted_in_at", t.Moment(), nullable=True),
        sa.Column("consent_source", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "person", "topic"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_totals",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("contacts", t.Position, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "shard"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "contacts_unindexed",
        sa.Column("organization_id", t.Id(), nullable=False),
        sa.Column("contact_id", t.Id(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "contact_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
