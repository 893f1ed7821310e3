"""What repositories, branches and tags on the Hub may be called, looked at before anything is asked of it."""

import re

from curation.errors import ConfigError

LONGEST, LONGEST_REF = 96, 200  # characters of an owner's or a repository's name, and of a branch's or a tag's


def check_repo(repo: str, field: str = "REPO") -> None:
    """OWNER/NAME or NAME, as the Hub has them. Raises `ConfigError`."""
    if why := _repo_fault(repo):
        raise ConfigError(field, repo, f"{why}; write it as OWNER/NAME: letters, digits, '-', '_' and '.'")


def _repo_fault(repo: str) -> str:
    """Why it cannot be the name of a repository, "" where it can."""
    parts = repo.split("/")
    if len(parts) > 2 or not all(re.fullmatch(r"[A-Za-z0-9_.-]+", part) for part in parts):
        return "is no repository's name"
    if any(sign in repo for sign in ("--", "..")):
        return "the Hub allows neither '--' nor '..' in a name"
    if any(part[0] in ".-" or part[-1] in ".-" for part in parts):
        return "a name on the Hub neither begins nor ends with '-' or '.'"
    if repo.endswith(".git"):
        return "a name on the Hub does not end with '.git'"
    if any(len(part) > LONGEST for part in parts):
        return f"a name on the Hub has at most {LONGEST} characters"
    return ""


def check_ref(name: str, field: str) -> None:
    """A branch or a tag: what git allows, of plain letters and signs. Raises `ConfigError`."""
    if why := _ref_fault(name):
        raise ConfigError(field, name, f"{why}; write letters, digits, '-', '_' and '.', with '/' between parts")


def _ref_fault(name: str) -> str:
    """Why git or the Hub would not take it, "" where they do."""
    parts = name.split("/")
    if not all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", part) for part in parts):
        return "is no name of a branch or tag"
    if ".." in name or any(part.endswith((".", ".lock")) for part in parts):
        return "git allows no '..', and no '.' or '.lock' at the end"
    if parts[0] == "refs" or name == "HEAD" or re.fullmatch(r"[0-9a-f]{40}", name):
        return "means something else to git"
    return f"is longer than {LONGEST_REF} characters" if len(name) > LONGEST_REF else ""
