"""Upload of 1 GB: the native raw-body route against a bare Starlette handler that only writes, in one run.

Ours also keeps offsets for resuming, and a CRC-32C on the way; SHA-256, MD5 and CRC-32C of the whole follow at
completion, timed apart. The BioTuring dialect's multipart chunks print theirs. One curl at a time, interleaved.

    python bench/upload.py                   1 GB, about 2 minutes, 3 GB of disk
    python bench/upload.py --bytes 20000000  seconds
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parent))
from _servers import Served, bare, cytosol

ROUNDS = 5


def put(url: str, file: Path, headers: dict[str, str]) -> float:
    """Send a file with curl; seconds."""
    options = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{time_total}", "-T", str(file), "-H", "Expect:"]
    done = subprocess.run([*command, *options, url], capture_output=True, text=True, check=True)
    return float(done.stdout)


def ours(served: Served, file: Path, size: int) -> tuple[float, float]:
    """Seconds of the transfer, and of completion."""
    api = f"{served.url}/api/v1"
    upload = httpx.post(f"{api}/uploads", json={"name": "bench.bin", "size": size}, headers=served.headers).json()
    sending = put(f"{api}/uploads/{upload['id']}/data?offset=0", file, served.headers)
    started = time.perf_counter()
    answer = httpx.post(f"{api}/uploads/{upload['id']}/complete", json={}, headers=served.headers, timeout=600)
    completing = time.perf_counter() - started
    assert answer.json()["size"] == size, answer.text
    return sending, completing


def multipart(served: Served, file: Path, size: int) -> float:
    """Seconds of one multipart chunk of the BioTuring dialect."""
    base = f"{served.url}/t2d_index_tool/api/v1"
    headers = {"bioturing-api-token": served.token}
    body = {"folder_id": "0" * 32, "n_chunks": 1, "original_file_name": f"{time.monotonic_ns()}.bin"}
    added = httpx.post(f"{base}/add_file_upload", json=body, headers=headers).json()["data"][0]["id"]
    params = json.dumps({"folder_id": "0" * 32, "id": added, "chunk": 0, "n_chunks": 1})
    command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{time_total}", "-F", f"params={params}"]
    command += ["-F", f"file=@{file}", "-H", "Expect:", "-H", f"bioturing-api-token: {served.token}"]
    done = subprocess.run([*command, f"{base}/upload_chunk"], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    size = parser.parse_args(arguments).bytes
    times: dict[str, list[float]] = {"bare": [], "ours": [], "complete": [], "multipart": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "bench.bin"
        block = bytes(range(256)) * 4096
        with file.open("wb") as out:
            for start in range(0, size, len(block)):
                out.write(block[: min(len(block), size - start)])
        with cytosol(folder / "data") as served, bare(folder) as peer:
            for _ in range(ROUNDS):
                times["bare"].append(put(f"{peer.url}/upload", file, {}))
                sending, completing = ours(served, file, size)
                times["ours"].append(sending)
                times["complete"].append(completing)
                times["multipart"].append(multipart(served, file, size))
    speeds = {what: size / 1e6 / statistics.median(values) for what, values in times.items()}
    pairs = [peer / mine for peer, mine in zip(times["bare"], times["ours"], strict=True)]
    figures = {"bytes": size, "mb_per_s": speeds, "ratio_median": statistics.median(pairs), "ratios": pairs}
    print(json.dumps(figures, indent=2))
    return figures


if __name__ == "__main__":
    main()
