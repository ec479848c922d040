from .noise2noise import (
    twin_crops as twin_crops,
)
from .noise2void import (
    hide_pixels as hide_pixels,
    masked_crops as masked_crops,
)
from .recorrupted import (
    recorrupt as recorrupt,
    recorrupted_crops as recorrupted_crops,
)
