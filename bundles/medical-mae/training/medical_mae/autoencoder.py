"""The masked autoencoder of Medical MAE, in the key names of the published checkpoints.

After He et al., "Masked Autoencoders Are Scalable Vision Learners", CVPR 2022, and the shapes in `models_mae.py` of
Medical MAE (Xiao et al., "Delving into Masked Autoencoders for Multi-Label Thorax Disease Classification", WACV 2023):
most patches are hidden, an encoder sees the others, and a small decoder paints the hidden ones.
"""

from dataclasses import dataclass

import torch
from network import EPSILON, SHAPES, Block, PatchEmbedding, Shape
from positions import sin_cos
from torch import nn


@dataclass(frozen=True)
class Autoencoding:
    encoder: str
    """A name in `network.SHAPES`."""
    width: int
    """Of the decoder, as are depth and heads."""
    depth: int
    heads: int

    @property
    def shape(self) -> Shape:
        return SHAPES[self.encoder]


AUTOENCODERS = {
    "mae_vit_tiny_patch8_dec64d2b": Autoencoding("vit_tiny_patch8", width=64, depth=2, heads=4),
    "mae_vit_small_patch16_dec512d2b": Autoencoding("vit_small_patch16", width=512, depth=2, heads=16),
    "mae_vit_base_patch16_dec512d8b": Autoencoding("vit_base_patch16", width=512, depth=8, heads=16),
}
MASK_RATIO = 0.90
SMALLEST_VARIANCE = 1e-6

Masked = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""The visible tokens BxKxD, the mask BxL (1 is hidden), and the order BxL that puts tokens back in their places."""


class MaskedAutoencoder(nn.Module):
    """Images BxCxHxW to (loss, painted patches BxLxP, mask BxL); P are the values of one patch.

    The loss is the mean squared error over the hidden patches; with `norm_pix` their values are first normalised patch
    by patch. Positions are fixed sines and cosines.
    """

    def __init__(
        self, form: Autoencoding, *, size: int | None = None, mask_ratio: float = MASK_RATIO, norm_pix: bool = False
    ) -> None:
        super().__init__()
        shape = form.shape
        self.size = size or shape.size
        if self.size % shape.patch:
            raise ValueError(f"Images of {self.size} pixels do not divide into patches of {shape.patch}.")
        self.form, self.shape, self.mask_ratio, self.norm_pix = form, shape, mask_ratio, norm_pix
        self.patch_embed = PatchEmbedding(shape, self.size)
        patches = self.patch_embed.patches
        self.visible = int(patches * (1 - mask_ratio))
        if not 0 < self.visible < patches:
            raise ValueError(f"A mask ratio of {mask_ratio:g} leaves {self.visible} of {patches} patches to be seen.")
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = _fixed(sin_cos(shape.width, self.size // shape.patch))
        self.blocks = nn.ModuleList(Block(shape.width, shape.heads) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, EPSILON)
        self.decoder_embed = nn.Linear(shape.width, form.width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, form.width))
        self.decoder_pos_embed = _fixed(sin_cos(form.width, self.size // shape.patch))
        self.decoder_blocks = nn.ModuleList(Block(form.width, form.heads) for _ in range(form.depth))
        self.decoder_norm = nn.LayerNorm(form.width, EPSILON)
        self.decoder_pred = nn.Linear(form.width, shape.patch**2 * shape.channels)
        self._begin()

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        tokens, mask, order = self.encode(images)
        painted = self.decode(tokens, order)
        return self.loss(images, painted, mask), painted, mask

    def encode(self, images: torch.Tensor) -> Masked:
        tokens = self.patch_embed(images) + self.pos_embed[:, 1:]
        tokens, mask, order = self.hide(tokens)
        token = (self.cls_token + self.pos_embed[:, :1]).expand(len(tokens), -1, -1)
        tokens = torch.cat((token, tokens), dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens), mask, order

    def hide(self, tokens: torch.Tensor) -> Masked:
        """Every sample keeps tokens of its own, drawn at random."""
        batch, count, width = tokens.shape
        shuffled = torch.rand(batch, count, device=tokens.device).argsort(dim=1)
        order = shuffled.argsort(dim=1)
        kept = shuffled[:, : self.visible, None].expand(-1, -1, width)
        return tokens.gather(1, kept), (order >= self.visible).to(tokens.dtype), order

    def decode(self, tokens: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        tokens = self.decoder_embed(tokens)
        hidden = self.mask_token.expand(len(tokens), order.shape[1] + 1 - tokens.shape[1], -1).to(tokens.dtype)
        patches = torch.cat((tokens[:, 1:], hidden), dim=1)
        patches = patches.gather(1, order[:, :, None].expand(-1, -1, tokens.shape[2]))
        tokens = torch.cat((tokens[:, :1], patches), dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            tokens = block(tokens)
        return self.decoder_pred(self.decoder_norm(tokens))[:, 1:]

    def loss(self, images: torch.Tensor, painted: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        target = patchify(images, self.shape.patch)
        if self.norm_pix:
            variance, mean = torch.var_mean(target, dim=-1, keepdim=True)
            target = (target - mean) / (variance + SMALLEST_VARIANCE).sqrt()
        error = (painted.float() - target).square().mean(dim=-1)
        return (error * mask).sum() / mask.sum()

    def _begin(self) -> None:
        nn.init.xavier_uniform_(self.patch_embed.proj.weight.view(self.shape.width, -1))
        nn.init.normal_(self.cls_token, std=0.02)
        nn.init.normal_(self.mask_token, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)


def patchify(images: torch.Tensor, patch: int) -> torch.Tensor:
    """BxCxHxW to BxLx(patch*patch*C): rows of patches; in each, rows of pixels with their channels last."""
    batch, channels, height, width = images.shape
    cut = images.reshape(batch, channels, height // patch, patch, width // patch, patch)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, patch * patch * channels)


def unpatchify(patches: torch.Tensor, patch: int, channels: int) -> torch.Tensor:
    """The way back, for square images."""
    batch, count, _ = patches.shape
    side = round(count**0.5)
    cut = patches.reshape(batch, side, side, patch, patch, channels)
    return cut.permute(0, 5, 1, 3, 2, 4).reshape(batch, channels, side * patch, side * patch)


def build_autoencoder(
    name: str, *, size: int | None = None, mask_ratio: float = MASK_RATIO, norm_pix: bool = False
) -> MaskedAutoencoder:
    """Raises ValueError with one sentence for unknown names, and for sizes or ratios that do not fit."""
    if name not in AUTOENCODERS:
        raise ValueError(f"There is no autoencoder `{name}`: choose one of {', '.join(AUTOENCODERS)}.")
    return MaskedAutoencoder(AUTOENCODERS[name], size=size, mask_ratio=mask_ratio, norm_pix=norm_pix)


def _fixed(positions: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(positions, requires_grad=False)
