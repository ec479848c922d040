from .adapt import (
    Adapted as Adapted,
    adapt as adapt,
)
from .loop import (
    train as train,
)
from .optimizer import (
    SteadyAdam as SteadyAdam,
)
