from .autoencoder import (
    DenseAutoencoder as DenseAutoencoder,
)
from .classifier import (
    DigitClassifier as DigitClassifier,
)
from .cost import (
    multiply_adds_per_pixel as multiply_adds_per_pixel,
)
from .refiner import (
    RefiningAutoencoder as RefiningAutoencoder,
)
from .two_stage import (
    TwoStageAutoencoder as TwoStageAutoencoder,
)
from .two_stage_unet import (
    TwoStageUNet as TwoStageUNet,
)
from .unet import (
    UNet as UNet,
)
from .vit_unet import (
    ViTUNet as ViTUNet,
    load_vit as load_vit,
    small_vit as small_vit,
)
