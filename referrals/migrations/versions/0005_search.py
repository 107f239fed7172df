"""Indexes that a child's search uses: nationwide instead of status, by which almost all services are alike."""

from alembic import op

revision = "0005_search"
down_revision = "0004_staff"


def upgrade() -> None:
    op.drop_index(op.f("ix_service_status"), table_name="service")
    op.create_index(op.f("ix_service_nationwide"), "service", ["nationwide"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_service_nationwide"), table_name="service")
    op.create_index(op.f("ix_service_status"), "service", ["status"], unique=False)
