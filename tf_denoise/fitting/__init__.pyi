from .loop import (
    train as train,
)
