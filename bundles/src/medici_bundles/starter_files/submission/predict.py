"""Read the pictures in /mnt/in and write /mnt/out/predictions.csv: bright pixels in one place are a spot."""

import csv
from pathlib import Path

INPUT, OUTPUT = Path("/mnt/in"), Path("/mnt/out")
BRIGHT = 140


def classify(picture: Path) -> str:
    """A spot is where the mean of 3×3 pixels is bright."""
    _, width, height, _, *pixels = picture.read_text(encoding="ascii").split()
    size, values = int(width), [int(pixel) for pixel in pixels]
    rows = [values[start : start + size] for start in range(0, size * int(height), size)]
    means = [
        sum(sum(row[x : x + 3]) for row in rows[y : y + 3]) / 9 for y in range(len(rows) - 2) for x in range(size - 2)
    ]
    return "spot" if max(means) > BRIGHT else "empty"


def main() -> None:
    pictures = sorted(INPUT.rglob("*.pgm"))
    with (OUTPUT / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "class"])
        rows.writerows([picture.name, classify(picture)] for picture in pictures)
    print(f"{len(pictures)} pictures classified.")


if __name__ == "__main__":
    main()
