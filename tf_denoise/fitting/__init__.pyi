from .loop import (
    train as train,
)
from .optimizer import (
    SteadyAdam as SteadyAdam,
)
