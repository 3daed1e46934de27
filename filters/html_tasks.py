"""What the guarded process does with a web page: `screen`, cheap text for the language, and `extract`, the main text."""

from collections.abc import Callable

from filters.extract import DEFAULT_EXTRACTOR, check_extractor, page_text, screen_text

KIND = "extractor"  # of process, in the reasons of failures: extractor_timeout ...


def screen(body: bytes, *, content_type: str | None = None) -> bytes:
    return screen_text(body, content_type).encode("utf-8", "replace")


def extract(
    body: bytes, *, content_type: str | None = None, url: str | None = None, extractor: str = DEFAULT_EXTRACTOR
) -> bytes:
    return page_text(body, content_type, extractor, url=url).encode("utf-8", "replace")


TASKS: dict[str, Callable[..., bytes]] = {"screen": screen, "extract": extract}


def check(*, extractor: str = DEFAULT_EXTRACTOR, **_: object) -> None:
    """Raises ValueError for arguments that are the caller's mistake."""
    check_extractor(extractor)


def warm() -> None:
    """Loads the parsers, before the first page's clock runs."""
    for extractor in ("trafilatura", "resiliparse"):
        page_text(b"<html><body><p>ready</p></body></html>", None, extractor)
