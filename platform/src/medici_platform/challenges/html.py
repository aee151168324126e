"""Organizers' texts are untrusted: Markdown or HTML goes in, a small clean subset comes out."""

from collections.abc import Callable
from html import escape
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_TAGS = nh3.ALLOWED_TAGS - {"area", "map"}
_ATTRIBUTES = {**nh3.ALLOWED_ATTRIBUTES, "td": {"align", "colspan", "rowspan"}, "th": {"align", "colspan", "rowspan"}}

DETAILED_RESULTS_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Nothing runs, nothing loads, and the page has an origin of its own."""


Picture = Callable[[str], str | None]
"""From a relative `src` to the address under which the picture is served; None when there is none."""


def render_page(filename: str, text: str, picture: Picture = lambda _: None) -> str:
    """HTML for a page of the bundle: `.md` is Markdown, anything else HTML. Images from elsewhere are not loaded."""
    is_markdown = PurePosixPath(filename).suffix.lower() in (".md", ".markdown")
    return clean(_MARKDOWN.render(text) if is_markdown else text, picture)


def clean(html: str, picture: Picture = lambda _: None) -> str:
    """Of a whole document the body: what its head says (title, styles, scripts) goes with its text."""

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if tag == "img" and attribute == "src" and is_relative(value):
            return picture(value)
        return _only_embedded_images(tag, attribute, value)

    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style", "title"},
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "data"},
        attribute_filter=keep,
    )


def is_relative(address: str) -> bool:
    """Whether it names something beside the page: no scheme, no host, no path of the platform's."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.path) and not (parts.scheme or parts.netloc or address.startswith(("/", "\\")))


def clean_detailed_results(html: str) -> str:
    """Tables, text, inline SVG-free HTML of a scoring program. Scripts and anything that loads are removed.

    What holds no tag is plain text under the name of a page, such as scikit-learn's report: its lines stay as they are.
    """
    if not nh3.is_html(html):
        return f"<pre>{escape(html)}</pre>"
    return nh3.clean(
        html,
        tags=_TAGS | {"section", "main"},
        attributes={**_ATTRIBUTES, "*": {"class", "style"}},
        url_schemes={"data"},
        attribute_filter=_only_embedded_images,
        filter_style_properties={
            "color",
            "background-color",
            "font-weight",
            "text-align",
            "width",
            "padding",
            "margin",
        },
    )


def _only_embedded_images(tag: str, attribute: str, value: str) -> str | None:
    """An image from another host would tell that host who reads the page."""
    is_own = value.startswith("data:image/") or (value.startswith("/") and not value.startswith(("//", "/\\")))
    if tag == "img" and attribute == "src" and not is_own:
        return None
    if attribute == "href" and value.startswith("data:"):
        return None
    return value
