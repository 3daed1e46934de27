"""HTML around the sample texts: menus, cookie banners, side bars, scripts, as real pages carry them."""

import zlib
from collections.abc import Callable
from html import escape

from tests.samples.content import Page

SCRIPT = (
    "<script>window.dataLayer=window.dataLayer||[];function track(){dataLayer.push(arguments);}"
    "track('page','view');if(1<2&&3>2){document.documentElement.className+=' js';}</script>"
)
STYLE = "<style>body{margin:0;font:16px/1.6 serif}.menu li{display:inline}.hidden{display:none}</style>"


def _head(page: Page) -> str:
    charset = page.charset if page.meta_charset is None else page.meta_charset
    meta = f'<meta charset="{charset}">' if charset else ""
    title = escape(page.title)
    return (
        f'<!DOCTYPE html>\n<html lang="{page.site.language}" dir="{page.site.direction}">\n<head>\n{meta}\n'
        f"<title>{title} | {escape(page.site.name)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta property="og:title" content="{title}">\n{STYLE}\n{SCRIPT}\n</head>\n'
    )


def _menu(page: Page) -> str:
    items = "".join(f'<li><a href="/section/{n}">{escape(item)}</a></li>' for n, item in enumerate(page.site.menu))
    return f'<nav class="menu" role="navigation"><ul>{items}</ul></nav>'


def _related(page: Page) -> str:
    items = "".join(f'<li><a href="{escape(url)}">{escape(title)}</a></li>' for title, url in page.site.links)
    return f'<h3>{escape(page.site.related)}</h3><ul class="links">{items}</ul>' if items else ""


def _cookies(page: Page) -> str:
    return (
        f'<div id="cookie-banner" class="cookie-consent" role="dialog">{escape(page.site.cookies)} '
        '<button type="button">OK</button></div>'
    )


def _footer(page: Page) -> str:
    return f'<footer class="footer"><p>&copy; 2026 {escape(page.site.name)}. {escape(page.site.footer)}</p></footer>'


def _blocks(page: Page) -> str:
    return "\n".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in page.blocks)


def _modern(page: Page) -> str:
    return (
        f"<body>\n{_cookies(page)}\n<header><a class='logo' href='/'>{escape(page.site.name)}</a>{_menu(page)}</header>\n"
        f"<main><article>\n<h1>{escape(page.title)}</h1>\n<!-- article body -->\n{_blocks(page)}\n</article></main>\n"
        f"<aside class='sidebar'>{_related(page)}</aside>\n{_footer(page)}\n</body></html>\n"
    )


def _blog(page: Page) -> str:
    return (
        f"<body>\n<div id='wrapper'>\n<div id='header'><h2 class='site-name'>{escape(page.site.name)}</h2>{_menu(page)}"
        f"</div>\n<div class='post'>\n<h1 class='entry-title'>{escape(page.title)}</h1>\n"
        f"<div class='entry-content post-content'>\n{_blocks(page)}\n</div></div>\n"
        f"<div id='sidebar' class='sidebar widget'>{_related(page)}</div>\n{_footer(page)}\n</div>\n{_cookies(page)}\n"
        "<script src='/static/comments.js' async></script>\n</body></html>\n"
    )


def _portal(page: Page) -> str:
    share = "<div class='share-buttons'><a href='#mail'>Mail</a> <a href='#print'>Print</a></div>"
    return (
        f"<body class='single'>\n<!-- cached copy, do not edit -->\n<div class='top-bar'>{_menu(page)}</div>\n"
        f"{_cookies(page)}\n<section id='content'><article itemprop='articleBody'>\n<h1>{escape(page.title)}</h1>\n"
        f"{share}\n<figure><img src='/img/lead.jpg' alt='' width='640' height='360'></figure>\n{_blocks(page)}\n"
        f"</article></section>\n<aside class='related-posts'>{_related(page)}</aside>\n{_footer(page)}\n"
        "<noscript><img src='/pixel.gif' alt=''></noscript>\n</body></html>\n"
    )


def _boilerplate(page: Page) -> str:
    return f"<body>\n{_cookies(page)}\n<header>{_menu(page)}</header>\n{_menu(page)}\n{_footer(page)}\n</body></html>\n"


def _title_only(page: Page) -> str:
    return "<body></body></html>\n"


def _link_list(page: Page) -> str:
    items = "\n".join(
        f'<li><a href="/{page.site.language}/entry/{n}.html">{escape(text)}</a></li>'
        for n, (_, text) in enumerate(page.blocks)
    )
    return f"<body>\n<header>{_menu(page)}</header>\n<h1>{escape(page.title)}</h1>\n<ul>\n{items}\n</ul>\n{_footer(page)}\n</body></html>\n"


ARTICLE_LAYOUTS: tuple[Callable[[Page], str], ...] = (_modern, _blog, _portal)
LAYOUTS: dict[str, Callable[[Page], str]] = {
    "boilerplate": _boilerplate,
    "title_only": _title_only,
    "link_list": _link_list,
}


def render(page: Page) -> str:
    """The page as HTML. An article's layout depends on its host, as every site has its own."""
    host = page.url.split("/")[2] if "//" in page.url else page.url
    by_host = ARTICLE_LAYOUTS[zlib.crc32(host.encode()) % len(ARTICLE_LAYOUTS)]
    return _head(page) + LAYOUTS.get(page.layout, by_host)(page)


def body(page: Page) -> bytes:
    """The page in its true charset; characters that it lacks become numeric references, as editors do."""
    encoded = render(page).encode(page.codec, errors="xmlcharrefreplace")
    return b"\xef\xbb\xbf" + encoded if page.byte_order_mark else encoded
