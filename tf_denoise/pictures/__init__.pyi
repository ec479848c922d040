from .files import (
    DECODABLE as DECODABLE,
    FORMATS as FORMATS,
    STACK as STACK,
    PictureError as PictureError,
    find_pictures as find_pictures,
    inspect_picture as inspect_picture,
    read_picture as read_picture,
    to_unit as to_unit,
    with_channels as with_channels,
    write_picture as write_picture,
)
from .headers import (
    PictureHeader as PictureHeader,
)
from .planes import (
    Stack as Stack,
    StackHeader as StackHeader,
)
from .stacks import (
    inspect_stack as inspect_stack,
    open_stack as open_stack,
)
