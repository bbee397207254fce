"""The bare peers: the least that the web frameworks must do for the same answers, for over_http.py and upload.py.

python bench/_bare.py PORT_FILE DATABASE REPLAY.json
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
from pathlib import Path

import orjson
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route


def application(database: str, replay: str, folder: Path) -> Starlette:
    """``/fastapi/record`` and ``/starlette/record`` run the recorded statements and send the recorded answer."""
    statements: list[str] = []
    answer: object = {}
    if replay:
        recorded = json.loads(Path(replay).read_text(encoding="utf-8"))
        statements, answer = recorded["statements"], recorded["answer"]
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True) if database else None

    def record() -> Response:
        assert connection is not None
        for statement in statements:
            connection.execute(statement).fetchall()
        return Response(orjson.dumps(answer), media_type="application/json")

    fast = FastAPI()

    @fast.get("/record")
    async def fast_record() -> Response:
        return record()

    async def plain_record(_request: Request) -> Response:
        return record()

    async def upload(request: Request) -> Response:
        file = os.open(folder / "bare.bin", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        offset = 0
        try:
            async for piece in request.stream():
                offset += os.pwrite(file, piece, offset)
        finally:
            os.close(file)
        return Response(orjson.dumps({"offset": offset}), media_type="application/json")

    return Starlette(
        routes=[
            Mount("/fastapi", fast),
            Route("/starlette/record", plain_record),
            Route("/upload", upload, methods=["PUT"]),
        ]
    )


def main() -> None:
    """Serve on a free port, written to a file."""
    port_file, database, replay = sys.argv[1:4]
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    app = application(database, replay, Path(port_file).parent)
    Path(port_file).write_text(str(listener.getsockname()[1]), encoding="utf-8")
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
