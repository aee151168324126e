"""Signed records of runs, scopes of tokens, canaries of tasks, and what a worker says of its machine."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "signing_key",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_signing_key")),
    )
    op.create_table(
        "run_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("organizers_document", sa.Text(), nullable=False),
        sa.Column("differs", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_record_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_record")),
        sa.UniqueConstraint("run_id", "attempt", name=op.f("uq_run_record_run_id_attempt")),
    )

    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scope", sa.String(length=16), nullable=False, server_default="full"))

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("canaries", sa.JSON(), nullable=False, server_default="[]"))

    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_low_on_disk", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("is_engine_away", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("engine", sa.JSON(), nullable=False, server_default="{}"))

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("met_data", sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_constraint("uq_alert_run_id", type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_alert_run_id_kind"), ["run_id", "kind"])


def downgrade() -> None:
    op.execute("DELETE FROM alert WHERE kind IN ('canary_found', 'refunds_used_up')")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_constraint("uq_alert_run_id_kind", type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_alert_run_id"), ["run_id"])

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("met_data")

    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.drop_column("engine")
        batch_op.drop_column("is_engine_away")
        batch_op.drop_column("is_low_on_disk")

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_column("canaries")

    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.drop_column("scope")

    op.drop_table("run_record")
    op.drop_table("signing_key")
