"""A server as a person starts it, and a person's browser that notes what a page should never do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

from app.settings import CHECKOUT

LISTEN = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""
# a person who looks at the page sees these only as the page's own words
EXPECTED = ("Failed to load resource", "net::ERR_", "The editor can't be loaded")


@dataclass(slots=True)
class Server:
    """`overfit serve` as a person starts it, on a port of its own."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    clock: Path | None = None  # a file with the milliseconds that this server's clock is ahead
    url: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self, *, port: int = 0) -> None:
        environment = {
            **os.environ,
            "OVERFIT_DATA": str(self.data),
            "OVERFIT_ASSETS": "local",
            "OVERFIT_PORT": str(port),
            **self.settings,
        }
        command = [str(Path(sys.executable).with_name("overfit")), "serve"]
        if self.clock is not None:
            command = [sys.executable, "-m", "tests.journeys.ahead", str(self.clock)]
        self.process = subprocess.Popen(
            command,
            env=environment,
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert "http://" in first, first + self.process.stdout.read()
        self.url = "http://" + first.split("http://")[1].split()[0].rstrip("/")

    def wait_until_ready(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=10) as answer:
                health = json.load(answer)
            if health["judge"] == "ready":
                return
            assert health["judge"] == "warming", health
            time.sleep(0.2)
        raise AssertionError(f"the judge was not ready after {seconds} s")

    def pass_time(self, *, minutes: float) -> None:
        """Move this server's clock on."""
        assert self.clock is not None
        ahead = int(self.clock.read_text()) + round(minutes * 60_000)
        waiting = self.clock.with_suffix(".new")
        waiting.write_text(str(ahead))
        waiting.replace(self.clock)

    def restart(self) -> None:
        """Stop it and start it again at the same address; runs wait until its judge is warm."""
        port = int(self.url.rsplit(":", 1)[1])
        self.stop()
        self.start(port=port)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.communicate(timeout=30)
        self.process = None


@dataclass(slots=True)
class Visitor:
    """One person's browser: pages that note every policy violation, exception and console error."""

    context: BrowserContext
    server: Server
    noted: list[str] = field(default_factory=list)

    def page(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.add_init_script(LISTEN)
        page.on("pageerror", lambda error: self.noted.append(f"exception: {error}"))
        page.on("console", lambda message: self._note(message.type, message.text))
        page.goto(self.server.url + path)
        page.locator("html[data-ready]").wait_for()
        return page

    def attempt(self, **wish: Any) -> dict[str, Any]:
        """An attempt of this person, opened by the API."""
        answer = self.context.request.post(f"{self.server.url}/api/attempts", data=wish)
        assert answer.ok, answer.text()
        opened: dict[str, Any] = answer.json()
        return opened

    def workspace(self, attempt: dict[str, Any], *, editor: str = "monaco") -> Page:
        """The workspace, once its editor is there."""
        page = self.page(attempt["url"])
        page.locator(f"body[data-editor={editor}]").wait_for()
        return page

    def read(self, attempt: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.context.request.get(
            f"{self.server.url}/api/attempts/{attempt['id']}"
        ).json()
        return answer

    def key(self, attempt: dict[str, Any]) -> dict[str, Any]:
        """What the reveal tells."""
        url = f"{self.server.url}/api/attempts/{attempt['id']}/reveal"
        answer: dict[str, Any] = self.context.request.post(url).json()
        return answer

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith(EXPECTED):
            self.noted.append(text)
