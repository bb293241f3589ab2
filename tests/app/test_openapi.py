"""The API against its own description: whatever fits it, or doesn't, is answered as described."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck
from hypothesis import settings as bounds
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.main import DATABASE, create_app
from app.settings import Settings
from tests.app.fakes import FakeSandbox, write_pack

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Json = dict[str, Any]


class Site:
    """A served app with one attempt, so that ids can be real."""

    def __init__(self, url: str) -> None:
        self.url = url
        with httpx2.Client(base_url=url, timeout=20) as client:
            attempt = client.post("/api/attempts", json={"problem": "tiny"}).json()
            stage = attempt["stages"][0]["id"]
            run = client.post(f"/api/stages/{stage}/runs", json={"code": "x = 1"}).json()
            client.get(run["events"])
            self.cookie = f"overfit={client.cookies['overfit']}"
        self.ids = {"attempt_id": attempt["id"], "stage_id": stage, "run_id": run["id"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "data").mkdir()
    shutil.copy(empty_store, folder / "data" / DATABASE)
    settings = Settings(data=folder / "data", problems=write_pack(folder / "problems"), assets="cdn")
    app = create_app(settings, sandbox=FakeSandbox())
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Site(f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join()


def _described() -> FastAPI:
    """The routes alone: describing them needs no store and no pack."""
    from app.main import ROUTERS

    app = FastAPI(title="Overfit", version="0")
    for router in ROUTERS:
        app.include_router(router)
    return app


schema = schemathesis.openapi.from_dict(_described().openapi())


@schema.parametrize()
@bounds(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
def test_every_operation_answers_as_it_is_described(case: Any, site: Site) -> None:
    # who deletes is somebody new each time: the attempt is needed further on
    headers = {} if case.method == "DELETE" else {"Cookie": site.cookie}
    for name in case.path_parameters:
        if name in site.ids and len(str(case.path_parameters[name])) % 2:
            case.path_parameters[name] = site.ids[name]
    case.call_and_validate(base_url=site.url, headers=headers, checks=CHECKS)


def test_every_operation_has_a_sentence_and_every_body_an_example() -> None:
    described = _described().openapi()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), f"{method} {path}"
            body: Json = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if body:
                name = body["schema"]["$ref"].rpartition("/")[2]
                assert described["components"]["schemas"][name].get("examples"), name
