"""The card of a published corpus (README.md on the Hub): YAML that loaders read, and prose made of manifests. Pure.

Only what is between our two markers is written anew; YAML keys, configurations and prose of others are kept. Texts of
samples and names of sources are shown, never obeyed (`curation.markdown`).
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from curation.errors import ConfigError
from curation.markdown import block, cell, table
from curation.records import Json

BEGIN, END = "<!-- vistill: written by `vistill push` -->", "<!-- /vistill -->"
HEADER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n?^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
LARGEST = 1_000_000  # characters of a README that is read
SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"),
)  # fmt: skip
SHOWN = ("problem", "question", "trace", "refined_cot", "ds_answer", "solution", "answer", "gt")
TASKS = ("visual-question-answering", "image-text-to-text")


@dataclass(frozen=True, slots=True)
class Configuration:
    """One format as it lies on the Hub. `uncompressed` and `files` are bytes; `manifest` is that of its export."""

    name: str
    manifest: Mapping[str, Json]
    files: int
    uncompressed: int

    @property
    def rows(self) -> int:
        return int(sum(self.manifest["counts"].values()))

    @property
    def embedded(self) -> bool:
        return bool(self.manifest.get("container", "parquet") == "parquet")

    @property
    def names(self) -> list[str]:
        """Its configurations on the Hub, also of a file that has no rows this time."""
        return config_names(self.name, list(self.manifest.get("splits", {}).values()), embedded=self.embedded)

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """{configuration: {split: path}} as `load_dataset` takes them; an empty file is none.

        Files of JSON have other columns each, so that each is a configuration of its own.
        """
        counts = self.manifest["counts"]
        if self.embedded:
            folders = {file["path"].rpartition("/")[0] for file in self.manifest.get("files", ())}
            return {self.name: {part: f"{self.name}/{f'{part}/' * (part in folders)}{part}-*" for part in counts}}
        suffix = "json" if self.manifest["container"] == "array" else "jsonl"
        files = zip(self.names, self.manifest["splits"], strict=True)
        return {name: {"train": f"{self.name}/{part}.{suffix}"} for name, part in files if counts[part]}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the card says beside the manifests. `example` are labelled texts, `picture` a path in the repository."""

    repo: str
    url: str
    title: str
    recipe: str
    paper: str
    licences: Sequence[str]
    stated: Mapping[str, str]
    language: Sequence[str]
    example: Sequence[tuple[str, str]]
    picture: str


def parsed(readme: str) -> tuple[dict[str, Any], str]:
    """(YAML, prose) of a card. Raises `ConfigError` when its YAML cannot be kept because it cannot be read."""
    if len(readme) > LARGEST:
        raise ConfigError("README.md", f"{len(readme):,} characters", "is too long to be kept: shorten it on the Hub")
    found = HEADER.match(readme)
    if not found:
        return {}, readme
    try:
        data = yaml.safe_load(found[1]) or {}
        if not isinstance(data, dict):
            raise TypeError("not a mapping")
    except (yaml.YAMLError, TypeError) as error:
        told = " ".join(str(error).split())[:200]
        raise ConfigError("README.md", "its YAML", f"cannot be read ({told}): mend it on the Hub") from None
    return data, readme[found.end() :]


def config_names(format: str, splits: Sequence[str | None], *, embedded: bool) -> list[str]:
    """The configurations of a format whose parts take these splits: one, or one a file of JSON."""
    return [format] if embedded or len(splits) == 1 else [f"{format}-{split}" for split in splits]


def card(earlier: str, about: About, configurations: Sequence[Configuration]) -> str:
    """The new README.md, keeping what others wrote into the earlier one ("" for none)."""
    data, prose = parsed(earlier)
    whole = metadata(data, about, configurations)
    header = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100)
    ours = {name for each in configurations for name in each.names}
    others = [str(one.get("config_name")) for one in whole["configs"] if one.get("config_name") not in ours]
    return f"---\n{header}---\n{_placed(prose, _prose(about, configurations, others))}"


def metadata(kept: Mapping[str, Any], about: About, configurations: Sequence[Configuration]) -> dict[str, Any]:
    """The card's YAML: ours over what was there, configurations of others in place."""
    rows = max(each.rows for each in configurations)
    kinds = (each.manifest["recipe"] for each in configurations)
    tags = ["reasoning", "synthetic", "vistill", *sorted(set(kinds)), *(each.name for each in configurations)]
    ours: dict[str, Any] = {
        "license": about.licences[0] if len(about.licences) == 1 else list(about.licences),
        **({"language": list(about.language)} if about.language else {}),
        "pretty_name": about.title, "size_categories": [size_category(rows)], "task_categories": list(TASKS),
        "annotations_creators": ["machine-generated"], "tags": _union(kept.get("tags"), tags),
    }  # fmt: skip
    names = {name for each in configurations for name in each.names}
    tables = [(name, files) for each in configurations for name, files in each.tables.items()]
    there = listed(kept, "configs")
    others = [one for one in there if one.get("config_name") not in names]
    was = [str(one["config_name"]) for one in there if one not in others and one.get("default")]
    # Beside others none of ours becomes the default: what `load_dataset(repo)` gave must not turn into something else.
    first = next((name for name, _ in tables if name in was), None if others else tables[0][0])
    infos = [one for one in listed(kept, "dataset_info") if one.get("config_name") not in names]
    ours["configs"] = [*others, *(_config(name, files, name == first) for name, files in tables)]
    ours["dataset_info"] = [*infos, *(_info(each) for each in configurations if each.embedded)]
    return {**{name: value for name, value in kept.items() if name not in ours}, **ours}


def listed(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """`configs` or `dataset_info` of a card as a list, whichever of its published forms it has."""
    found = data.get(key) or []
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


def size_category(rows: int) -> str:
    """The Hub's word for so many rows."""
    return next((name for limit, name in SIZES if rows < limit), "100M<n<1B")


def features(columns: Mapping[str, Json]) -> list[dict[str, Any]]:
    """Column types of a format as `dataset_info` writes them."""
    return [{"name": name, **_feature(kind)} for name, kind in columns.items()]


def _feature(kind: Json) -> dict[str, Any]:
    if kind == "image":
        return {"dtype": "image"}
    if isinstance(kind, str):
        return {"dtype": kind}
    if isinstance(kind, list):
        inner = _feature(kind[0])
        return {"list": inner.get("dtype", inner.get("struct", inner.get("list")))}
    return {"struct": features(kind)}


def _config(name: str, files: Mapping[str, str], default: bool) -> dict[str, Any]:
    found = [{"split": part, "path": path} for part, path in files.items()]
    return {"config_name": name, **({"default": True} if default else {}), "data_files": found}


def _info(each: Configuration) -> dict[str, Any]:
    counts = each.manifest["counts"]
    size = {part: each.uncompressed * rows // max(1, each.rows) for part, rows in counts.items()}
    return {
        "config_name": each.name, "features": features(each.manifest["columns"]),
        "splits": [{"name": part, "num_bytes": size[part], "num_examples": rows} for part, rows in counts.items()],
        "download_size": each.files, "dataset_size": each.uncompressed,
    }  # fmt: skip


def _union(kept: Any, ours: Sequence[str]) -> list[str]:
    theirs = [one for one in kept if isinstance(one, str)] if isinstance(kept, list) else []
    return list(dict.fromkeys([*theirs, *ours]))


def _placed(prose: str, ours: str) -> str:
    begin, end = prose.find(BEGIN), prose.rfind(END)  # a sample's text between them may hold either
    if begin >= 0 and end > begin:
        return f"{prose[:begin]}{ours}{prose[end + len(END) :]}"
    before = f"{prose.strip()}\n\n" if prose.strip() else ""
    return f"\n{before}{ours}\n"


def _prose(about: About, configurations: Sequence[Configuration], others: Sequence[str]) -> str:
    first = configurations[0].manifest
    parts = [
        BEGIN, f"# {cell(about.title)}", _opening(about, configurations),
        f"Also in this repository, and not described here: {', '.join(map(cell, others))}." if others else "",
        "## How it was made",
        _made(about, configurations), "### Where samples went", _funnel(first), _example(about),
        "## What the audit found", _findings(first), "## Limits", _limits(configurations), "## Licence",
        _licences(about, configurations), "## Citation", _citation(about, first), END,
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _opening(about: About, configurations: Sequence[Configuration]) -> str:
    kinds = [(f"{each.name}", each.manifest["title"], each.rows, _bytes(each.files))
             for each in configurations]  # fmt: skip
    names = [name for each in configurations for name in each.tables]
    lines = [f'load_dataset("{about.repo}", "{name}")' for name in names]
    load = "\n".join(["from datasets import load_dataset", "", *lines])
    told = [table(("folder", "for", "rows", "size"), kinds, "the files"), f"```python\n{load}\n```"]
    folders = [each.name for each in configurations if not each.embedded]
    if folders:
        wanted = " ".join(f"--include '{name}/*'" for name in folders)
        told.append(
            f"Rows of {', '.join(folders)} name their pictures by path below that folder. With the pictures:\n\n"
            f"```\nhf download {about.repo} --repo-type dataset {wanted} --local-dir .\n```"
        )
    return "\n\n".join(told)


def _bytes(size: int) -> str:
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:,.1f} {unit}"
    return f"{size} bytes"


def _made(about: About, configurations: Sequence[Configuration]) -> str:
    first = configurations[0].manifest
    models = [(role, who.get("model") or who.get("name") or "") for role, who in first["models"].items()]
    prompts = [(step, name, sha[:16]) for step, given in first["prompts"].items() for name, sha in given.items()]
    recipe = f"Recipe {cell(first['recipe'])}" + (f": {cell(about.recipe, 300)}" if about.recipe else "")
    told = [
        recipe + (f" ({cell(about.paper, 300)})." if about.paper else "."),
        f"Run {cell(first['run_id'])} of Vistill {cell(first['vistill'])}, rows up to {_day(first)}. Each "
        "configuration has a `manifest.json` with the hash of every file and the command that writes it again.",
        table(("role", "model"), models) if models else "No model was asked: every text is the source's own.",
        table(("step", "prompt", "SHA-256"), prompts, "manifest.json") if prompts else "",
    ]  # fmt: skip
    return "\n\n".join(one for one in told if one)


def _funnel(manifest: Mapping[str, Json]) -> str:
    names = ("step", "input", "kept", "dropped", "failed", "pending")
    return table(names, [[row[name] for name in names] for row in manifest["funnel"]], "manifest.json")


def _example(about: About) -> str:
    if not about.example:
        return ""
    picture = [f"![The picture of the example]({about.picture})"] if about.picture else []
    texts = [f"{label}:\n\n{block(text)}" for label, text in about.example]
    return "\n\n".join(["## Example", *picture, *texts])


def _findings(manifest: Mapping[str, Json]) -> str:
    found = manifest["findings"]
    if not found:
        return "No finding is kept: `vistill audit` has found nothing in this store, if it was run there at all."
    rows = [(one["severity"], one["title"], one["samples"], one["looked_at"]) for one in found]
    return table(("severity", "finding", "samples", "looked at"), rows, "manifest.json")


def _limits(configurations: Sequence[Configuration]) -> str:
    left = [
        (each.name, reason, what["samples"]) for each in configurations
        for reasons in each.manifest["skipped"].values() for reason, what in reasons.items()
    ]  # fmt: skip
    overlap = any(each.manifest["allow_overlap"] for each in configurations)
    asked = any(each.manifest["models"] for each in configurations)
    told = [
        f"Traces were written by {'models' if asked else 'the source'}. A kept one ends in the reference answer as a "
        "rule or a judge compared them; its steps were not proved, and the references are the sources' own.",
        "Splits may share a picture or a parent: that check was switched off." if overlap else "",
        "Left out because they could not be written:\n\n" + table(("configuration", "reason", "samples"), left)
        if left else "",
    ]  # fmt: skip
    return "\n\n".join(one for one in told if one)


def _licences(about: About, configurations: Sequence[Configuration]) -> str:
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for each in configurations:
        for source, counts in each.manifest["licences"].items():
            for licence, count in counts.items():
                shown = f"{about.stated[source]} (stated by the publisher)" if source in about.stated else licence
                rows.setdefault((source, shown), {})[each.name] = count
    names = [each.name for each in configurations]
    listing = [
        (source, licence, *(counts.get(name, 0) for name in names))
        for (source, licence), counts in sorted(rows.items())
    ]
    asked = any(each.manifest["models"] for each in configurations)
    told = "Rows keep the licence of their source." + asked * (
        " The terms of the models that wrote texts apply besides."
    )
    return f"{table(('source', 'licence', *(f'rows of {name}' for name in names)), listing, 'manifest.json')}\n\n{told}"


def _citation(about: About, manifest: Mapping[str, Json]) -> str:
    owner, _, name = about.repo.partition("/")
    key = re.sub(r"[^a-z0-9]+", "_", about.repo.lower())
    title = re.sub(r"[^\w .,:;()/-]", "", about.title) or name
    lines = [
        f"@misc{{{key},", f"  title = {{{title}}},", f"  author = {{{owner}}},", f"  year = {{{_day(manifest)[:4]}}},",
        f"  howpublished = {{\\url{{{about.url}}}}},", "}",
    ]  # fmt: skip
    return "```bibtex\n" + "\n".join(lines) + "\n```"


def _day(manifest: Mapping[str, Json]) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(manifest["as_of"]))


def example_texts(row: Mapping[str, Json]) -> list[tuple[str, str]]:
    """What a reader is shown of a row of any format: who says what, and what would be right."""
    turns = [turn for name in ("prompt", "messages", "chosen", "rejected") for turn in row.get(name) or ()]
    said = [(turn["role"], turn["content"]) for turn in turns if turn["role"] != "system"]
    said += [(turn["from"], turn["value"]) for turn in row.get("conversations") or ()]
    plain = [(name, row[name]) for name in SHOWN if row.get(name)]
    return [(label, text) for label, text in [*said, *plain] if isinstance(text, str)]
