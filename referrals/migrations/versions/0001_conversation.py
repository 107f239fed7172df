"""What the bot keeps between two messages."""

import sqlalchemy as sa
from alembic import op

from referrals.db import UtcDateTime

revision = "0001_conversation"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "conversation",
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("profile", name="pk_conversation"),
    )
    op.create_table(
        "seen_update",
        sa.Column("update", sa.String(80), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("update", name="pk_seen_update"),
    )
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("above", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_message"),
    )
    op.create_index("ix_outbox_message_profile_id", "outbox_message", ["profile", "id"])
    op.create_table(
        "chat_message",
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("profile", "number", name="pk_chat_message"),
    )


def downgrade() -> None:
    for table in ("chat_message", "outbox_message", "seen_update", "conversation"):
        op.drop_table(table)
