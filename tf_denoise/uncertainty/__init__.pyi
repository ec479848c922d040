from .sure import (
    EstimatedPSNR as EstimatedPSNR,
    estimate_psnr as estimate_psnr,
)
from .whiteness import (
    Whiteness as Whiteness,
    residual_whiteness as residual_whiteness,
)
