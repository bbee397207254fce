"""All settings in one frozen record. Order: flag, environment (``CYTOSOL_*``), ``DIR/cytosol.toml``, default.

Built once, in ``server`` or ``cli``, and passed down; nothing below reads the environment.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cytosol.base.errors import InvalidInputError

MiB = 1 << 20
GiB = 1 << 30
_FILE_NAME = "cytosol.toml"


class Settings(BaseSettings):
    """What a server can be told; each field is also the environment variable ``CYTOSOL_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="CYTOSOL_", frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )

    data: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("cytosol", appauthor=False)))
    """The data folder: database, stores, logs."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    root_path: str = ""
    """Path under which a proxy serves Cytosol, for example ``/cytosol``."""
    public_url: str = ""
    """Address at which people reach the server, for example ``https://cells.example.org``; empty = as they ask."""
    forwarded_allow_ips: str = "127.0.0.1"
    """Proxies whose forwarded headers are believed, separated by commas."""
    database: str = ""
    """Database URL; empty = SQLite in the data folder; for many users ``postgresql+asyncpg://USER:PASSWORD@HOST/NAME``."""
    store: str = ""
    """Where bytes lie: empty = ``store/`` in the data folder, or ``s3://BUCKET/PREFIX``."""
    s3_endpoint: str = ""
    """Address of an S3-compatible server; empty = AWS."""
    s3_region: str = "us-east-1"
    """Region of the bucket."""
    s3_access_key: str = ""
    """Access key of the bucket; empty = as the machine provides it."""
    s3_secret_key: str = Field("", repr=False)
    """Secret key of the bucket."""
    workers: int = Field(2, ge=1, le=512)
    """Jobs that run at the same time."""
    compute_threads: int = Field(2, ge=1, le=256)
    """Threads that answer queries which compute."""
    compute_time_s: float = Field(60.0, gt=0)
    """Seconds after which a computing query is given up."""
    compute_cache_bytes: int = Field(256 * MiB, ge=0)
    """Memory for answers of computing queries."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is written to ``logs/cytosol.log``."""
    session_hours: float = Field(24 * 14, gt=0)
    """Hours after which an unused sign-in ends."""
    retention_days: float = Field(30.0, ge=0)
    """Days in which a delete can be undone."""
    uncommitted_days: float = Field(7.0, gt=0)
    """Days after which a finished submission that its client never committed is purged."""
    upload_expiry_hours: float = Field(72.0, gt=0)
    """Hours after its last chunk at which an unfinished upload is dropped."""
    download_link_hours: float = Field(24.0, gt=0)
    """Hours for which a download link works."""

    max_json_bytes: int = Field(64 * MiB, ge=1024)
    """Limit of one JSON request body."""
    max_chunk_bytes: int = Field(2 * GiB, ge=1024)
    """Limit of one upload chunk or raw upload request."""
    max_upload_bytes: int = Field(1024 * GiB, ge=1024)
    """Limit of one uploaded file."""
    max_open_uploads: int = Field(1000, ge=1)
    """Unfinished uploads per user."""
    max_user_bytes: int = Field(10 * 1024 * GiB, ge=1024)
    """Stored originals per user."""
    max_user_jobs: int = Field(200, ge=1)
    """Queued and running jobs per user."""
    max_decompression_ratio: float = Field(1000.0, gt=1)
    """Limit of unpacked to packed size of an archive."""
    max_archive_paths: int = Field(200_000, ge=1)
    """Files in one archive."""
    min_free_bytes: int = Field(1 * GiB, ge=0)
    """Free disk space below which nothing new is accepted."""
    job_memory_bytes: int = Field(2 * GiB, ge=256 * MiB)
    """Memory of one job."""

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 (the signature is pydantic's)
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags (given to the constructor) before the environment before the file."""
        flags = init_settings()
        default = cls.model_fields["data"].get_default(call_default_factory=True)
        folder = flags.get("data") or env_settings().get("data") or default
        return init_settings, env_settings, _FileSource(settings_cls, Path(str(folder)) / _FILE_NAME)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL that is used."""
        return self.database or f"sqlite:///{self.data.resolve() / 'cytosol.db'}"

    @property
    def store_url(self) -> str:
        """Where bytes lie: a path, or ``s3://BUCKET/PREFIX``."""
        return self.store or str(self.data.resolve() / "store")


class _FileSource(PydanticBaseSettingsSource):
    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        super().__init__(settings_cls)
        self._path = path

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return {}
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InvalidInputError(f"The settings file is not TOML: {error}", where=str(self._path)) from error


def load_settings(**flags: Any) -> Settings:
    """Build the settings; flags that are None count as not given.

    Raises
    ------
    InvalidInputError
        Names each setting that cannot be used, and why.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise InvalidInputError(
            f"The settings cannot be used: {problems}", do="See docs/reference/settings.md for what each one takes"
        ) from error
