"""Whether a network with a transformer uses it: what becomes of its PSNR when its tokens are replaced."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evaluation.differences import Difference, photograph_difference
from evaluation.textures.table import PictureTable
from tf_denoise.data.noisy_pair import NoisyPair

if TYPE_CHECKING:
    from tf_denoise.explain.ablation import TokenAblation

REPLACEMENTS = {"mean": "their mean at every place", "other": "those of another photograph"}
"""What stands in the place of the tokens of a photograph."""


@dataclasses.dataclass(frozen=True)
class TokenUse:
    """The PSNR of a network with other tokens, minus that with its own.

    Attributes:
        network: The network.
        replaced: By what its tokens were replaced, a key of `REPLACEMENTS`.
        difference: In dB, paired by photograph; below zero the tokens help.
    """

    network: str
    replaced: str
    difference: Difference


def token_uses(
    table: PictureTable, pictures: Sequence[NoisyPair], ablations: Mapping[tuple[int, str], "TokenAblation"]
) -> list[TokenUse]:
    """What the tokens of each network are worth on test photographs, averaged over the levels of noise.

    Args:
        table: The scores, with those of the networks as they are.
        pictures: The test photographs at every level. Another photograph is the next one with the same noise.
        ablations: The networks by (repeat, network).
    """
    found: list[TokenUse] = []
    photographs = list(dict.fromkeys(picture.name for picture in pictures))
    if len(photographs) < 2:
        return found
    at = {(picture.name, picture.level): picture for picture in pictures}
    for name in dict.fromkeys(name for _, name in ablations):
        own = table.values(name, "psnr").mean(axis=1)
        repeats = [repeat for repeat, member in ablations if member == name]
        values = np.empty((len(REPLACEMENTS), len(repeats), len(table.levels), len(photographs)))
        for index, repeat in enumerate(repeats):
            for column, level in enumerate(table.levels):
                row = [at[photograph, level] for photograph in photographs]
                values[:, index, column] = _psnr_with_others(ablations[repeat, name], row)
        for replaced, ablated in zip(REPLACEMENTS, values.mean(axis=2), strict=True):
            found.append(TokenUse(name, replaced, photograph_difference(ablated, own, sign=1)))
    return found


def _psnr_with_others(ablation: "TokenAblation", pictures: Sequence[NoisyPair]) -> np.ndarray:
    """`(replacements, photographs)` in dB."""
    from evaluation.metrics import psnr
    from tf_denoise.explain.ablation import mean_tokens, tokens_in_place_of
    from tf_denoise.tiling.exact import exact_float32

    with exact_float32():
        tokens = [ablation.tokens(picture.noisy[None]) for picture in pictures]
        values = np.empty((len(REPLACEMENTS), len(pictures)))
        for index, picture in enumerate(pictures):
            mine, other = tokens[index], tokens[(index + 1) % len(tokens)]
            for row, replaced in enumerate((mean_tokens(mine), tokens_in_place_of(mine, other))):
                output = np.clip(ablation(picture.noisy[None], replaced), 0, 1)
                values[row, index] = psnr(picture.clean[None], output, max_val=1.0)[0]
    return values
