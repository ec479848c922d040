from .catalogue import (
    preset_facts as preset_facts,
    preset_file as preset_file,
    preset_names as preset_names,
)
