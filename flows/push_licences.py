"""The licence of what is pushed: of every source, and of what stays in the repository beside it."""

from collections.abc import Mapping, Sequence

from curation.card import Configuration, listed, parsed
from curation.errors import ConfigError, RunStopped
from curation.licences import combined, hub_id
from flows import hub as hubs


def licences_of(given: Mapping[str, str], remote: hubs.Remote, ready: Sequence[Configuration]) -> tuple[str, ...]:
    """The licence of the whole. `given` states that of sources which give none.

    Raises `RunStopped` with every conflict, `ConfigError` for a licence talked away.
    """
    found: dict[str, dict[str, int]] = {}
    for one in ready:
        for source, counts in one.manifest["licences"].items():
            for licence, rows in counts.items():
                stated = given.get(source, "")
                if hub_id(licence) and stated and hub_id(licence) != hub_id(stated):
                    raise ConfigError("--licence", f"{source}={stated}", f"the source itself gives {licence}")
                text = licence if hub_id(licence) else stated or licence
                found.setdefault(source, {})[text] = max(rows, found.get(source, {}).get(text, 0))
    for source in given.keys() - found.keys():
        raise ConfigError("--licence", source, f"is no source of this corpus; there are {', '.join(sorted(found))}")
    whole = combined({**found, **_already(remote, [name for one in ready for name in one.names])})
    if whole.conflicts:
        raise RunStopped(f"the licences forbid it, and nothing was sent: {'; '.join(whole.conflicts)}")
    return whole.ids


def _already(remote: hubs.Remote, ours: Sequence[str]) -> dict[str, dict[str, int]]:
    """The licence of what stays in the repository beside us, if anything does."""
    data, _ = parsed(remote.readme)
    if all(one.get("config_name") in ours for one in listed(data, "configs")):
        return {}
    given = data.get("license")
    texts = [str(one) for one in (given if isinstance(given, list) else [given or ""])]
    return {f"what {remote.repo} already holds": dict.fromkeys(texts, 0)}
