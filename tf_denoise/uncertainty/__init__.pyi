from .assessment import (
    Assessment as Assessment,
    assess as assess,
)
from .calibration import (
    miscoverage_curve as miscoverage_curve,
    needed_scales as needed_scales,
    risk_controlling_scale as risk_controlling_scale,
)
from .head import (
    IntervalHead as IntervalHead,
)
from .intervals import (
    Intervals as Intervals,
    find_intervals as find_intervals,
)
from .quantile_loss import (
    quantile_loss as quantile_loss,
)
from .sure import (
    EstimatedPSNR as EstimatedPSNR,
    estimate_psnr as estimate_psnr,
)
from .whiteness import (
    Whiteness as Whiteness,
    residual_whiteness as residual_whiteness,
)
