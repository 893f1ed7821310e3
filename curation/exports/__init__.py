"""Rows of a corpus in the columns that trainers and published corpora use; pure functions, no files.

One file a family. `FORMATS` is the register: a new family adds its `Format`s to the list here and nothing else.
"""

from curation.errors import ConfigError
from curation.exports import messages, raw, trl, verl, vision_r1_cold, vlaa, wethink
from curation.exports.formats import Format

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        trl.GRPO,
        messages.SFT,
        trl.SFT_TRL,
        verl.VERL,
        verl.EASYR1,
        trl.PREFERENCE,
        vlaa.VLAA,
        vision_r1_cold.COLD,
        vision_r1_cold.COLD_MULBERRY,
        vision_r1_cold.RL,
        wethink.WETHINK,
        raw.RAW,
    )
}


def format_named(name: str) -> Format:
    """The format of that name. Raises `ConfigError` with those there are."""
    if name not in FORMATS:
        raise ConfigError("FORMAT", name, f"no such format; there are {', '.join(FORMATS)}")
    return FORMATS[name]
