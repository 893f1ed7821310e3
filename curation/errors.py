"""What can go wrong, once each: the leaves that stop a run and the leaf that marks one sample.

    VistillError
    ├── ConfigError      bad use: the run never starts           (exit code 2)
    ├── RunStopped       the run cannot go on: dead endpoint, rejected key, full disk, spent budget (exit code 1)
    ├── StoreError       the store cannot be read or written     (exit code 1)
    │   └── StoreMissing  no store where one was named         (bad use: exit code 2)
    └── SampleError      this sample cannot go on; recorded as `failed` with its reason code, the run goes on

Steps may raise anything: the engine turns whatever is not one of these into reason `step_error` on that sample.
"""


class VistillError(Exception):
    """Anything Vistill says on purpose; shown as one line, never as a traceback."""


class ConfigError(VistillError):
    """A setting that cannot work, with the value given and what would."""

    def __init__(self, field: str, value: object, fix: str) -> None:
        super().__init__(f"{field} = {value!r}: {fix}")
        self.field, self.value, self.fix = field, value, fix

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, object, str]]:
        return type(self), (self.field, self.value, self.fix)


class RunStopped(VistillError):
    """Going on would fail for every sample or pass a limit the user set; finished work is kept."""


class StoreError(VistillError):
    """The store on disk is damaged, locked, newer than this version, or the disk is full."""


class StoreMissing(StoreError):
    """The path that was named as a store holds none."""


class SampleError(VistillError):
    """One sample failed, with a reason code from `curation.reasons` and the raw text that shows why."""

    def __init__(self, reason: str, detail: str = "", raw: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail, self.raw = reason, detail, raw

    def __reduce__(self) -> tuple[type["SampleError"], tuple[str, str, str]]:
        return type(self), (self.reason, self.detail, self.raw)
