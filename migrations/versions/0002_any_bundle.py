"""Everything that bundles of CodaLab and Codabench ask for."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from medici_platform import database

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "challenge_collaborator",
        sa.Column("challenge_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["challenge_id"],
            ["challenge.id"],
            name=op.f("fk_challenge_collaborator_challenge_id_challenge"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_challenge_collaborator_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("challenge_id", "user_id", name=op.f("pk_challenge_collaborator")),
    )
    with op.batch_alter_table("challenge_collaborator", schema=None) as batch_op:
        batch_op.create_index("ix_challenge_collaborator_user", ["user_id"], unique=False)

    op.create_table(
        "challenge_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("challenge_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_data", sa.Boolean(), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["challenge_id"],
            ["challenge.id"],
            name=op.f("fk_challenge_file_challenge_id_challenge"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenge_file")),
        sa.UniqueConstraint("challenge_id", "path", name=op.f("uq_challenge_file_challenge_id_path")),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("challenge_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("mailed_at", database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", database.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["challenge_id"], ["challenge.id"], name=op.f("fk_alert_challenge_id_challenge"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_alert_run_id_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("run_id", name=op.f("uq_alert_run_id")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index("ix_alert_challenge", ["challenge_id", "resolved_at", "id"], unique=False)

    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.add_column(sa.Column("image_map", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("pull", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("queue_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("auto_run", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("public_submissions", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(
            sa.Column("detailed_results_in_panel", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        batch_op.add_column(
            sa.Column("detailed_results_on_board", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        batch_op.add_column(
            sa.Column("competition_type", sa.String(length=16), nullable=False, server_default="competition")
        )
        batch_op.add_column(sa.Column("reward", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("contact_email", sa.String(length=254), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("fact_sheet", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("definition", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        batch_op.create_foreign_key(batch_op.f("fk_challenge_queue_id_queue"), "queue", ["queue_id"], ["id"])

    with op.batch_alter_table("leaderboard", schema=None) as batch_op:
        batch_op.add_column(sa.Column("anonymous", sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table("leaderboard_column", schema=None) as batch_op:
        batch_op.add_column(sa.Column("group", sa.String(length=100), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("computation", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("computation_indexes", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("computation_weights", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.alter_column(
            "key", existing_type=sa.VARCHAR(length=80), type_=sa.String(length=100), existing_nullable=False
        )

    with op.batch_alter_table("leaderboard_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("task_scores", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.drop_constraint(
            batch_op.f("uq_leaderboard_entry_leaderboard_id_phase_id_participant_id"), type_="unique"
        )
        batch_op.create_index(
            "ix_leaderboard_entry_participant", ["leaderboard_id", "phase_id", "participant_id"], unique=False
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_leaderboard_entry_leaderboard_id_phase_id_submission_id"),
            ["leaderboard_id", "phase_id", "submission_id"],
        )

    with op.batch_alter_table("phase", schema=None) as batch_op:
        batch_op.add_column(sa.Column("detailed_results", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("unwrap_results", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("allowed_images", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("image_pins", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("public_data_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("public_data_bytes", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("starting_kit_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("starting_kit_bytes", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("hide_output", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(
            sa.Column("hide_prediction_output", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("hide_score_output", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("parent_index", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("parallel", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("auto_migrate", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("migrated_at", database.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("embargo_until", database.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("freeze_at", database.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("thawed_at", database.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("late_until", database.UtcDateTime(timezone=True), nullable=True))

    phase = sa.table("phase", sa.column("hidden", sa.Boolean()), sa.column("detailed_results", sa.Boolean()))
    op.execute(phase.update().values(detailed_results=sa.not_(phase.c.hidden)))  # as it was before

    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.alter_column(
            "key", existing_type=sa.VARCHAR(length=80), type_=sa.String(length=100), existing_nullable=False
        )

    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.add_column(sa.Column("image_reference", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("fact_sheet", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("on_board", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("is_public", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("is_late", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("origin_id", sa.Integer(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_submission_origin_id_phase_id"), ["origin_id", "phase_id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_submission_origin_id_submission"), "submission", ["origin_id"], ["id"], ondelete="SET NULL"
        )

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ingestion_program_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("ingestion_program_bytes", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("ingestion_only_during_scoring", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_column("ingestion_only_during_scoring")
        batch_op.drop_column("ingestion_program_bytes")
        batch_op.drop_column("ingestion_program_sha256")

    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_submission_origin_id_submission"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_submission_origin_id_phase_id"), type_="unique")
        batch_op.drop_column("origin_id")
        batch_op.drop_column("is_late")
        batch_op.drop_column("is_public")
        batch_op.drop_column("on_board")
        batch_op.drop_column("fact_sheet")
        batch_op.drop_column("image_reference")

    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.alter_column(
            "key", existing_type=sa.String(length=100), type_=sa.VARCHAR(length=80), existing_nullable=False
        )

    with op.batch_alter_table("phase", schema=None) as batch_op:
        batch_op.drop_column("late_until")
        batch_op.drop_column("thawed_at")
        batch_op.drop_column("freeze_at")
        batch_op.drop_column("embargo_until")
        batch_op.drop_column("migrated_at")
        batch_op.drop_column("auto_migrate")
        batch_op.drop_column("parallel")
        batch_op.drop_column("parent_index")
        batch_op.drop_column("hide_score_output")
        batch_op.drop_column("hide_prediction_output")
        batch_op.drop_column("hide_output")
        batch_op.drop_column("starting_kit_bytes")
        batch_op.drop_column("starting_kit_sha256")
        batch_op.drop_column("public_data_bytes")
        batch_op.drop_column("public_data_sha256")
        batch_op.drop_column("image_pins")
        batch_op.drop_column("allowed_images")
        batch_op.drop_column("unwrap_results")
        batch_op.drop_column("detailed_results")

    with op.batch_alter_table("leaderboard_entry", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("uq_leaderboard_entry_leaderboard_id_phase_id_submission_id"), type_="unique"
        )
        batch_op.drop_index("ix_leaderboard_entry_participant")
        batch_op.create_unique_constraint(
            batch_op.f("uq_leaderboard_entry_leaderboard_id_phase_id_participant_id"),
            ["leaderboard_id", "phase_id", "participant_id"],
        )
        batch_op.drop_column("task_scores")

    with op.batch_alter_table("leaderboard_column", schema=None) as batch_op:
        batch_op.alter_column(
            "key", existing_type=sa.String(length=100), type_=sa.VARCHAR(length=80), existing_nullable=False
        )
        batch_op.drop_column("computation_weights")
        batch_op.drop_column("computation_indexes")
        batch_op.drop_column("computation")
        batch_op.drop_column("group")

    with op.batch_alter_table("leaderboard", schema=None) as batch_op:
        batch_op.drop_column("anonymous")

    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_challenge_queue_id_queue"), type_="foreignkey")
        batch_op.drop_column("version")
        batch_op.drop_column("definition")
        batch_op.drop_column("fact_sheet")
        batch_op.drop_column("contact_email")
        batch_op.drop_column("reward")
        batch_op.drop_column("competition_type")
        batch_op.drop_column("detailed_results_on_board")
        batch_op.drop_column("detailed_results_in_panel")
        batch_op.drop_column("public_submissions")
        batch_op.drop_column("auto_run")
        batch_op.drop_column("queue_id")
        batch_op.drop_column("pull")
        batch_op.drop_column("image_map")

    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index("ix_alert_challenge")

    op.drop_table("alert")
    op.drop_table("challenge_file")
    with op.batch_alter_table("challenge_collaborator", schema=None) as batch_op:
        batch_op.drop_index("ix_challenge_collaborator_user")

    op.drop_table("challenge_collaborator")
