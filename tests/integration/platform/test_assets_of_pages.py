"""Pictures beside a bundle's pages, what the phases page tells, and who may load what."""

import io
import resource
import threading
import zipfile

import pytest
import yaml

from medici_platform.accounts.rules import Role
from medici_platform.challenges import html as html_texts
from medici_platform.challenges.html import clean, clean_detailed_results, render_page
from medici_platform.errors import Busy
from tests.factories.platform import BUNDLE_FILES, COMPETITION, PNG, import_bundle
from tests.integration.platform.page_client import PageClient

HTML = """\
<!doctype html><html><head><title>Not shown</title><style>p { color: red }</style></head>
<body onload="steal()"><h1>Data</h1><img src="../pictures/a%20b.png?v=2" alt="A">
<img src="gone.png"><img src="https://elsewhere.example/x.png"><img src="../drawing.svg">
<img src="../reference_data/answer.png"><script>steal()</script></body></html>
"""
FILES = {
    **BUNDLE_FILES,
    "competition.yaml": COMPETITION.replace("terms: terms.md", "terms: terms.md\nreward: A book")
    .replace("file: overview.md", "file: overview.md\n  - {title: Data, file: pages/data.html}")
    .replace("description: A", "contact_email: olga@example.org\ncompetition_type: benchmark\ndescription: A")
    .replace("slug: tiny", "slug: tiny\ndocker_image: codalab/codalab-legacy:py37")
    .replace("phases:\n  - index: 0\n", "phases:\n  - index: 0\n    public_data: open\n"),
    "overview.md": "![Scan](pictures/a%20b.png)",
    "pages/data.html": HTML,
    "pictures/a b.png": PNG,
    "drawing.svg": "<svg/>",
    "reference_data/answer.png": PNG,
    "open/case.txt": "zero",
}
ADDRESS = "/challenges/tiny/files/pictures/a%20b.png"


@pytest.fixture
def olga(platform):
    return platform.user("olga", Role.ORGANIZER)


def test_pictures_of_pages_are_stored_and_served(platform, olga):
    report = import_bundle(platform, olga, FILES).json()
    assert report["remarks"] == [
        "pages/data.html: the picture gone.png is not shown: the bundle does not hold it",
        "pages/data.html: the picture ../drawing.svg is not shown: it is no PNG, JPEG, GIF or WebP",
        (
            "pages/data.html: the picture ../reference_data/answer.png is not shown: "
            "it lies among data that are kept from participants"
        ),
    ]
    nobody = PageClient(platform)
    assert f'<img src="{ADDRESS}" alt="Scan">' in nobody.get("/challenges/tiny").text
    data = nobody.get("/challenges/tiny/pages/data").text
    assert f'<img src="{ADDRESS}" alt="A">' in data
    for unwanted in ("Not shown", "steal", "color: red", "elsewhere.example", "gone.png", "drawing.svg"):
        assert unwanted not in data
    answer = nobody.get(ADDRESS)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["overview.md", "reference_data", "reference_data/answer.png", "../x.png", "drawing.svg", "x" * 600]
)
def test_nothing_but_shown_pictures_is_served(platform, olga, path):
    import_bundle(platform, olga, FILES).raise_for_status()
    assert PageClient(platform, "olga").get(f"/challenges/tiny/files/{path}").status_code == 404


def test_pictures_of_a_draft_are_for_those_who_see_it(platform, olga):
    import_bundle(platform, olga, FILES, publish=False).raise_for_status()
    platform.user("bob")
    seen = {name: PageClient(platform, name).get(ADDRESS).status_code for name in (None, "bob", "olga")}
    assert seen == {None: 404, "bob": 404, "olga": 200}


def test_the_challenge_page_names_reward_contact_and_organizers(platform, olga):
    import_bundle(platform, olga, FILES).raise_for_status()
    page = PageClient(platform).get("/challenges/tiny").text
    assert '<span class="chip chip-you">benchmark</span>' in page
    assert "<dt>Reward</dt><dd>A book</dd>" in page
    assert '<dt>Contact</dt><dd><a href="mailto:olga@example.org">olga@example.org</a></dd>' in page
    assert "<dt>Organizers</dt><dd>olga</dd>" in page
    assert "/export" not in page
    assert "/api/v1/challenges/tiny/export" in PageClient(platform, "olga").get("/challenges/tiny").text


def test_the_phases_page_tells_what_runs_where_and_hands_out_public_data(platform, olga):
    import_bundle(platform, olga, FILES).raise_for_status()
    nobody = PageClient(platform)
    page = nobody.get("/challenges/tiny/phases").text
    assert "<code>codalab/codalab-legacy:py37</code>, which runs as <code>medici/codalab:latest</code>" in page
    assert "<code>python:3*</code> runs as <code>medici/python:latest</code>" in page
    assert "a zip with code that runs in the challenge&#39;s image" in page or "in the challenge's image" in page
    answer = nobody.get("/challenges/tiny/phases/0/public-data")
    assert answer.headers["content-disposition"] == 'attachment; filename="tiny-0-public-data.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["case.txt"]
    assert nobody.get("/challenges/tiny/phases/0/starting-kit").status_code == 404
    assert nobody.get("/challenges/tiny/phases/9/public-data").status_code == 404


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("x.png", "/seen/x.png"),
        ("//host/x.png", None),
        ("http://host/x.png", None),
        ("http://[", None),
        ("javascript:alert(1)", None),
        ("/own/x.png", "/own/x.png"),
        ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA"),
    ],
)
def test_which_sources_of_pictures_stay(source, shown):
    html = render_page("a.html", f'<img src="{source}">', lambda src: f"/seen/{src}")
    assert html == (f'<img src="{shown}">' if shown else "<img>")


def test_a_picture_of_the_challenge_that_lies_among_hidden_data_is_not_shown(platform):
    """Named by its organizers, and still an answer."""
    olga = platform.user("hilda", Role.ORGANIZER)
    said = {**yaml.safe_load(COMPETITION), "image": "reference_data/label.png"}
    files = {**BUNDLE_FILES, "reference_data/label.png": b"\x89PNG", "competition.yaml": yaml.safe_dump(said)}
    answer = import_bundle(platform, olga, files)
    assert answer.status_code == 201, answer.text
    assert answer.json()["remarks"] == ["image: reference_data/label.png is not shown, since it lies among hidden data"]
    with platform.client() as client:
        for path in ("/api/v1/challenges/tiny/logo", "/challenges/tiny/files/reference_data/label.png"):
            assert client.get(path).status_code == 404


TANGLED = {
    "formats": "<p>" + "".join(f"<b id=a{number}>" for number in range(5_000)) + "<p>x" * 5_000,
    "folds": "<div>" * 50_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("how", TANGLED)
def test_a_text_that_grows_while_it_is_cleaned_is_shown_as_it_is_written(how):
    """And costs this process nothing: cleaning has one of its own."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    assert clean_detailed_results(TANGLED[how]).startswith("<pre>&lt;")
    assert clean(TANGLED[how]).startswith("<pre>&lt;")
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 1
    assert (after.ru_maxrss - before.ru_maxrss) * 1024 < 100 * 1024**2


def test_who_would_have_to_wait_is_told_so(monkeypatch):
    monkeypatch.setattr(html_texts, "PATIENCE_S", 0.01)
    monkeypatch.setattr(html_texts, "_at_work", threading.BoundedSemaphore(1))
    with html_texts._at_work, pytest.raises(Busy, match="please try again in a few seconds"):
        clean_detailed_results("<b>one that nobody has seen</b>")
    assert clean_detailed_results("<b>one that nobody has seen</b>") == "<b>one that nobody has seen</b>"


def test_pictures_are_found_beside_other_attributes():
    written = '<img alt="a > b" src="x y.png" title="&quot;"><p title="src=&quot;x&quot;">'
    html = render_page("a.html", written, lambda _: "/s?a=1&b=2")
    shown = '<img alt="a &gt; b" src="/s?a=1&amp;b=2" title="&quot;"><p title="src=&quot;x&quot;"></p>'
    assert html == shown
