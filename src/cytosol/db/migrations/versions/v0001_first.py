"""The first schema, frozen: a copy of ``db/tables.py`` as it was then."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from cytosol.db.types import JsonType, KeyType, TimeType

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _serial() -> Column[int]:
    return Column(
        "serial", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True, nullable=False
    )


def _record() -> list[Column[Any]]:
    return [
        Column("id", KeyType, primary_key=True),
        Column("created_at", TimeType, nullable=False),
        Column("updated_at", TimeType, nullable=False),
        Column("deleted_at", TimeType),
        Column("version", Integer, nullable=False, default=1),
        Column("extra", JsonType, nullable=False, default=dict),
    ]


def _ref(name: str, target: str, *, nullable: bool = False, index: bool = True) -> Column[Any]:
    return Column(name, KeyType, ForeignKey(f"{target}.id"), nullable=nullable, index=index)


# -- people -----------------------------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    *_record(),
    Column("uid", Integer, nullable=False, unique=True),
    Column("email", String(255), nullable=False, unique=True),
    Column("name", String(255), nullable=False, default=""),
    Column("password_hash", Text, nullable=False, default=""),
    Column("is_admin", Boolean, nullable=False, default=False),
    Column("disabled_at", TimeType),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", KeyType, primary_key=True),
    Column("created_at", TimeType, nullable=False),
    _ref("user_id", "users"),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    Column("expires_at", TimeType, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    *_record(),
    _ref("user_id", "users"),
    Column("name", String(255), nullable=False, default=""),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    Column("scopes", JsonType, nullable=False),
    Column("expires_at", TimeType),
    Column("last_used_at", TimeType),
)

links = Table(
    "links",
    metadata,
    Column("id", KeyType, primary_key=True),
    Column("created_at", TimeType, nullable=False),
    Column("kind", String(32), nullable=False),  # setup, download
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    Column("expires_at", TimeType, nullable=False),
    Column("used_at", TimeType),
    Column("target", JsonType, nullable=False, default=dict),
)

groups = Table("groups", metadata, *_record(), Column("name", String(255), nullable=False, unique=True))

memberships = Table(
    "memberships",
    metadata,
    Column("group_id", KeyType, ForeignKey("groups.id"), primary_key=True),
    Column("user_id", KeyType, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", String(16), nullable=False, default="member"),  # owner, member
    Column("created_at", TimeType, nullable=False),
)

# -- studies and what they hold ---------------------------------------------------------------------------------------

folders = Table(
    "folders",
    metadata,
    *_record(),
    _ref("parent_id", "folders", nullable=True),
    _ref("owner_id", "users"),
    Column("name", String(255), nullable=False),
    Column("position", Integer, nullable=False, default=0),
)

studies = Table(
    "studies",
    metadata,
    *_record(),
    _ref("folder_id", "folders", nullable=True),
    _ref("owner_id", "users"),
    _ref("group_id", "groups", nullable=True),
    Column("name", String(255), nullable=False),
    Column("display_id", String(255), nullable=False, default=""),
    Column("description", Text, nullable=False, default=""),
    Column("authors", JsonType, nullable=False, default=list),
    Column("species", String(64), nullable=False, default="human"),
    Column("origin", String(32), nullable=False, default="native"),
    Column("published_at", TimeType),
    Column("locked", Boolean, nullable=False, default=False),
    Column("compensation", String(32), nullable=False, default=""),  # "", none, internal, own, or the id of one
)

grants = Table(
    "grants",
    metadata,
    Column("id", KeyType, primary_key=True),
    Column("created_at", TimeType, nullable=False),
    Column("subject_kind", String(16), nullable=False),  # folder, study
    Column("subject_id", KeyType, nullable=False, index=True),
    Column("principal_kind", String(16), nullable=False),  # user, group, builtin
    Column("principal_id", KeyType, index=True),
    Column("principal_name", String(32), nullable=False, default=""),  # all_members, public
    Column("role", String(32), nullable=False),
    UniqueConstraint(
        "subject_kind", "subject_id", "principal_kind", "principal_id", "principal_name", name="uq_grants_principal"
    ),
)

samples = Table(
    "samples",
    metadata,
    *_record(),
    _ref("study_id", "studies"),
    Column("name", String(255), nullable=False),
    Column("position", Integer, nullable=False, default=0),
)

attributes = Table(
    "attributes",
    metadata,
    *_record(),
    _ref("study_id", "studies"),
    Column("name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),  # text, number, boolean
    Column("unit", String(64), nullable=False, default=""),
    Column("position", Integer, nullable=False, default=0),
)

attribute_values = Table(
    "attribute_values",
    metadata,
    Column("attribute_id", KeyType, ForeignKey("attributes.id"), primary_key=True),
    Column("subject_kind", String(16), primary_key=True),  # sample, dataset
    Column("subject_id", KeyType, primary_key=True, index=True),
    Column("value", JsonType, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
    *_record(),
    _ref("study_id", "studies"),
    _ref("sample_id", "samples", nullable=True),
    Column("name", String(255), nullable=False),
    Column("state", String(16), nullable=False, default="staging"),  # staging, ready, published
    Column("technology", String(64), nullable=False, default=""),
    Column("data_version", Integer, nullable=False, default=0),
    Column("position", Integer, nullable=False, default=0),
    Column("notes", JsonType, nullable=False, default=list),
    Column("lineage", JsonType, nullable=False, default=dict),
    Column("bytes_id", KeyType, nullable=False, index=True),  # whose folder in the store holds the bytes
    Column("panel", JsonType, nullable=False, default=list),  # of cytometry: index, channel, reagent
    Column("panel_name", String(255), nullable=False, default=""),
    Column("is_control", Boolean, nullable=False, default=False),
    Column("compensation", String(32), nullable=False, default=""),  # "", none, internal, or the id of one
    Column("gates_locked", Boolean, nullable=False, default=False),
)

elements = Table(
    "elements",
    metadata,
    *_record(),
    _ref("dataset_id", "datasets"),
    Column("kind", String(16), nullable=False),  # table, column, embedding, index, image, labels, shapes, points
    Column("table_name", String(255), nullable=False, default=""),
    Column("name", String(255), nullable=False),
    Column("path", String(1024), nullable=False),
    Column("since_version", Integer, nullable=False),
    Column("until_version", Integer),
    Column("position", Integer, nullable=False, default=0),
    Column("meta", JsonType, nullable=False, default=dict),
    Column("made_by", JsonType, nullable=False, default=dict),
    _ref("job_id", "jobs", nullable=True),
    _ref("owner_id", "users", nullable=True),
    Index("ix_elements_live", "dataset_id", "until_version"),
)

# -- bytes ------------------------------------------------------------------------------------------------------------

originals = Table(
    "originals",
    metadata,
    *_record(),
    _ref("owner_id", "users"),
    _ref("dataset_id", "datasets", nullable=True),
    Column("path", String(1024), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False, default="", index=True),
    Column("md5", String(32), nullable=False, default=""),
    Column("crc32c", String(8), nullable=False, default=""),
    Column("bytes_id", KeyType, index=True),  # whose bytes these are; equal bytes are shared
    _ref("storage_id", "storages", nullable=True),
    Column("source_path", String(1024), nullable=False, default=""),
    Column("source_stamp", String(255), nullable=False, default=""),  # mtime or ETag when it was taken in
)

storages = Table(
    "storages",
    metadata,
    *_record(),
    Column("name", String(255), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # folder, s3
    Column("location", JsonType, nullable=False),
    _ref("owner_id", "users", nullable=True),
    _ref("group_id", "groups", nullable=True),
)

uploads = Table(
    "uploads",
    metadata,
    *_record(),
    _ref("owner_id", "users"),
    Column("folder", String(255), nullable=False, default="", index=True),  # a client's own name for files of one batch
    Column("name", String(1024), nullable=False),
    Column("size", BigInteger),
    Column("n_chunks", Integer),
    Column("state", String(16), nullable=False, default="open"),  # open, complete
    Column("expires_at", TimeType, nullable=False, index=True),
    _ref("original_id", "originals", nullable=True),
)

upload_chunks = Table(
    "upload_chunks",
    metadata,
    Column("upload_id", KeyType, ForeignKey("uploads.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("crc32c", String(8), nullable=False, default=""),
)

# -- gates ------------------------------------------------------------------------------------------------------------

gates = Table(
    "gates",
    metadata,
    *_record(),
    _ref("study_id", "studies"),
    # whose own gate this is, none = the gate of the whole study; clients may name a dataset that there is not
    Column("dataset_id", KeyType, index=True),
    Column("gid", String(24), nullable=False),  # the family: one gate of the study and those of single datasets
    Column("kind", String(16), nullable=False),  # rectangle, polygon, ellipse, range, quadrant, split
    Column("name", String(255), nullable=False),
    Column("x", String(512), nullable=False),
    Column("y", String(512), nullable=False, default=""),
    Column("geometry", JsonType, nullable=False),
    Column("sectors", JsonType, nullable=False, default=list),
    Column("tailored", Boolean, nullable=False, default=False),
    Column("locked", Boolean, nullable=False, default=False),
    Index("ix_gates_family", "study_id", "gid"),
)

populations = Table(
    "populations",
    metadata,
    *_record(),
    _ref("study_id", "studies"),
    _ref("parent_id", "populations", nullable=True),
    Column("name", String(255), nullable=False),
    Column("tree", JsonType, nullable=False),
    Column("terminal_gid", String(24), nullable=False, default=""),
    Column("position", Integer, nullable=False, default=0),
)

compensations = Table(
    "compensations",
    metadata,
    *_record(),
    _ref("study_id", "studies"),
    Column("name", String(255), nullable=False),
    Column("channels", JsonType, nullable=False),
    Column("matrix", JsonType, nullable=False),  # flat, a row for each dye
    Column("made_by", JsonType, nullable=False, default=dict),
)

scale_sets = Table(
    "scale_sets",
    metadata,
    *_record(),
    _ref("study_id", "studies"),
    Column("name", String(255), nullable=False),
    Column("scales", JsonType, nullable=False, default=dict),
    UniqueConstraint("study_id", "name"),
)

attachments = Table(
    "attachments",
    metadata,
    *_record(),
    _ref("study_id", "studies"),
    _ref("original_id", "originals"),
    Column("name", String(255), nullable=False),
)

# -- lists of genes ---------------------------------------------------------------------------------------------------

gene_set_lists = Table(
    "gene_set_lists",
    metadata,
    *_record(),
    _ref("owner_id", "users"),
    _ref("group_id", "groups", nullable=True),
    Column("name", String(255), nullable=False),
    Column("kind", String(16), nullable=False, default="sets"),  # sets, markers
    Column("species", String(64), nullable=False, default=""),
    Column("n_sets", Integer, nullable=False, default=0),
)

gene_set_contents = Table(
    "gene_set_contents",
    metadata,
    Column("gene_set_list_id", KeyType, ForeignKey("gene_set_lists.id"), primary_key=True),
    Column("sets", JsonType, nullable=False),
)

# -- work -------------------------------------------------------------------------------------------------------------

jobs = Table(
    "jobs",
    metadata,
    *_record(),
    Column("serial", BigInteger, nullable=False, unique=True),
    _ref("parent_id", "jobs", nullable=True),
    Column("kind", String(64), nullable=False),
    Column("state", String(16), nullable=False, default="queued", index=True),
    Column("actor", JsonType, nullable=False),
    _ref("owner_id", "users", nullable=True),
    _ref("study_id", "studies", nullable=True),
    _ref("dataset_id", "datasets", nullable=True),
    Column("params", JsonType, nullable=False, default=dict),
    Column("attempt", Integer, nullable=False, default=0),
    Column("max_attempts", Integer, nullable=False, default=1),
    Column("epoch", Integer, nullable=False, default=0),
    Column("lease_owner", String(128), nullable=False, default=""),
    Column("lease_until", TimeType),
    Column("progress", Float, nullable=False, default=0.0),
    Column("step", String(255), nullable=False, default=""),
    Column("memory_bytes", BigInteger, nullable=False, default=0),
    Column("expected_s", Float),
    Column("started_at", TimeType),
    Column("finished_at", TimeType),
    Column("committed_at", TimeType),
    Column("cancel_asked_at", TimeType),
    Column("error", JsonType),
    Column("result", JsonType, nullable=False, default=dict),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("job_id", KeyType, ForeignKey("jobs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", TimeType, nullable=False),
    Column("stream", String(16), nullable=False, default="log"),
    Column("level", String(16), nullable=False, default="info"),
    Column("text", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    _serial(),
    Column("type", String(64), nullable=False),
    Column("at", TimeType, nullable=False, index=True),
    Column("subject_kind", String(32), nullable=False),
    Column("subject_id", KeyType, nullable=False),
    Column("study_id", KeyType, index=True),
    Column("owner_id", KeyType),
    Column("data", JsonType, nullable=False, default=dict),
    sqlite_autoincrement=True,  # a serial is never given again
)

# -- history ----------------------------------------------------------------------------------------------------------

revisions = Table(
    "revisions",
    metadata,
    Column("id", KeyType, primary_key=True),
    Column("created_at", TimeType, nullable=False),
    _ref("study_id", "studies"),
    Column("subject_kind", String(32), nullable=False),
    Column("subject_id", KeyType, nullable=False, index=True),
    _ref("actor_id", "users", nullable=True),
    Column("verb", String(64), nullable=False),
    Column("label", String(255), nullable=False, default=""),
    Column("before", JsonType),
    Column("after", JsonType),
    Column("undone_at", TimeType),
)

aliases = Table(
    "aliases",
    metadata,
    Column("dialect", String(32), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("text", String(255), primary_key=True),
    Column("key", KeyType, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", KeyType, primary_key=True),
    Column("at", TimeType, nullable=False, index=True),
    Column("actor", JsonType, nullable=False),
    Column("verb", String(64), nullable=False),
    Column("subject_kind", String(32), nullable=False, default=""),
    Column("subject_id", KeyType),
    Column("request_id", String(64), nullable=False, default=""),
    Column("detail", JsonType, nullable=False, default=dict),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("user_id", KeyType, ForeignKey("users.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("route", String(255), nullable=False),
    Column("created_at", TimeType, nullable=False, index=True),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
)


def upgrade() -> None:
    """Make all tables."""
    metadata.create_all(op.get_bind(), checkfirst=False)
