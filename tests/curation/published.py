"""The fixtures in the published shapes, each with pictures drawn here, and what the gate makes of them."""

import hashlib
import shutil
from pathlib import Path

from PIL import Image, ImageDraw

from curation.intake import samples
from curation.records import Rejected, Sample
from curation.sources import open_source

DATA = Path(__file__).parent / "data" / "published"
PICTURES = (
    "clevr_math/CLEVR_train_000012.png", "synthesis/17.png", "geoqa170k/33.png", "arxivqa/902.png",
    "allava_laion/77.png", "clevr_math/empty.png", "docvqa/4.png", "coco/train2017/000000000009.jpg",
    "clevr_math/a1.png", "coco/train2017/5.png", "arxivqa/7.png", "vizwiz/9.png",
    "llava_cot_images/sqa/train/31/image.png", "llava_cot_images/chartqa/train/png/2.png",
    "mulberry_images/geo170k/8.png", "mulberry_images/vqa/9.png", "coco/train2017/1.png", "docvqa/images/2.png",
    "sam/images/3.png", "vg/4.png", "coco/train2017/500.png", "gqa/501.png", "cauldron/clevr/images/1.png",
)  # fmt: skip


def draw(path: Path) -> None:
    """A picture of its own for every path: coloured blocks from a digest of the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (96, 64), "white")
    pen = ImageDraw.Draw(picture)
    for at, byte in enumerate(hashlib.sha256(path.name.encode() + path.parent.name.encode()).digest()):
        left, top = 12 * (at % 8), 16 * (at // 8)
        pen.rectangle([left, top, left + 11, top + 15], fill=(byte, (byte * 7) % 256, (byte * 13) % 256))
    picture.save(path)


def unpacked(folder: Path) -> Path:
    """A folder with every picture the fixtures name, and one outside it."""
    for name in PICTURES:
        draw(folder / name)
    draw(folder.parent / "outside.png")
    return folder


def taken(scheme: str, name: str, images: Path) -> tuple[list[Sample], list[Rejected]]:
    """Samples and refused rows of one fixture."""
    source = open_source(f"{scheme}:{DATA / name}?images={images}")
    both = list(samples(source))
    return (
        [item[0] for item in both if not isinstance(item, Rejected)],
        [item for item in both if isinstance(item, Rejected)],
    )


def beside(folder: Path, name: str) -> Path:
    """A copy of a fixture in a folder of its own."""
    return Path(shutil.copy(DATA / name, folder / name))
