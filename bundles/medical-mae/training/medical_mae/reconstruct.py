"""A picture of what the autoencoder paints: rows of original | what it saw | what it painted, as one PNG.

    python reconstruct.py --checkpoint checkpoint-799.pth --data_path images --list test_list.txt --output picture.png

The hidden patches are painted, the visible ones shown as they are. The same checkpoint, images and seed give the same
picture.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from autoencoder import MASK_RATIO, MaskedAutoencoder, build_autoencoder, patchify, unpatchify
from checkpoints import CheckpointUnfit, load_whole, read_checkpoint
from images import DEVIATION, MEAN, on_channels, read_grey, seen_whole
from lists import read_lines
from options import run
from PIL import Image

GAP = 4
"""Pixels between pictures."""
HIDDEN = 128 / 255
"""Grey of hidden patches."""
SMALLEST_VARIANCE = 1e-6


def reconstructed(model: MaskedAutoencoder, images: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """BxCxHxW normalised images to 3xBxHxW grey values 0 to 1: the originals, what was seen, what was painted."""
    model.eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        _, painted, mask = model(images)
    patches = patchify(images, model.shape.patch)
    if model.norm_pix:
        variance, mean = torch.var_mean(patches, dim=-1, keepdim=True)
        painted = painted * (variance + SMALLEST_VARIANCE).sqrt() + mean
    hidden = mask[:, :, None]
    seen = patches * (1 - hidden) + hidden * (HIDDEN - MEAN) / DEVIATION
    rows = (patches, seen, patches * (1 - hidden) + painted * hidden)
    pictures = [unpatchify(each, model.shape.patch, model.shape.channels).mean(dim=1) for each in rows]
    return (torch.stack(pictures) * DEVIATION + MEAN).clamp(0, 1)


def laid_out(pictures: torch.Tensor) -> Image.Image:
    """A row per image, three columns."""
    columns, count, height, width = pictures.shape
    shape = (count * (height + GAP) - GAP, columns * (width + GAP) - GAP)
    sheet = np.full(shape, 255, dtype=np.uint8)
    for column in range(columns):
        for row in range(count):
            top, left = row * (height + GAP), column * (width + GAP)
            values = pictures[column, row].numpy() * 255
            sheet[top : top + height, left : left + width] = np.rint(values).astype(np.uint8)
    return Image.fromarray(sheet)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Draw what a masked autoencoder paints.")
    parser.add_argument("--checkpoint", type=Path, required=True, help="of pre-training")
    parser.add_argument("--model", help="the autoencoder, where the checkpoint does not name it")
    parser.add_argument("--input_size", type=int, help="pixels, where the checkpoint does not say it")
    parser.add_argument("--mask_ratio", type=float, default=MASK_RATIO)
    parser.add_argument("--norm_pix_loss", action="store_true", help="it was pre-trained with this flag")
    parser.add_argument("--data_path", type=Path, required=True, help="folder of the images")
    parser.add_argument("--list", type=Path, required=True, help="names of images, whatever follows them")
    parser.add_argument("--count", type=int, default=4, help="images from the top of the list")
    parser.add_argument("--seed", type=int, default=0, help="chooses the hidden patches")
    parser.add_argument("--output", type=Path, default=Path("reconstruction.png"))
    options = parser.parse_args(arguments)
    found = read_checkpoint(options.checkpoint)
    name = options.model or found.get("network")
    if not name:
        raise CheckpointUnfit(f"{options.checkpoint} does not say which autoencoder it is: name it with --model.")
    size = options.input_size or found.get("size")
    model = build_autoencoder(name, size=size, mask_ratio=options.mask_ratio, norm_pix=options.norm_pix_loss)
    load_whole(model, found["model"])
    names = [line.split()[0] for line in read_lines(options.list) if line.strip()][: options.count]
    if not names:
        raise ValueError(f"{options.list} names no image.")
    views = [seen_whole(read_grey(options.data_path / name), model.size) for name in names]
    images = torch.from_numpy(np.stack([on_channels(view, model.shape.channels) for view in views]))
    laid_out(reconstructed(model, images, options.seed)).save(options.output)
    print(f"{options.output}: {len(names)} images; original, seen, painted.")


if __name__ == "__main__":
    sys.exit(run(main))
