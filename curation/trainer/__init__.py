"""A thin SFT and GRPO trainer on TRL (extra `train`): reads exported splits, shares its rewards with curation.

`config` says what a run is and imports no torch; `run` trains. TRL's trainers are subclassed, never forked, and every
variation is a small attachment that is off unless its table is in the TOML file.
"""
