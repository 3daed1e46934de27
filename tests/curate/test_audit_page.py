"""The audit's page: hostile text stays text, and in a real browser keys answer, answers are kept, and exports are read."""

import asyncio
import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from curate.audit import answers, page
from curate.audit.sheet import Item

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = [
    "</script><script>document.title = 'taken'</script>",
    "<img src='https://evil.example/x' onerror=\"document.title = 'taken'\">\n<!--<script>",
    "یہ اردو ہے۔\nThis line is English.",
    '=HYPERLINK("https://evil.example")',
    "นี่คือข้อความภาษาไทย 中文 தமிழ்",
]
ITEMS = [Item.of(f"x{n}", "urd_Arab", text) for n, text in enumerate(HOSTILE)]


class Parsed(HTMLParser):
    """Tags, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and data.strip():
            self.scripts.append(data)


def test_text_is_data_that_no_parser_can_leave() -> None:
    parsed = Parsed(page.render(ITEMS))
    scripts = [attributes for tag, attributes in parsed.tags if tag == "script"]
    assert [each.get("type") for each in scripts] == ["application/json", None] and len(parsed.scripts) == 2
    sheet = json.loads(parsed.scripts[0])
    assert [item["text"] for item in sheet["items"]] == HOSTILE and sheet["lang"] == "urd-Arab"
    assert not re.search(r"[<>&]", parsed.scripts[0])
    assert not {"img", "iframe", "link", "object", "base"} & {tag for tag, _ in parsed.tags}
    assert not any(name.startswith("on") or name in ("src", "href", "style") for _, a in parsed.tags for name in a)


def test_the_policy_lets_nothing_out_and_nothing_run_but_the_pages_own() -> None:
    [policy] = [html.unescape(a["content"] or "") for tag, a in Parsed(page.render(ITEMS)).tags if a.get("http-equiv")]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert all(re.fullmatch(r"'sha256-[\w+/]{43}='", rules[name]) for name in ("script-src", "style-src"))
    assert set(rules) == {"default-src", "base-uri", "form-action", "script-src", "style-src"}


class Browser:
    """One page of a headless Chromium, over its debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._count = socket, 0
        self.requests: list[str] = []

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        await self._socket.send_json({"id": self._count, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("method") == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            if message.get("id") == self._count:
                assert "error" not in message, message
                return message["result"]

    async def value(self, script: str) -> Any:
        return (await self.ask("Runtime.evaluate", expression=script, returnByValue=True))["result"].get("value")

    async def press(self, *keys: str) -> None:
        """Digits by their place, with what an Arabic layout would type there."""
        for key in keys:
            code = f"Digit{key}" if key.isdigit() else key
            typed = chr(0x660 + int(key)) if key.isdigit() else key
            await self.ask("Input.dispatchKeyEvent", type="keyDown", code=code, key=typed)
            await self.ask("Input.dispatchKeyEvent", type="keyUp", code=code, key=typed)

    async def open(self, url: str) -> None:
        await self.ask("Page.navigate", url=url)
        for _ in range(100):
            if await self.value("document.readyState === 'complete' && document.getElementById('where').textContent"):
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(url)


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[str]:
    """The address of a running browser's debugger."""
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        f"--user-data-dir={tmp_path}/b",
    ]
    process = subprocess.Popen([CHROMIUM, *options, "about:blank"], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        line = next(line for line in process.stderr if "DevTools listening on" in line)
        yield line.rpartition("ws://")[2].partition("/")[0]
    finally:
        process.terminate()
        process.wait(20)


async def driven(address: str, sheet: Path, downloads: Path) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        pages = await (await session.get(f"http://{address}/json")).json()
        target = next(each for each in pages if each["type"] == "page")
        async with session.ws_connect(target["webSocketDebuggerUrl"]) as socket:
            browser = Browser(socket)
            for domain in ("Page", "Runtime", "Network"):
                await browser.ask(f"{domain}.enable")
            await browser.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
            return await fill(browser, sheet.as_uri(), downloads)


async def fill(browser: Browser, url: str, downloads: Path) -> dict[str, Any]:
    """Answer by keys, leave in the middle, come back, export."""
    await browser.open(url)
    seen: dict[str, Any] = {"texts": [await browser.value("document.getElementById('text').textContent")]}
    await browser.press("1", "4", "7", "Enter")  # yes, good, personal data
    await browser.press("2", "6", "6", "5", "ArrowRight")  # mixed, flawed: junk was taken back
    seen["texts"].append(await browser.value("document.getElementById('text').textContent"))
    seen["direction"] = await browser.value("getComputedStyle(document.getElementById('text')).direction")
    seen["lang"] = await browser.value("document.getElementById('text').lang")
    await browser.press("3", "9")  # no; a comment
    await browser.ask("Input.insertText", text='=1+1 "دو" 14')
    await browser.press("Escape", "Enter", "1")  # half filled
    await browser.open(url)  # again: what was answered is there
    seen["where"] = await browser.value("document.getElementById('where').textContent")
    seen["answered"] = await browser.value("document.getElementById('answered').textContent")
    seen["pressed"] = await browser.value("document.querySelectorAll('[aria-pressed=true]').length")
    for suffix in ("csv", "jsonl"):
        await browser.ask(
            "Runtime.evaluate", expression=f"document.getElementById('{suffix}').click()", userGesture=True
        )
    for _ in range(100):
        if len(list(downloads.glob("*.answers.*"))) == 2 and not list(downloads.glob("*.crdownload")):
            break
        await asyncio.sleep(0.1)
    seen["title"] = await browser.value("document.title")
    seen["requests"] = browser.requests
    return seen


def test_keys_answer_answers_are_kept_and_exports_are_read(chromium: str, tmp_path: Path) -> None:
    sheet, downloads = tmp_path / "urd_Arab.html", tmp_path / "downloads"
    sheet.write_text(page.render(ITEMS), "utf-8")
    downloads.mkdir()
    seen = asyncio.run(driven(chromium, sheet, downloads))
    assert seen["texts"] == [HOSTILE[0], HOSTILE[2]] and seen["title"] == "Urdu – audit"
    assert (seen["direction"], seen["lang"]) == ("rtl", "urd-Arab")
    assert (seen["where"], seen["answered"], seen["pressed"]) == ("document 4 of 5", "3 of 5 answered", 1)
    assert {url for url in seen["requests"] if not url.startswith("blob:")} == {sheet.as_uri()}
    key = {"items": {f"x{n}": {} for n in range(5)}}
    exports = [str(downloads / f"urd_Arab.answers.{suffix}") for suffix in ("csv", "jsonl")]
    for filled in answers.read(exports, key):
        given = list(filled.answers.values())
        assert given[0] == answers.Answer("yes", "good", True, False, "")
        assert given[1] == answers.Answer("mixed", "flawed", False, False, "")
        assert given[2] == answers.Answer("no", None, False, False, '=1+1 "دو" 14')
        assert len(filled.half) == filled.blank == 1 and "quality is not answered" in filled.half[0]
    assert "'=1+1" in (downloads / "urd_Arab.answers.csv").read_text("utf-8-sig")
