from .noise2noise import (
    twin_crops as twin_crops,
)
from .noise2void import (
    hide_pixels as hide_pixels,
    masked_crops as masked_crops,
)
from .own_pixel import (
    give_back_own_pixel as give_back_own_pixel,
    own_share as own_share,
)
from .recorrupted import (
    recorrupt as recorrupt,
    recorrupted_crops as recorrupted_crops,
)
