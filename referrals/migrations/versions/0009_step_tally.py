"""Where conversations end: monthly counts, and which conversations have an end that is not counted."""

import sqlalchemy as sa
from alembic import op

revision = "0009_step_tally"
down_revision = "0008_second_person"


def upgrade() -> None:
    op.create_table(
        "step_tally",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "kind", "step", name=op.f("pk_step_tally")),
    )
    # Conversations of before are counted with their next end.
    op.add_column("conversation", sa.Column("open", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("conversation", sa.Column("counted", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_conversation_open_seen_at", "conversation", ["open", "seen_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_conversation_open_seen_at", table_name="conversation")
    op.drop_column("conversation", "counted")
    op.drop_column("conversation", "open")
    op.drop_table("step_tally")
