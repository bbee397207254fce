"""Starting, stopping and operating the server as a user does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.processes import COMMAND, EMAIL, PASSWORD, RunningServer, command, printed_link, server, serving

__all__ = ["server"]


def run(*arguments: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("CYTOSOL_")} | environment
    return subprocess.run(
        [*COMMAND, *arguments, "--data", str(data)], capture_output=True, text=True, env=env, timeout=120, check=False
    )


def test_an_empty_folder_prints_a_link_that_makes_the_first_admin_once(tmp_path: Path) -> None:
    with serving(tmp_path, with_user=False) as running:
        key = printed_link(running).partition("?key=")[2]
        body = {"key": key, "email": EMAIL, "name": "Ada", "password": PASSWORD}
        with httpx.Client(base_url=f"{running.url}/api/v1/", headers={"x-cytosol": "1"}) as client:
            assert client.get("server").json()["needs_setup"] is True
            made = client.post("setup", json=body)
            assert made.status_code in (200, 201), made.text
            assert made.json()["user"]["is_admin"] is True
            assert client.get("session").json()["user"]["email"] == EMAIL
            assert client.get("server").json()["needs_setup"] is False
        again = httpx.post(f"{running.url}/api/v1/setup", json=body)
        assert again.status_code == 401
    with serving(tmp_path, with_user=False) as running:
        assert not any("setup" in line for line in running.printed)


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port), data=tmp_path)
    assert done.returncode == 1
    assert f"Port {port} is taken by another program" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", data=tmp_path, CYTOSOL_MIN_FREE_BYTES=str(1 << 60))
    assert done.returncode == 1
    assert "GB are free" in done.stderr
    assert "min_free_bytes" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    done = run("serve", data=tmp_path, CYTOSOL_WORKERS="none")
    assert done.returncode == 1
    assert "workers" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_server_on_the_folder_is_refused(server: RunningServer) -> None:
    done = run("serve", "--port", "0", data=server.data, CYTOSOL_MIN_FREE_BYTES="0")
    assert done.returncode == 1
    assert "already runs on this data folder" in done.stderr


def test_operations(server: RunningServer) -> None:
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{server.url}/readyz").json() == {"status": "ready"}
    metrics = httpx.get(f"{server.url}/metrics").text
    assert re.search(r"^cytosol_resident_bytes \d", metrics, re.M)
    assert re.search(r'^cytosol_jobs\{state="queued"\} 0', metrics, re.M)


@pytest.mark.parametrize("path", ["/nothing", "/api/v2/studies", "/api/v1/nothing", "/wp-login.php"])
def test_unknown_addresses_are_json_404s_with_a_request_id(server: RunningServer, path: str) -> None:
    answer = httpx.get(server.url + path)
    assert answer.status_code == 404
    assert "json" in answer.headers["content-type"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_the_request_id_stands_in_the_log(server: RunningServer) -> None:
    httpx.get(f"{server.url}/api/v1/studies/none", headers={"x-request-id": "trace-me-1"})
    deadline, found = time.monotonic() + 15, []
    while not found:  # the line is written when the answer has gone
        lines = (server.data / "logs" / "cytosol.log").read_text().splitlines()
        found = [json.loads(line) for line in lines if "trace-me-1" in line]
        assert time.monotonic() < deadline
    assert found[0]["status"] in (401, 404, 422)


def test_a_missing_slash_of_the_connector_is_explained(server: RunningServer) -> None:
    answer = httpx.post(f"{server.url}/api/v1/test_connection", json={}, headers={"bioturing-api-token": server.token})
    assert answer.status_code == 404
    assert "slash" in answer.json()["detail"]
    assert "slash" in answer.json()["message"]


def test_users_and_tokens_by_command_while_the_server_runs(server: RunningServer) -> None:
    server.command("user", "add", "bo@example.org", "--password", PASSWORD)
    token = server.command("token", "new", "bo@example.org", "--scope", "read", "--expires", "1").strip()
    headers = {"authorization": f"Bearer {token}"}
    who = httpx.get(f"{server.url}/api/v1/session", headers=headers).json()
    assert (who["user"]["email"], who["scopes"]) == ("bo@example.org", ["read"])
    listed = json.loads(server.command("token", "list", "bo@example.org", "--json"))
    assert token not in json.dumps(listed)
    server.command("token", "revoke", listed[0]["id"])
    deadline = time.monotonic() + 15
    while httpx.get(f"{server.url}/api/v1/session", headers=headers).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    server.command("user", "disable", "bo@example.org")
    refused = httpx.post(f"{server.url}/api/v1/session", json={"email": "bo@example.org", "password": PASSWORD})
    assert refused.status_code in (401, 403)
    assert json.loads(server.command("user", "list", "--json"))[-1]["disabled"] is True


def test_a_token_without_a_scope_is_refused(tmp_path: Path) -> None:
    command("user", "add", EMAIL, "--password", PASSWORD, data=tmp_path)
    done = run("token", "new", EMAIL, "--scope", "", data=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs a scope" in done.stderr
    assert json.loads(command("token", "list", EMAIL, "--json", data=tmp_path)) == []


def test_migrate_names_the_revision_that_it_reached(tmp_path: Path) -> None:
    for _ in range(2):  # a fresh folder, then one that is current
        done = run("migrate", data=tmp_path)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"The database is at revision \d{4}\n", done.stderr)


def test_it_stops_cleanly(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        assert running.stop() in (0, 130, -signal.SIGINT)
    assert not any("Traceback" in line for line in running.printed)


def test_it_stops_at_once_while_somebody_watches_events(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        headers = {"authorization": f"Bearer {running.token}"}
        with httpx.stream("GET", f"{running.url}/api/v1/events", headers=headers, timeout=60) as watching:
            lines = watching.iter_lines()
            next(lines)
            started = time.monotonic()
            running.process.send_signal(signal.SIGINT)
            list(lines)
        running.process.wait(30)
        assert time.monotonic() - started < 8


def test_a_root_path_is_served_with_and_without_a_proxy_that_takes_it_off(tmp_path: Path) -> None:
    with serving(tmp_path, "--root-path", "/lab/cytosol") as running:
        assert running.url.endswith("/lab/cytosol")
        bare = running.url.removesuffix("/lab/cytosol")
        for base in (running.url, bare):
            assert httpx.get(f"{base}/healthz").json() == {"status": "ok"}
            assert httpx.get(f"{base}/api/v1/server").status_code == 200
            assert '<base href="/lab/cytosol/app/">' in httpx.get(f"{base}/app/studies").text
        running.command("ls")


def test_a_password_from_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "user", "add", "c@example.org", "--password", "-", "--data", str(tmp_path)],
        input=f"{PASSWORD}\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "c@example.org" in command("user", "list", data=tmp_path)
