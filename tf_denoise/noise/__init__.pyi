from .camera import (
    CameraNoise as CameraNoise,
)
from .described import (
    make_noise as make_noise,
    noise_in_words as noise_in_words,
    trained_range as trained_range,
)
from .estimate import (
    estimate_sigma as estimate_sigma,
    picture_sigma as picture_sigma,
)
from .found import (
    FoundNoise as FoundNoise,
    find_noise as find_noise,
)
from .gaussian import (
    AdditiveGaussian as AdditiveGaussian,
    PoissonGaussian as PoissonGaussian,
    additive_gaussian as additive_gaussian,
    poisson_gaussian as poisson_gaussian,
)
from .salt_and_pepper import (
    SaltAndPepper as SaltAndPepper,
    salt_and_pepper as salt_and_pepper,
)
from .strengths import (
    PERCENT_LEVELS as PERCENT_LEVELS,
    ConstantLevel as ConstantLevel,
    MixedLevel as MixedLevel,
    MultiLevel as MultiLevel,
    level_schedule as level_schedule,
)
