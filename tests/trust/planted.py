"""A challenge with marks in everything that is secret of it, and submissions that tell whatever they find."""

import base64
import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.e2e.programs import phase, running

SLUG = "planted"


@dataclass(frozen=True)
class Marks:
    """What is planted in one task's data."""

    content: str
    """In a file of the input data."""
    name: str
    """Of a file of the input data."""
    truth: str
    """In the reference data."""
    truth_name: str


HIDDEN = Marks("canary-input-5b1f77ac", "case_5b1f77", "canary-truth-9c0e12fd", "truth_9c0e12")
OPEN = Marks("canary-open-3d2a61bb", "open_3d2a61", "canary-known-77e0aa41", "known_77e0aa")
SCORER = "canary-scorer-c4d1f9e2"
PHASES = ("Open", "Silent", "Tail")
"""Open data; hidden with `logs: none`; hidden with `logs: tail`."""
SECRET_CANARIES = (HIDDEN.content, HIDDEN.truth, OPEN.truth, SCORER)
SECRET_NAMES = (HIDDEN.name, HIDDEN.truth_name)

SCORER_CODE = f"""
import json, pathlib, sys
given, output = map(pathlib.Path, sys.argv[1:])
answer = (given / "res" / "answer.txt").read_text().strip()
truth = " ".join(f"{{path.name}} {{path.read_text()}}" for path in (given / "ref").iterdir())
told = f"{SCORER} {{truth}} {{answer}}"
print(told, flush=True)
if answer == "crash":
    raise SystemExit(told)
try:
    value = float(answer)
except ValueError:
    (output / "predictions_invalid.txt").write_text(f"Line 1 holds no number:\\n{{told}}")
    sys.exit(65)
(output / "scores.json").write_text(json.dumps({{"f1": value, "{SCORER}": 1.0, f"seen {{truth}}": 2.0}}))
(output / "detailed_results.html").write_text(f"<p title='{{told}}'>{{told}}</p>")
(output / "cases.csv").write_text(f"case,true\\n{{told}}\\n")
"""
"""Echoes everything that it sees into everything that it writes."""

LOOK = """
import base64, os, pathlib, sys, time
from urllib.parse import quote
names, contents = [], []
for folder, below, files in os.walk("/mnt/in"):
    for file in files:
        names.append(file)
        contents.append(pathlib.Path(folder, file).read_text())
reachable = []
for folder, below, files in os.walk("/"):
    below[:] = [name for name in below if os.path.join(folder, name) not in ("/proc", "/sys", "/usr/lib", "/mnt/in")]
    for file in files:
        path = pathlib.Path(folder, file)
        try:
            if path.is_file() and path.stat().st_size < 2**20 and b"canary-" in path.read_bytes():
                reachable.append(str(path))
        except OSError:
            pass
found = " ".join([*names, *contents, *reachable])
def tell(text, to=sys.stdout):
    print(text, file=to, flush=True)
for word in found.split():
    tell(word)
    sys.stdout.write(word[:9]); sys.stdout.flush(); time.sleep(0.7); tell(word[9:])
for word in contents:
    half = len(word) // 2
    tell(word[:half] + "\\n" + word[half:])
    tell(word[::-1]); tell(quote(word)); tell(word.encode().hex())
    for before in ("", "x", "xx"):
        tell(base64.b64encode((before + word).encode()).decode())
time.sleep(0.7)  # two streams at the same time would tear the words apart
for word in found.split():
    tell(word.upper(), sys.stderr)
time.sleep(0.7)
out = pathlib.Path("/mnt/out")
def put(name, text):
    try:
        (out / name).write_text(text)
    except OSError as error:
        tell(error, sys.stderr)
"""
FILES_OF_IT = """
for word in found.replace("/", "-").split():
    put(word, found)
    put("told-" + word + ".txt", found)
    os.symlink("/mnt/in/" + word, out / ("link-" + word))
    os.link(out / word, out / ("same-" + word))
    os.chmod(out / word, 0o600)
"""

SUBMISSIONS = {
    "finished": running(f"{LOOK}{FILES_OF_IT}put('answer.txt', '0.5')\n"),
    "raised": running(f"{LOOK}{FILES_OF_IT}raise ValueError(found)\n"),
    "exits": running(f"{LOOK}os._exit(ord(contents[0][-1]))\n"),
    "invalid": running(f"{LOOK}put('answer.txt', found)\n"),
    "left out": running(f"{LOOK}os.symlink('/mnt/in', out / found.replace('/', '-')[:200])\n"),
    "crash": running(f"{LOOK}put('answer.txt', 'crash')\n"),
}
ENDS = {
    "finished": None,
    "raised": "run_failed",
    "exits": "run_failed",
    "invalid": "predictions_invalid",
    "left out": "output_missing",
    "crash": "scoring_failed",
}


def _task(index: int, name: str, marks: Marks) -> dict[str, Any]:
    return {
        "index": index,
        "name": name,
        "scoring_program": "scoring_program",
        "input_data": f"input_data/{index}",
        "reference_data": f"reference_data/{index}",
        "canaries": [marks.content, marks.truth, SCORER] if marks is HIDDEN else [marks.truth, SCORER],
    }


def keys() -> dict[str, Any]:
    """What the definition says, in place of the tiny challenge's."""
    return {
        "slug": SLUG,
        "title": "Planted",
        "tasks": [_task(0, "Known", OPEN), _task(1, "Secret", HIDDEN)],
        "phases": [
            phase(0, "Open", tasks=[0], hidden=False, end="2036-01-01"),
            phase(1, "Silent", tasks=[1], start="2026-01-02", end="2036-01-01"),
            phase(2, "Tail", tasks=[1], start="2026-01-03", logs="tail"),
        ],
    }


def plant(folder: Path) -> None:
    """Into the folder of a bundle that has been written."""
    for index, marks in enumerate((OPEN, HIDDEN)):
        planted = {f"input_data/{index}/{marks.name}.txt": marks.content}
        planted[f"reference_data/{index}/{marks.truth_name}.csv"] = marks.truth
        for name, text in planted.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    for name in ("input_data/case.txt", "input_data/answer.txt", "reference_data/truth.txt"):
        (folder / name).unlink()


def forms(secret: str) -> dict[str, list[bytes]]:
    """How it could stand in an answer; all are looked for in lower case."""
    encoded = secret.encode()
    in_base64 = []
    for offset, begins in enumerate((0, 2, 3)):
        text = base64.b64encode(bytes(offset) + encoded).decode()
        in_base64.append(text[begins : (offset + len(encoded)) * 8 // 6])
    written = {
        "plain": [secret],
        "URL": [quote(secret, safe=""), "".join(f"%{byte:02x}" for byte in encoded)],
        "HTML": [html.escape(secret), "".join(f"&#{byte};" for byte in encoded)],
        "JSON": [json.dumps(secret)[1:-1], "".join(f"\\u{byte:04x}" for byte in encoded)],
        "base64": in_base64,
        "hex": [encoded.hex()],
        "reversed": [secret[::-1]],
    }
    return {name: [text.lower().encode() for text in texts] for name, texts in written.items()}
