"""What nobody may do alone, and notices to a person of the staff."""

import sqlalchemy as sa
from alembic import op

revision = "0008_second_person"
down_revision = "0007_handing_on"


def upgrade() -> None:
    op.create_table(
        "second_person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("assigned_to", sa.Uuid(), nullable=True),
        sa.Column("asker", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("decider", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.CheckConstraint("decider IS NULL OR decider <> asker", name=op.f("ck_second_person_two_persons")),
        sa.CheckConstraint(
            "granted IS NULL OR NOT granted OR decider IS NOT NULL", name=op.f("ck_second_person_decided_by_somebody")
        ),
        sa.CheckConstraint("length(reason) >= 10", name=op.f("ck_second_person_reason")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_second_person_referral_id_referral")),
        sa.ForeignKeyConstraint(["target_id"], ["referral.id"], name=op.f("fk_second_person_target_id_referral")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_person")),
    )
    op.create_index(op.f("ix_second_person_referral_id"), "second_person", ["referral_id"], unique=False)
    op.create_index(op.f("ix_second_person_decided_at"), "second_person", ["decided_at"], unique=False)
    op.add_column("notice", sa.Column("staff_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("notice", "staff_id")
    op.drop_table("second_person")
