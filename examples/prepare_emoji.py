"""Emoji of 32 px as a folder of classes, from npm's package `emoji-datasource`.

    npm pack emoji-datasource@16.0.0
    python examples/prepare_emoji.py --package=emoji-datasource-16.0.0.tgz \\
        --output_dir=data/emoji
    KERAS_BACKEND=jax python examples/train_folder.py --dataset=data/emoji \\
        --split=train --held_out_split=test --size=tiny

The classes are Unicode's categories, or with `--classes_by=subcategory` its 99
subcategories. One in ten emoji is held out in the split `test`, by emoji and not by
picture: what two vendors draw, and the colors of a skin, are near copies. Transparent
pixels become white. Takes ten seconds.

Of the four vendors in the package these two may be passed on: Google's drawings (Noto
Emoji) under the Apache License 2.0, Twitter's (Twemoji) under CC-BY 4.0, with
attribution. `LICENSES.txt` beside the images says so.
"""

import io
import json
import pathlib
import re
import tarfile
import zlib

from keras_sphere.files.atomic_file import folder_when_done

from absl import app, flags
from PIL import Image

SIZE, BORDER = 32, 1  # of an emoji in the sheet, in pixels
HELD_OUT_ONE_IN = 10
LICENSES = {
    "google": "Noto Emoji, Copyright Google LLC. Apache License 2.0: "
    "https://www.apache.org/licenses/LICENSE-2.0",
    "twitter": "Twemoji, Copyright Twitter, Inc and other contributors. CC-BY 4.0: "
    "https://creativecommons.org/licenses/by/4.0/",
}
SOURCE = "From npm's package emoji-datasource, https://github.com/iamcal/emoji-data"


def read_file(package, name):
    """Bytes of a file of the package.

    Raises:
        SystemExit: If there is no such package or file.
    """
    package = pathlib.Path(package).expanduser()
    try:
        if package.is_dir():
            return (package / name).read_bytes()
        with tarfile.open(package) as archive:
            return archive.extractfile(f"package/{name}").read()
    except (OSError, KeyError, tarfile.TarError) as error:
        raise SystemExit(
            "--package must be the .tgz file of `npm pack emoji-datasource`, or the "
            f"folder that it unpacks to. Received: --package={package}, which fails at "
            f"{name}: {error}"
        ) from error


def class_name(text):
    """A category's name as one of a folder."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower().replace("&", "and")).strip("_")


def chosen_emoji(emoji, categories=None):
    """Those of the categories asked for, without the parts of others."""
    names = {class_name(e["category"]) for e in emoji if e["category"] != "Component"}
    wanted = set(map(class_name, categories or names))
    if not wanted <= names:
        raise SystemExit(
            f"--categories must be of {', '.join(sorted(names))}. Received: "
            f"{', '.join(sorted(wanted - names))}"
        )
    return [e for e in emoji if class_name(e["category"]) in wanted]


def split_of(emoji):
    """The same in every run, and for all pictures of an emoji."""
    number = zlib.crc32(emoji["unified"].encode())
    return "train" if number % HELD_OUT_ONE_IN else "test"


def cut_out(sheet, entry):
    """A picture of the sheet, on white."""
    step = SIZE + 2 * BORDER
    left, top = (step * entry[f"sheet_{axis}"] + BORDER for axis in "xy")
    picture = sheet.crop((left, top, left + SIZE, top + SIZE))
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def write_pictures(folder, vendor, sheet, emoji, classes_by, skin_tones):
    """Writes one vendor's pictures; returns how many per split."""
    counts = {"train": 0, "test": 0}
    for e in emoji:
        split = split_of(e)
        place = folder / split / class_name(e[classes_by])
        place.mkdir(parents=True, exist_ok=True)
        skins = e.get("skin_variations", {}).values() if skin_tones else ()
        for entry in (e, *skins):
            if entry[f"has_img_{vendor}"]:
                name = f"{entry['unified'].lower()}-{vendor}.png"
                cut_out(sheet, entry).save(place / name)
                counts[split] += 1
    return counts


def prepare(
    package,
    output_dir,
    vendors=tuple(LICENSES),
    categories=None,
    classes_by="category",
    skin_tones=False,
):
    """Writes the folder, and prints what is in it.

    Args:
        package: String or path. The package's .tgz file, or the folder in it.
        output_dir: String or path. A folder that does not exist yet.
        vendors: Iterable of the keys of `LICENSES`.
        categories: Iterable of strings, or `None` for all.
        classes_by: `"category"` or `"subcategory"`.
        skin_tones: Boolean. Whether all skins are taken.

    Raises:
        SystemExit: If an argument is wrong; nothing is written then.
    """
    unknown = set(vendors) - set(LICENSES)
    if unknown:
        raise SystemExit(
            f"--vendors must be of {', '.join(LICENSES)}: the art of others may not be "
            f"passed on. Received: {', '.join(sorted(unknown))}"
        )
    if pathlib.Path(output_dir).exists():
        raise SystemExit(
            "--output_dir must be a folder that does not exist yet. Received: "
            f"--output_dir={output_dir}"
        )
    emoji = chosen_emoji(json.loads(read_file(package, "emoji.json")), categories)
    licenses = [SOURCE, *(f"*-{v}.png: {LICENSES[v]}" for v in vendors)]
    with folder_when_done(output_dir) as folder:
        for vendor in vendors:
            content = read_file(package, f"img/{vendor}/sheets/{SIZE}.png")
            sheet = Image.open(io.BytesIO(content)).convert("RGBA")
            counts = write_pictures(
                folder, vendor, sheet, emoji, classes_by, skin_tones
            )
            print(f"{vendor}: {counts['train']} to train, {counts['test']} held out")
        (folder / "LICENSES.txt").write_text("\n".join(licenses) + "\n")
    print(f"In {output_dir}, with LICENSES.txt:", *licenses, sep="\n  ")


def main(_):
    names = [
        "package",
        "output_dir",
        "vendors",
        "categories",
        "classes_by",
        "skin_tones",
    ]
    prepare(**{name: flags.FLAGS[name].value for name in names})


if __name__ == "__main__":
    flags.DEFINE_string("package", None, "npm's .tgz file, or the folder in it.")
    flags.DEFINE_string("output_dir", "data/emoji", "New folder to write.")
    flags.DEFINE_list("vendors", list(LICENSES), "Whose drawings.")
    flags.DEFINE_list("categories", None, "Those alone; all by default.")
    by = ["category", "subcategory"]
    flags.DEFINE_enum("classes_by", by[0], by, "What makes a class.")
    flags.DEFINE_boolean("skin_tones", False, "Whether all skins are taken.")
    flags.mark_flag_as_required("package")
    app.run(main)
