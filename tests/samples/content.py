"""The sample pages as readable source (`pages/*.toml`) and what a run over them should find."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

PAGES = Path(__file__).parent / "pages"
PYTHON_CODECS = {"windows-874": "cp874"}  # WHATWG labels that Python spells otherwise
CHARSET_OPTIONS = {"charset", "http_charset", "meta_charset", "byte_order_mark"}
ARTICLE_OPTIONS = (*sorted(CHARSET_OPTIONS), "content_encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every page of a host shares: the text around the article."""

    name: str
    language: str  # BCP 47, for <html lang>
    direction: str = "ltr"
    menu: tuple[str, ...]
    cookies: str
    footer: str
    related: str  # heading above the links to other articles
    links: tuple[tuple[str, str], ...] = ()  # (title, URL) of the other articles


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One capture of the sample crawl. `charset` is the true one; the header and the meta tag may say another."""

    url: str
    label: str | None
    kind: str
    outcome: str  # kept, copy (one of the cluster is kept), dropped, failed
    title: str
    blocks: tuple[tuple[str, str], ...]  # (h2 or p, text)
    site: Site
    original: str | None = None
    layout: str = "article"
    status: str = "200 OK"
    charset: str = "utf-8"
    http_charset: str | None = None  # None: the true one; empty: the header names none
    meta_charset: str | None = None  # as above
    byte_order_mark: bool = False
    content_encoding: str | None = None

    @property
    def codec(self) -> str:
        """Python's name of the true charset."""
        return PYTHON_CODECS.get(self.charset, self.charset)

    @property
    def text(self) -> str:
        return "\n".join(text for _, text in self.blocks)


def paragraphs(text: str) -> list[str]:
    """Paragraphs are separated by blank lines; inside one, line ends are spaces only in the source's layout."""
    return [" ".join(block.split("\n")).strip() for block in text.strip().split("\n\n")]


def _site(table: dict[str, Any], links: tuple[tuple[str, str], ...] = ()) -> Site:
    return Site(
        name=table["site"],
        language=table["language"],
        direction=table.get("direction", "ltr"),
        menu=tuple(table["menu"]),
        cookies=table["cookies"],
        footer=table["footer"],
        related=table["related"],
        links=links,
    )


def _article_url(host: str, article: dict[str, Any]) -> str:
    return f"https://{host}/{quote(article['slug'])}"


def _articles(table: dict[str, Any]) -> list[Page]:
    links = tuple((article["title"], _article_url(table["host"], article)) for article in table["article"])
    pages = []
    for article, own_link in zip(table["article"], links, strict=True):
        options = {key: article[key] for key in ARTICLE_OPTIONS if key in article}
        page = Page(
            url=own_link[1],
            label=table["label"],
            kind=article.get("kind", "charset" if CHARSET_OPTIONS & options.keys() else "article"),
            outcome="kept",
            title=article["title"],
            blocks=tuple(("p", text) for text in paragraphs(article["text"])),
            site=_site(table, tuple(link for link in links if link != own_link)),
            **options,
        )
        pages.append(page)
    return pages


def _digests(table: dict[str, Any], articles: list[Page]) -> list[Page]:
    """Weekly round-ups on another host: the nth takes the nth paragraph of every article, so each is used once."""
    if "digest_host" not in table:
        return []
    plain = [page for page in articles if page.kind != "code_mixed"]
    rounds = zip(*([text for _, text in page.blocks] for page in plain), strict=False)
    site = replace(_site(table), name=table["digest_site"])
    return [
        Page(
            url=f"https://{table['digest_host']}/{number}",
            label=table["label"],
            kind="article",
            outcome="kept",
            title=f"{table['digest_title']} {number}",
            blocks=tuple(
                block for page, text in zip(plain, texts, strict=True) for block in (("h2", page.title), ("p", text))
            ),
            site=site,
        )
        for number, texts in enumerate(rounds, 1)
    ]


def language_pages() -> list[Page]:
    """The articles and round-ups of every `pages/<lang_Script>.toml`."""
    pages: list[Page] = []
    for path in sorted(PAGES.glob("*_*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if table["label"] != path.stem:
            raise ValueError(f"{path.name}: label {table['label']!r} is not the file's name")
        articles = _articles(table)
        pages += articles + _digests(table, articles)
    return pages


def special_pages() -> list[Page]:
    """`pages/special.toml`: the pages that a filter should stop, and the hostile ones that it should not."""
    table = tomllib.loads((PAGES / "special.toml").read_text(encoding="utf-8"))
    shared = _site(table)
    pages = []
    for entry in table["page"]:
        text = entry.pop("text", "")
        repeat = entry.pop("repeat", 1)
        blocks = tuple(("p", line) for line in (paragraphs(text) if text else []) * repeat)
        site = replace(shared, name=entry.pop("site", shared.name), language=entry.pop("language", shared.language))
        pages.append(Page(**{"label": None, **entry}, blocks=blocks, site=site))
    return pages


def _substituted(text: str, changes: list[tuple[str, str]], url: str) -> str:
    for old, new in changes:
        if old not in text:
            raise ValueError(f"copies.toml: {old!r} is not in {url}")
        text = text.replace(old, new, 1)
    return text


def copies(originals: list[Page]) -> list[Page]:
    """`pages/copies.toml`: the same article on another host, as it is or with a few words changed."""
    by_url = {page.url: page for page in originals}
    table = tomllib.loads((PAGES / "copies.toml").read_text(encoding="utf-8"))
    pages = []
    for entry in table["copy"]:
        page = by_url[entry["original"]]
        changes = [(old, new) for old, new in entry.get("changes", [])]
        blocks = list(page.blocks)
        if changes:
            joined = "\n".join(text for _, text in blocks)
            changed = _substituted(joined, changes, page.url).split("\n")
            blocks = [(tag, text) for (tag, _), text in zip(blocks, changed, strict=True)]
        host = table["reprint_host"] if changes else table["mirror_host"]
        pages.append(
            Page(
                url=f"https://{host}/{page.label}/{page.url.rpartition('/')[2]}",
                label=page.label,
                kind="near_copy" if changes else "exact_copy",
                outcome="copy",
                title=page.title,
                blocks=tuple(blocks),
                site=replace(page.site, name=host, links=()),
                original=page.url,
            )
        )
    return pages
