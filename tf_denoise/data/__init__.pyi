from .batches import (
    draw_batch as draw_batch,
    noisy_crops as noisy_crops,
    noisy_pairs as noisy_pairs,
)
from .crops import (
    CropSampler as CropSampler,
    crop_batches as crop_batches,
)
from .digits import (
    Digits as Digits,
    load_digits as load_digits,
)
from .photographs import (
    Photograph as Photograph,
    Photographs as Photographs,
)
from .sources import (
    embedded_photographs as embedded_photographs,
    load_folder as load_folder,
    load_next_planes as load_next_planes,
    load_pairs as load_pairs,
)
from .splits import (
    Split as Split,
    split as split,
)
