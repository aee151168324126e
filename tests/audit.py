"""`make audit`: known weaknesses, withdrawn releases and missing pins of what we install, and secrets in the tree.

Advisories are asked for where a source of them answers. What the package index itself knows is checked in any case.
Index and proxies are those of pip's own settings.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

import requests
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version
from pip._internal.models.index import PyPI

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / ".secrets.baseline"
IGNORED = ROOT / "tests" / "audit.toml"
INDEX_FORMAT = "application/vnd.pypi.simple.v1+json"
PATIENCE_S = 20
OUR_TOKENS = re.compile(r"\b(?:medici|session|attempt|worker)_[A-Za-z0-9_-]{43}\b")


@dataclass(frozen=True)
class Pin:
    file: str
    name: str
    version: str
    hashes: frozenset[str]


def requirement_files() -> list[Path]:
    return [
        ROOT / "requirements.lock",
        ROOT / "tests/trainers.txt",
        *sorted(ROOT.glob("worker/images/*/requirements.txt")),
    ]


# ---- pins ----


def read_pins(file: Path) -> tuple[list[Pin], list[str]]:
    """The pins, and one sentence for each line that leaves open what is installed."""
    pins, faults = [], []
    name_of_file = str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else file.name
    for line in _logical_lines(file.read_text()):
        text, *hashes = re.split(r"\s+--hash=sha256:", line)
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            faults.append(f"{name_of_file}: {text.split()[0]} is no requirement by name and version.")
            continue
        version = re.fullmatch(r"==([^*]+)", str(requirement.specifier))
        if not version:
            faults.append(f"{name_of_file}: {requirement.name} is not pinned to one version.")
        elif not hashes:
            faults.append(f"{name_of_file}: {requirement.name} {version[1]} has no hash.")
        else:
            name = canonicalize_name(requirement.name)
            pins.append(Pin(name_of_file, name, version[1], frozenset(each.strip() for each in hashes)))
    return pins, faults


def _logical_lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        content = re.sub(r"(^|\s)#.*$", "", line).strip()
        if content:
            yield content


# ---- the index ----


def index_address() -> str:
    """As pip has it: its variable, its file, or its own default."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    )
    return (os.environ.get("PIP_INDEX_URL") or asked.stdout.strip() or PyPI.simple_url).rstrip("/")


def look_up(index: str, name: str) -> list[dict[str, object]] | None:
    """The index's files of this project; None when it does not answer, or not in that form."""
    try:
        answer = requests.get(
            f"{index}/{name}/",
            headers={"Accept": INDEX_FORMAT},
            timeout=PATIENCE_S,
            verify=os.environ.get("PIP_CERT") or True,
        )
        answer.raise_for_status()
        files: list[dict[str, object]] = answer.json()["files"]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return None
    return files


def index_faults(pin: Pin, files: list[dict[str, object]]) -> list[str]:
    """What the index says against this pin."""
    where = f"{pin.file}: {pin.name} {pin.version}"
    of_version = [file for file in files if _version_of(str(file["filename"])) == Version(pin.version)]
    if not of_version:
        return [f"{where} is not in the index: it was taken out, or never was there."]
    withdrawn = [file["yanked"] for file in of_version if file.get("yanked")]
    if len(withdrawn) == len(of_version):
        reason = f": {withdrawn[0]}" if isinstance(withdrawn[0], str) else ""
        return [f"{where} has been withdrawn by its authors{reason}"]
    published = {hashes["sha256"] for file in of_version if isinstance(hashes := file["hashes"], dict)}
    if not pin.hashes & published:
        return [f"{where}: none of its hashes is one that the index knows."]
    return []


def _version_of(filename: str) -> Version | None:
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def check_index(pins: list[Pin]) -> tuple[list[str], int]:
    """Faults, and how many projects the index told nothing of."""
    index = index_address()
    names = sorted({pin.name for pin in pins})
    with ThreadPoolExecutor(8) as pool:
        told = dict(zip(names, pool.map(lambda name: look_up(index, name), names), strict=True))
    silent = sum(files is None for files in told.values())
    faults = [fault for pin in pins if (files := told[pin.name]) is not None for fault in index_faults(pin, files)]
    return faults, silent


# ---- advisories ----


@dataclass(frozen=True)
class Advice:
    asked: int
    answered: int
    weaknesses: list[tuple[str, str, str]]
    """Name, version, id."""


class AuditorCrashed(Exception):
    """pip-audit itself failed, where a missing network would not explain it: nobody may take that for a good answer."""


UNREACHABLE = re.compile(
    r"(requests\.exceptions|urllib3\.exceptions)\.\w+|pip_audit\._service\.interface\.ServiceError"
    r"|ERROR:pip_audit\._cli:Tip: your network may be blocking"
)
"""How pip-audit's last line begins when its source does not answer, or with an error."""


def ask_advisories(pins: list[Pin]) -> Advice:
    """By pip-audit, of its own source. A few first: where nobody answers, the others need not wait for it."""
    wanted = sorted({(pin.name, pin.version) for pin in pins})
    if not _asked(wanted[:3]).answered:
        return Advice(len(wanted), 0, [])
    rounds: list[list[tuple[str, str]]] = []
    for _, versions in groupby(wanted, key=lambda each: each[0]):
        for number, pin in enumerate(versions):  # a list may name each project once
            rounds[number : number + 1] = [[*(rounds[number] if number < len(rounds) else []), pin]]
    advice = [_asked(each) for each in rounds]
    weaknesses = sorted(weakness for each in advice for weakness in each.weaknesses)
    return Advice(len(wanted), sum(each.answered for each in advice), weaknesses)


def _asked(wanted: list[tuple[str, str]]) -> Advice:
    with tempfile.TemporaryDirectory() as folder:
        pinned, report = Path(folder, "requirements.txt"), Path(folder, "report.json")
        pinned.write_text("".join(f"{name}=={version}\n" for name, version in wanted))
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
        command = [sys.executable, "-m", "pip_audit", "-r", str(pinned), *options, "--output", str(report)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if report.exists():
            return read_advice(json.loads(report.read_text()))
    said = (ended.stderr.strip().splitlines() or ["nothing"])[-1]
    if not UNREACHABLE.match(said):
        raise AuditorCrashed(f"pip-audit ended with status {ended.returncode} and no report; it said: {said}")
    print(f"pip-audit said: {said}", file=sys.stderr)
    return Advice(len(wanted), 0, [])


def read_advice(report: dict[str, list[dict[str, object]]]) -> Advice:
    told = [each for each in report["dependencies"] if "skip_reason" not in each]
    weaknesses = {
        (str(each["name"]), str(each["version"]), str(weakness["id"]))
        for each in told
        for weakness in each.get("vulns", [])  # type: ignore[attr-defined]
    }
    return Advice(len(report["dependencies"]), len(told), sorted(weaknesses))


def weakness_faults(advice: Advice, ignored: list[dict[str, object]], *, today: date) -> list[str]:
    """Each weakness that nobody has looked at and set aside, with a reason, until a day."""
    set_aside = {str(each["id"]): each for each in ignored}
    faults = []
    for name, version, weakness in advice.weaknesses:
        known = set_aside.get(weakness)
        if known is None:
            faults.append(f"{name} {version} has the known weakness {weakness}: pin a version that mends it.")
        elif date.fromisoformat(str(known["until"])) < today:
            faults.append(f"{name} {version}: {weakness} was set aside until {known['until']}: look at it again.")
    return faults


def check_advisories(pins: list[Pin]) -> tuple[str, list[str]]:
    """What was asked and answered, in a sentence; and the faults."""
    try:
        advice = ask_advisories(pins)
    except AuditorCrashed as crash:
        return "Known weaknesses were not looked up, because pip-audit failed.", [str(crash)]
    if not advice.answered:
        return "No source of advisories answers from this machine, so known weaknesses were not looked up.", []
    ignored = tomllib.loads(IGNORED.read_text()).get("ignored", [])
    faults = weakness_faults(advice, ignored, today=datetime.now(UTC).date())
    told = f"Advisories: {advice.answered} of {advice.asked} asked for, {len(advice.weaknesses)} known weaknesses."
    return told, faults


# ---- secrets ----


def secret_faults(root: Path = ROOT, baseline: Path = BASELINE) -> list[str]:
    """New ones: what the baseline holds has been looked at and is none."""
    known = json.loads(baseline.read_text())
    before = {(file, each["hashed_secret"]) for file, found in known["results"].items() for each in found}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "baseline")
        copy.write_text(baseline.read_text())
        program = Path(sys.executable).with_name("detect-secrets")
        subprocess.run([program, "scan", "--baseline", str(copy)], cwd=root, check=True, capture_output=True)
        after = json.loads(copy.read_text())["results"]
    faults = [
        f"{file}:{each['line_number']}: looks like a secret ({each['type']}). Take it out; where it is none, end the "
        "line with `# pragma: allowlist secret`."
        for file, found in after.items()
        for each in found
        if (file, each["hashed_secret"]) not in before and not _is_made_up(file, each["type"])
    ]
    return faults + [f"{place}: a token of MedICI. Revoke it, and take it out." for place in _our_tokens(root)]


def _is_made_up(file: str, kind: str) -> bool:
    """Tests are full of passwords that open nothing; a key or a token of somebody's is found there all the same."""
    return kind == "Secret Keyword" and file.startswith("tests/")


def _our_tokens(root: Path) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout
    places = []
    for name in filter(None, listed.split("\0")):
        text = (root / name).read_text(errors="replace") if (root / name).is_file() else ""
        places += [f"{name}:{number}" for number, line in enumerate(text.splitlines(), 1) if OUR_TOKENS.search(line)]
    return places


def main() -> int:
    files = requirement_files()
    read = [read_pins(file) for file in files]
    pins = [pin for found, _ in read for pin in found]
    faults = [fault for _, found in read for fault in found]
    found, silent = check_index(pins)
    faults += found
    told, weak = check_advisories(pins)
    faults += [*weak, *secret_faults()]
    projects = len({pin.name for pin in pins})
    print(f"{len(pins)} pins of {projects} projects in {len(files)} files; the index told of {projects - silent}.")
    print(told)
    for fault in faults:
        print(fault, file=sys.stderr)
    print("Nothing to mend." if not faults else f"{len(faults)} to mend.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
