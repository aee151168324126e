"""Where a patch lies: fixed sines and cosines, and positions carried over to another grid of patches."""

import torch
from torch.nn import functional

LONGEST_WAVE = 10000.0


def sin_cos(width: int, side: int) -> torch.Tensor:
    """1x(1+side*side)xwidth: zeros for the class token, then patches row by row.

    The first half of the values tells the column, the second the row; each half is sines, then cosines, of frequencies
    that fall geometrically. That is the order of MAE's checkpoints (`util/pos_embed.py`). Raises ValueError unless
    `width` divides by 4.
    """
    if width % 4:
        raise ValueError(f"A width of {width} does not divide into sines and cosines of rows and columns.")
    places = torch.arange(side, dtype=torch.float64)
    row, column = torch.meshgrid(places, places, indexing="ij")
    waves = torch.cat([_waves(column.flatten(), width // 2), _waves(row.flatten(), width // 2)], dim=1)
    return torch.cat([torch.zeros(1, width, dtype=torch.float64), waves])[None].float()


def _waves(places: torch.Tensor, width: int) -> torch.Tensor:
    frequencies = LONGEST_WAVE ** -(torch.arange(width // 2, dtype=torch.float64) / (width / 2))
    angles = places[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def interpolated(positions: torch.Tensor, count: int) -> torch.Tensor:
    """Positions 1x(1+L)xD for another number of patches: bicubic over the grid, the class token's as it is.

    `count` is 1+L of the network that takes them. Raises ValueError where either grid is not square.
    """
    if positions.shape[1] == count:
        return positions
    old, new = _side(positions.shape[1]), _side(count)
    token, patches = positions[:, :1], positions[:, 1:]
    grid = patches.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid.float(), size=(new, new), mode="bicubic", align_corners=False)
    return torch.cat([token, grid.permute(0, 2, 3, 1).flatten(1, 2).to(token.dtype)], dim=1)


def _side(count: int) -> int:
    side = round((count - 1) ** 0.5)
    if side * side != count - 1:
        raise ValueError(f"{count - 1} positions are no square grid of patches beside a class token.")
    return side
