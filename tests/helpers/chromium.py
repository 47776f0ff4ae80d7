"""Debian's Chromium, driven by playwright; it has nothing to do on the network but our page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

PROGRAM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip

OF_THE_NETWORK = ("Failed to load resource", "WebSocket connection to")
"""What the browser itself writes into the console when a server refuses, or is gone."""


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=PROGRAM, args=ARGUMENTS)


def listen_for_errors(page: Page, errors: list[str]) -> None:
    """Add what goes wrong in the page from now on: its own errors, and what its policy forbids."""

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith(OF_THE_NETWORK):
            errors.append(said.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: errors.append(str(error)))
