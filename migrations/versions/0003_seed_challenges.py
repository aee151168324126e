"""Reference results beside the boards, notices on data, ranks over tasks, and results of single cases."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "reference_result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("leaderboard_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=200), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("data", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["leaderboard_id"],
            ["leaderboard.id"],
            name=op.f("fk_reference_result_leaderboard_id_leaderboard"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference_result")),
    )
    with op.batch_alter_table("reference_result", schema=None) as batch_op:
        batch_op.create_index("ix_reference_result_leaderboard", ["leaderboard_id", "position"], unique=False)

    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.add_column(sa.Column("data_notice", sa.Text(), nullable=False, server_default=""))

    with op.batch_alter_table("leaderboard_column", schema=None) as batch_op:
        batch_op.add_column(sa.Column("over_tasks", sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cases_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("cases_bytes", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("cases_bytes")
        batch_op.drop_column("cases_sha256")

    with op.batch_alter_table("leaderboard_column", schema=None) as batch_op:
        batch_op.drop_column("over_tasks")

    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.drop_column("data_notice")

    with op.batch_alter_table("reference_result", schema=None) as batch_op:
        batch_op.drop_index("ix_reference_result_leaderboard")

    op.drop_table("reference_result")
