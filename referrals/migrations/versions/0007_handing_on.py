"""Handing a case on: whether the child agreed to each organisation, and who asked."""

import sqlalchemy as sa
from alembic import op

revision = "0007_handing_on"
down_revision = "0006_kept_audit"

_RULE = "consent OR override_id IS NOT NULL OR state IN ('asked', 'proposed', 'revoked')"


def upgrade() -> None:
    op.add_column("referral", sa.Column("asked_by", sa.Uuid(), nullable=True))
    op.add_column("referral", sa.Column("asked_at", sa.DateTime(), nullable=True))
    override = "fk_referral_override_id_consent_override"
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("referral", sa.Column("override_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f(override), "referral", "consent_override", ["override_id"], ["id"])
        # Every organisation there is was chosen by the child itself.
        op.add_column("referral", sa.Column("consent", sa.Boolean(), nullable=False, server_default=sa.true()))
        op.alter_column("referral", "consent", server_default=None)
        op.create_check_constraint(op.f("ck_referral_consent"), "referral", _RULE)
    else:
        # Written out: a table that others point to cannot be made anew while SQLite guards the pointers.
        op.execute(
            "ALTER TABLE referral ADD COLUMN override_id CHAR(32) "
            f"CONSTRAINT {override} REFERENCES consent_override (id)"
        )
        op.execute(
            "ALTER TABLE referral ADD COLUMN consent BOOLEAN DEFAULT 1 NOT NULL "
            f"CONSTRAINT ck_referral_consent CHECK ({_RULE})"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_referral_consent"), "referral", type_="check")
    for column in ("consent", "override_id", "asked_at", "asked_by"):
        op.drop_column("referral", column)
