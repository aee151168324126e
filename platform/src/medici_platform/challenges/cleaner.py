"""A program of its own: a text that takes gigabytes or minutes to clean ends this process, and no other.

HTML5 opens what a paragraph has cut off anew in the next one, and looks through all that is open at each tag: a few
kilobytes can become gigabytes. Reads a kind and a text from its input, as JSON, and writes the cleaned text.
"""

import json
import resource
import sys
from urllib.parse import urlsplit

import nh3

MEMORY_BYTES = 512 * 1024**2
SECONDS = 2
MAX_BYTES = 8 * 1024**2
"""Of what is left when it is clean."""
TAGS = nh3.ALLOWED_TAGS - {"area", "map"}
ATTRIBUTES = {**nh3.ALLOWED_ATTRIBUTES, "td": {"align", "colspan", "rowspan"}, "th": {"align", "colspan", "rowspan"}}


def clean_page(html: str) -> str:
    """Of a whole document the body: what its head says (title, styles, scripts) goes with its text."""

    def keep(tag: str, attribute: str, value: str) -> str | None:
        is_picture = tag == "img" and attribute == "src" and is_relative(value)
        return value if is_picture else _only_embedded_images(tag, attribute, value)

    return nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags={"script", "style", "title"},
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "data"},
        attribute_filter=keep,
    )


def clean_report(html: str) -> str:
    """Tables, text, inline SVG-free HTML of a scoring program. Scripts and anything that loads are removed."""
    return nh3.clean(
        html,
        tags=TAGS | {"section", "main"},
        attributes={**ATTRIBUTES, "*": {"class", "style"}},
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


CLEANERS = {"page": clean_page, "report": clean_report}


def is_relative(address: str) -> bool:
    """Whether it names something beside the page: no scheme, no host, no path of the platform's."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.path) and not (parts.scheme or parts.netloc or address.startswith(("/", "\\")))


def _only_embedded_images(tag: str, attribute: str, value: str) -> str | None:
    """An image from another host would tell that host who reads the page."""
    is_own = value.startswith("data:image/") or (value.startswith("/") and not value.startswith(("//", "/\\")))
    if tag == "img" and attribute == "src" and not is_own:
        return None
    if attribute == "href" and value.startswith("data:"):
        return None
    return value


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kind, text = json.load(sys.stdin)
    written = CLEANERS[kind](text).encode()
    if len(written) > MAX_BYTES:
        sys.exit("The cleaned text is too large.")
    sys.stdout.buffer.write(written)


if __name__ == "__main__":
    main()
