"""The service directory."""

import sqlalchemy as sa
from alembic import op

revision = "0002_directory"
down_revision = "0001_conversation"


def upgrade() -> None:


def downgrade() -> None:
    for table in ("service_area", "schedule", "phone", "location", "service", "organization"):
        op.drop_table(table)
