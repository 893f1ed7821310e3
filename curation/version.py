"""Code versions: a digest of everything a step's function can execute inside this project.

Fingerprints need to notice a changed helper, or a corpus goes stale in silence; they should not notice comments and
docstrings, or every typing fix re-runs a corpus. So the digest is over syntax trees without docstrings: the function's
module and, transitively, the modules of ours it imports. Framework modules are left out: they carry no domain rule.
Libraries outside the project are not hashed.
"""

import ast
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

PROJECT = "curation"
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
FRAMEWORK = {
    "curation.errors",
    "curation.reasons",
    "curation.records",
    "curation.step",
    "curation.version",
    "curation.prompts",
    "curation.teachers.protocol",
}


def code_version(function: Callable[..., Any]) -> str:
    """Hex digest of the code behind `function`; falls back to its compiled code when it has no source file."""
    module = inspect.getmodule(function)
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        code = function.__code__
        return _hash(code.co_code + repr(code.co_consts).encode() + repr(code.co_names).encode())
    texts = [function.__qualname__.encode(), _read(Path(file)).tree]
    texts += [_read(path).tree for _, path in sorted(_reachable(module.__name__, Path(file)).items())]
    return _hash(b"\0".join(texts))


def modules_version(*names: str) -> str:
    """Hex digest of the modules of ours with these names, none of which is imported."""
    located = [_locate(name) for name in names]
    assert None not in located, names
    return _hash(b"\0".join(_read(path).tree for path in located if path))


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """One file of ours: its syntax tree without docstrings as text, and the modules it names in imports."""

    tree: bytes
    imports: frozenset[str]


@cache
def _read(path: Path) -> Source:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = frozenset(_imported_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return Source(ast.dump(tree).encode(), imports)


def _reachable(name: str, path: Path) -> dict[str, Path]:
    """Our modules that `name` imports, directly or not, without itself and the framework."""
    found: dict[str, Path] = {}
    waiting = [(name, path)]
    while waiting:
        current, file = waiting.pop()
        for imported, target in _imports(current, file):
            if imported not in found and imported != name:
                found[imported] = target
                waiting.append((imported, target))
    return found


@cache
def _imports(name: str, path: Path) -> tuple[tuple[str, Path], ...]:
    wanted = {m for m in _read(path).imports if m.split(".")[0] == PROJECT and m not in FRAMEWORK}
    return tuple((m, located) for m in sorted(wanted) if (located := _locate(m)))


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def _locate(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
