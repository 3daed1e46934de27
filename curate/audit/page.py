"""A sheet as one HTML file that works without a server: it asks about one document at a time and keeps the answers.

Texts are strangers'. They travel as data, never as markup, and the page's policy lets nothing run but its own script
and no request leave it.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from curate.audit.sheet import QUESTIONS, TEXT_CHARACTERS, Item
from curate.report.markup import Markup, tag
from curate.report.sections import bcp47
from curate.report.words import language


def render(items: Sequence[Item]) -> str:
    """The page of one language's items, one at least."""
    name = language(items[0].language) or items[0].language
    body = (_template(), _data(items, name), Markup(f"<script>{_resource('page.js')}</script>"))
    return "<!doctype html>\n" + tag("html", _head(name), tag("body", *body), lang="en")


@cache
def _resource(name: str) -> str:
    return files("curate.audit").joinpath(name).read_text(encoding="utf-8")


def _template() -> Markup:
    return Markup(_resource("page.html"))


def _head(name: str) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy()),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{name} – audit"),
        Markup(f"<style>{_resource('page.css')}</style>"),
    )


def _policy() -> str:
    allowed = f"style-src '{_digest('page.css')}'; script-src '{_digest('page.js')}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(name: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(_resource(name).encode()).digest()).decode()}"


def _data(items: Sequence[Item], name: str) -> Markup:
    label = items[0].language
    sheet = {
        "label": label,
        "name": name,
        "lang": bcp47(label),
        "store": hashlib.blake2b("".join(item.id for item in items).encode(), digest_size=8).hexdigest(),
        "limit": TEXT_CHARACTERS,
        "questions": QUESTIONS,
        "items": [{"id": item.id, "characters": item.characters, "text": item.text} for item in items],
    }
    return Markup(f'<script type="application/json" id="sheet">{_inert(sheet)}</script>')


def _inert(value: Any) -> str:
    """JSON that an HTML parser cannot leave: without <, > and &, whatever the text says."""
    plain = json.dumps(value, ensure_ascii=False)
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
