"""The Vision Transformer that classifies, in the key names of Medical MAE's checkpoints and of timm.

Written after Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, and the shapes in `models_vit.py` of
Medical MAE (Xiao et al., WACV 2023). With average pooling its tensors have the names, shapes and meaning of timm's
`vit_small_patch16_224(global_pool='avg')`, so that checkpoints go both ways. Used by training and by inference.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """What a ViT is made of; sizes in pixels."""

    patch: int
    width: int
    depth: int
    heads: int
    size: int = 224
    """Height and width of the images, unless another is asked for."""
    channels: int = 3
    """Grey images are repeated over the channels."""


SHAPES = {
    "vit_tiny_patch8": Shape(patch=8, width=64, depth=4, heads=4, size=64, channels=1),
    "vit_small_patch16": Shape(patch=16, width=384, depth=12, heads=6),
    "vit_base_patch16": Shape(patch=16, width=768, depth=12, heads=12),
}
"""The small and base ones as published; the tiny one for CPUs and 64-pixel images."""
MLP_RATIO = 4
EPSILON = 1e-6
"""Of the layer norms."""


class PatchEmbedding(nn.Module):
    """Images BxCxHxW to BxLxD: one linear map of each patch, row by row."""

    def __init__(self, shape: Shape, size: int) -> None:
        super().__init__()
        self.size = size
        self.patches = (size // shape.patch) ** 2
        self.proj = nn.Conv2d(shape.channels, shape.width, shape.patch, shape.patch)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.shape[-2:] != (self.size, self.size):
            found = "x".join(map(str, images.shape[-2:]))
            raise ValueError(f"The network takes images of {self.size}x{self.size} pixels, not {found}.")
        return self.proj(images).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        batch, count, width = tokens.shape
        parts = self.qkv(tokens).reshape(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*parts)
        out = self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        return functional.dropout(out, self.dropout, self.training)


class Mlp(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden = functional.dropout(functional.gelu(self.fc1(tokens)), self.dropout, self.training)
        return functional.dropout(self.fc2(hidden), self.dropout, self.training)


class Block(nn.Module):
    """Attention and perceptron, each behind a layer norm and beside a shortcut that is all there is now and then."""

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0, drop_path: float = 0.0) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(width, EPSILON)
        self.attn = Attention(width, heads, dropout)
        self.norm2 = nn.LayerNorm(width, EPSILON)
        self.mlp = Mlp(width, dropout)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self._kept(self.attn(self.norm1(tokens)))
        return tokens + self._kept(self.mlp(self.norm2(tokens)))

    def _kept(self, change: torch.Tensor) -> torch.Tensor:
        """Stochastic depth (Huang et al., 2016), drawn for each sample."""
        if not self.training or self.drop_path == 0:
            return change
        keep = 1 - self.drop_path
        return change * change.new_empty(len(change), 1, 1).bernoulli_(keep) / keep


class VisionTransformer(nn.Module):
    """Scores BxN (no sigmoid) of images BxCxHxW.

    `pooled`: the mean of the patches' tokens goes through `fc_norm` to the head; otherwise the class token goes through
    `norm`. `drop_path` grows from 0 in the first block to its value in the last. Raises ValueError when patches do not
    fit the size.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        *,
        size: int | None = None,
        pooled: bool = True,
        dropout: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape, self.size, self.pooled, self.dropout = shape, size or shape.size, pooled, dropout
        if self.size % shape.patch:
            raise ValueError(f"Images of {self.size} pixels do not divide into patches of {shape.patch}.")
        self.patch_embed = PatchEmbedding(shape, self.size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, self.patch_embed.patches + 1, shape.width))
        rates = [drop_path * number / max(shape.depth - 1, 1) for number in range(shape.depth)]
        self.blocks = nn.ModuleList(Block(shape.width, shape.heads, dropout=dropout, drop_path=rate) for rate in rates)
        norm = nn.LayerNorm(shape.width, EPSILON)
        if pooled:
            self.fc_norm = norm
        else:
            self.norm = norm
        self.head = nn.Linear(shape.width, classes)
        self._begin()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """BxD: what the head sees."""
        tokens = self.patch_embed(images)
        tokens = torch.cat((self.cls_token.expand(len(tokens), -1, -1), tokens), dim=1) + self.pos_embed
        tokens = functional.dropout(tokens, self.dropout, self.training)
        for block in self.blocks:
            tokens = block(tokens)
        return self.fc_norm(tokens[:, 1:].mean(dim=1)) if self.pooled else self.norm(tokens)[:, 0]

    def _begin(self) -> None:
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        nn.init.normal_(self.cls_token, std=1e-6)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.head.weight, std=0.02)


def shape_named(name: str) -> Shape:
    """Raises ValueError that names the known ones."""
    if name not in SHAPES:
        raise ValueError(f"There is no network `{name}`: choose one of {', '.join(SHAPES)}.")
    return SHAPES[name]
