"""Parsing of the commands that look at a whole corpus: audit, dedup, decontaminate, balance, passrate."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

Make = Callable[..., argparse.ArgumentParser]


def add_whole(commands: "Commands", make: Make, store: Callable[..., None], as_json: Callable[..., None]) -> None:
    """Add the five commands."""
    for add in (_audit, _dedup, _decontaminate, _balance, _passrate):
        command = add(commands, make)
        store(command)
        as_json(command)


def _audit(commands: "Commands", make: Make) -> argparse.ArgumentParser:
    command = make(
        commands, "audit", "Say what a corpus really contains: leaks, shortcuts, contradictions, defects.",
        "examples:\n  vistill audit --store store --out audit\n"
        "  vistill audit --store store --recipe vlaa-thinking --teacher https://api.openai.com/v1#gpt-4o --ask 500\n"
        "  vistill audit --store store --exclude leftover_note",
    )  # fmt: skip
    command.add_argument(
        "--recipe", metavar="RECIPE", help="the latest run of this recipe alone (default: of every one)"
    )
    command.add_argument("--all", action="store_true", help="samples that were dropped or failed too")
    command.add_argument(
        "--teacher", metavar="T", help="asks it whether samples need their image: local, vllm:…, https://…"
    )
    command.add_argument("--ask", type=int, default=200, metavar="N", help="samples the teacher is asked about (200)")
    command.add_argument(
        "--pictures", type=int, default=2000, metavar="N", help="picture files looked into for colour and EXIF (2000)"
    )
    command.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the choice of samples asked about")
    command.add_argument("--out", metavar="DIR", help="write audit.md, audit.html and audit.json here")
    command.add_argument(
        "--fail-on", choices=("serious", "warning"), help="exit 1 when a finding is at least this grave"
    )
    command.add_argument(
        "--exclude", metavar="CHECK", help="no new audit: take the samples the latest one named out of the splits"
    )
    command.add_argument("--split", default="", metavar="S", help="with --exclude: those of this split only")
    command.add_argument("--audit", default="", metavar="ID", help="with --exclude: an earlier audit")
    command.add_argument("--dry-run", action="store_true", help="with --exclude: say how many, record nothing")
    command.add_argument("--most", action="store_true", help="with --exclude: even if it is more than half of them")
    command.add_argument("--undo", metavar="ID", help="take such a pass back: its samples are in the splits again")
    return command


def _undo(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dry-run", action="store_true", help="say what would be found, record nothing")
    command.add_argument("--undo", metavar="ID", help="take a pass back: its samples are in the splits again")
    command.add_argument("--every", action="store_true", help="also look at samples that the runs lost")


def _dedup(commands: "Commands", make: Make) -> argparse.ArgumentParser:
    command = make(
        commands, "dedup", "Find samples that repeat one another and keep one of each cluster in the splits.",
        "examples:\n  vistill dedup --dry-run\n  vistill dedup --by exact,perceptual,text --threshold 0.8\n"
        "  vistill dedup --by semantic --cosine 0.95\n  vistill sql \"select * from duplicates\"",
    )  # fmt: skip
    command.add_argument(
        "--by", default="exact,perceptual,text", metavar="M,M",
        help="exact, perceptual, framed, text, semantic (default exact,perceptual,text)",
    )  # fmt: skip
    command.add_argument("--threshold", type=float, metavar="J", help="Jaccard similarity of near texts (default 0.7)")
    command.add_argument("--shingle", type=int, metavar="N", help="words in a shingle (default 5)")
    command.add_argument("--cosine", type=float, metavar="C", help="cosine of near meanings (default 0.95)")
    command.add_argument("--look", type=float, metavar="C", help="cosine of pictures that look alike (default 0.97)")
    command.add_argument("--radius", type=int, metavar="N", help="bits between near pictures' hashes (default 6)")
    command.add_argument(
        "--text", choices=("question", "trace"), default="question", help="which text (default question)"
    )
    command.add_argument("--any-picture", action="store_true", help="compare texts about different pictures, too")
    _models(command)
    _undo(command)
    return command


def _models(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--embedder", default="local", metavar="DIR", help="sentence-transformers model of texts (default local)"
    )
    command.add_argument(
        "--image-embedder", default="", metavar="DIR", help="CLIP-type sentence-transformers model of pictures"
    )


def _decontaminate(commands: "Commands", make: Make) -> argparse.ArgumentParser:
    command = make(
        commands, "decontaminate", "Find samples that a benchmark contains, and keep them out of the splits.",
        "examples:\n  vistill decontaminate --against json:mathvision/testmini.json --out report\n"
        "  vistill decontaminate --against huggingface:AI4Math/MathVista?split=testmini --map image=decoded_image \\\n"
        "      --save-fingerprints mathvista.json\n"
        "  vistill decontaminate --fingerprints mathvista.json",
    )  # fmt: skip
    command.add_argument("--against", action="append", default=[], metavar="S", help="a benchmark: any --source")
    command.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help="as in `vistill run`")
    command.add_argument("--fingerprints", action="append", default=[], metavar="F", help="a benchmark saved before")
    command.add_argument("--save-fingerprints", metavar="F", help="write the benchmark's hashes, without its content")
    command.add_argument("--out", metavar="DIR", help="write report.md, report.html and its pictures there")
    command.add_argument("--overlap", type=float, metavar="R", help="share of a question's n-grams (default 0.6)")
    command.add_argument("--shingle", type=int, metavar="N", help="words in an n-gram (default 8)")
    command.add_argument("--cosine", type=float, metavar="C", help="cosine of equal meanings, with --semantic")
    command.add_argument("--look", type=float, metavar="C", help="cosine of pictures, with --image-embedder")
    command.add_argument("--radius", type=int, metavar="N", help="bits between near pictures' hashes (default 6)")
    command.add_argument("--semantic", action="store_true", help="compare meanings with --embedder, too")
    _models(command)
    _undo(command)
    return command


def _balance(commands: "Commands", make: Make) -> argparse.ArgumentParser:
    command = make(
        commands, "balance", "Say how diverse the corpus is, and choose a balanced part of it under quotas.",
        "examples:\n  vistill balance\n  vistill balance --size 5000 --by source,kind --quota source:tabmwp=1000\n"
        "  vistill balance --size 5000 --by cluster --clusters 200",
    )  # fmt: skip
    command.add_argument(
        "--by", default="source,kind", metavar="F,F", help="source, kind, ability, difficulty, cluster"
    )
    command.add_argument(
        "--size", type=int, metavar="N", help="keep so many; without it or a quota only coverage is reported"
    )
    command.add_argument("--quota", action="append", default=[], metavar="F:V=N", help="at most N samples with F = V")
    command.add_argument("--ability", default="ability", metavar="KEY", help="the meta field that names the ability")
    command.add_argument("--clusters", type=int, default=50, metavar="K", help="clusters of meaning (default 50)")
    command.add_argument("--embedder", default="local", metavar="DIR", help="for clusters (default local)")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="seed of the choice (default 0)")
    _undo(command)
    return command


def _passrate(commands: "Commands", make: Make) -> argparse.ArgumentParser:
    command = make(
        commands, "passrate", "Sample a model k times on a split, keep its pass rates, drop what is outside a band.",
        "examples:\n  vistill passrate --teacher vllm:Qwen/Qwen2.5-VL-3B-Instruct --draws 8 --band 0,1\n"
        "  vistill passrate --teacher http://127.0.0.1:8000/v1#mine --band 0.1,0.9 --draws 32\n"
        "  vistill passrate --teacher model:runs/grpo/model --draws 4\n"
        "  vistill passrate --undo passrate-20261126T031500-a1b2c3",
    )  # fmt: skip
    command.add_argument("--teacher", metavar="T", help="the model: vllm:MODEL, https://host/v1#model or model:DIR")
    command.add_argument("--system", metavar="TEXT", help="the system prompt, '' for none (default: that of exports)")
    command.add_argument("--recipe", metavar="RECIPE", help="the latest run of this recipe")
    command.add_argument("--split", choices=("rl", "sft"), default="rl", help="whose samples (default rl)")
    command.add_argument("--draws", type=int, default=8, metavar="K", help="at most so many a sample (default 8)")
    command.add_argument(
        "--band", metavar="LOW,HIGH",
        help="keep rates strictly between; 0,1 drops what is always wrong or always right; drawing stops once the "
        "interval has left it (without --band nothing is dropped)",
    )  # fmt: skip
    command.add_argument("--temperature", type=float, default=1.0, metavar="T", help="of the draws (default 1.0)")
    command.add_argument("--max-tokens", type=int, default=1024, metavar="N", help="a draw (default 1024)")
    command.add_argument("--limit", type=int, metavar="N", help="sample only the first N")
    command.add_argument("--undo", metavar="ID", help="take a pass back: its samples are in the splits again")
    return command
