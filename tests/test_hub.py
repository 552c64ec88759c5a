"""Downloads with huggingface_hub from a local mock server, each in a new process that is not offline."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "model_index.json": b"{}",
    "unet/weights.safetensors": b"weights",
    "safety_checker/weights.bin": b"never wanted",
}

CODE = """
import sys, time
from inst.errors import ModelError
from inst.hub import fetch, files_in
def choose(names):
    if "unet/weights.safetensors" not in names:
        raise ModelError("unet/ holds no weights")
    return ["model_index.json", "unet/weights.safetensors"]
try:
    folder = fetch(sys.argv[1], choose, markers=["model_index.json"], hint="; use sd15")
    print(folder.name, files_in(folder))
except ModelError as error:
    print("ModelError", error)
"""


class Hub(BaseHTTPRequestHandler):
    """The part of the hub's API that a download needs. ``owner/busy`` is always overloaded, ``owner/name`` exists."""

    asked: ClassVar[list[str]] = []

    def do_GET(self):
        if "owner" in self.path:
            self.asked.append(self.path)
        path = self.path.partition("?")[0]
        if "owner/busy" in path:
            return self.answer(503, b"")
        if "owner/name" not in path:
            return self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        if "/resolve/" in path:
            content = FILES[path.partition(f"/resolve/{COMMIT}/")[2]]
            return self.answer(200, content, {"X-Repo-Commit": COMMIT, "ETag": f'"{hash(content):x}"'})
        if "/tree/" in path:
            listing = [{"type": "file", "path": n, "size": len(c), "oid": "0"} for n, c in FILES.items()]
            return self.answer(200, json.dumps(listing).encode())
        info = {"id": "owner/name", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
        return self.answer(200, json.dumps(info).encode())

    do_HEAD = do_GET  # noqa: N815

    def answer(self, status, content, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub():
    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def run(repository, home, endpoint, **environment):
    variables = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", **environment}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", CODE, repository],
        env=clean | variables,
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_only_required_files_are_downloaded_and_then_cached(hub, tmp_path):
    expected = f"{COMMIT} ['model_index.json', 'unet/weights.safetensors']"
    assert run("owner/name", tmp_path, hub) == expected
    assert not any("safety_checker" in path for path in Hub.asked)
    Hub.asked.clear()
    assert run("owner/name", tmp_path, hub) == expected
    assert Hub.asked == [], "the second run uses the cache alone"
    assert run("owner/name", tmp_path, hub, HF_HUB_OFFLINE="1") == expected


def test_requests_to_an_overloaded_hub_are_retried(hub, tmp_path):
    assert "owner/busy cannot be downloaded: the hub cannot be reached" in run("owner/busy", tmp_path, hub)
    assert len(Hub.asked) == 3


def test_a_missing_repository_is_requested_once(hub, tmp_path):
    line = run("owner/gone", tmp_path, hub)
    assert line.startswith("ModelError owner/gone cannot be downloaded: the hub has no such repository")
    assert line.endswith("; use sd15")
    assert len(Hub.asked) == 1


def test_an_unreachable_hub_is_reported(tmp_path):
    line = run("owner/name", tmp_path, "http://127.0.0.1:9")
    assert "cannot be reached" in line and "\n" not in line


def test_offline_mode_is_reported(tmp_path):
    assert "HF_HUB_OFFLINE is set" in run("owner/name", tmp_path, "http://127.0.0.1:9", HF_HUB_OFFLINE="1")


def test_a_path_that_is_no_hub_id_is_refused(tmp_path):
    assert "neither a folder that exists nor a hub id" in run("/no/folder", tmp_path, "http://127.0.0.1:9")
