"""A real browser, headless: the system's Chromium. Where there is none its tests are skipped, in CI they fail.

If the system has it, without what is around the page: each new page of a whole one costs twice the CPU.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DEADLINE_MS = 40_000
expect.set_options(timeout=DEADLINE_MS)


@contextmanager
def _launched() -> Iterator[Browser]:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        # As root, as in containers, Chromium runs without its sandbox only.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0)
        try:
            yield browser
        finally:
            browser.close()


_kept: list[Browser] = []


@contextmanager
def kept() -> Iterator[None]:
    """One browser for all pages that are opened within: each knows nothing of the others, and is a second cheaper."""
    with _launched() as browser:
        _kept.append(browser)
        try:
            yield
        finally:
            _kept.clear()


@contextmanager
def open_page(url: str, *, expected_errors: tuple[str, ...] = (), **reader: Any) -> Iterator[Page]:
    """A page at `url`. Errors of scripts and the console, in any tab, fail the test but for those expected.

    reader: whose browser it is, as `new_context` takes it: `locale`, `color_scheme`, `viewport` …
    """
    faults: list[str] = []
    wanted = {"viewport": {"width": 1180, "height": 800}, **reader}
    with nullcontext(_kept[0]) if _kept else _launched() as browser, browser.new_context(**wanted) as context:
        context.set_default_timeout(DEADLINE_MS)
        context.on("weberror", lambda fault: faults.append(str(fault.error)))
        context.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        # What Chromium asks for beside a document that is no page, which names no icon.
        context.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        page = context.new_page()  # further tabs: page.context.new_page()
        page.goto(url)
        yield page
    unexpected = [fault for fault in faults if not any(text in fault for text in expected_errors)]
    assert not unexpected, "\n".join(unexpected)
