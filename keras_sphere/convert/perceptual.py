"""Makes the files of weights that the perceptual loss needs, once.

    python -m keras_sphere.convert.perceptual --vgg16=vgg16-397923af.pth \
        --lpips=vgg.pth --convnext=convnext_small-0c510722.pth [--folder=FOLDER]

`--vgg16` with `--lpips` gives `lpips_vgg16.npz`, `--convnext` gives
`convnext_small.npz`; both need PyTorch. `--efficientnet_lite2=FILE.pth` gives
`efficientnet_lite2.npz`, `--convnextv2=FILE.safetensors` (timm's model
`convnextv2_nano.fcmae_ft_in1k`) gives `convnextv2_nano.npz`. docs/perceptual_loss.md
says where the files are from.
"""

import sys

from absl import app, flags

from keras_sphere.convert.perceptual_weights import (
    convert_convnext,
    convert_convnextv2,
    convert_efficientnet_lite2,
    convert_lpips,
)

VGG16 = flags.DEFINE_string("vgg16", None, "torchvision's vgg16-397923af.pth.")
LPIPS = flags.DEFINE_string("lpips", None, "vgg.pth of the LPIPS release, v0.1.")
CONVNEXT = flags.DEFINE_string(
    "convnext", None, "torchvision's convnext_small-0c510722.pth."
)
CONVNEXTV2 = flags.DEFINE_string(
    "convnextv2", None, "timm's convnextv2_nano.fcmae_ft_in1k, .safetensors or .pth."
)
EFFICIENTNET = flags.DEFINE_string(
    "efficientnet_lite2", None, "efficientnet-lite2-9656183e.pth of its package."
)
FOLDER = flags.DEFINE_string(
    "folder",
    None,
    "Where to write; default: KERAS_SPHERE_PERCEPTUAL_DIR if set, or Keras' cache.",
)
VERIFY = flags.DEFINE_boolean("verify", True, "Take the public files only.")


def main(arguments):
    given = [VGG16.value, CONVNEXT.value, CONVNEXTV2.value, EFFICIENTNET.value]
    if len(arguments) > 1 or not any(given):
        raise app.UsageError(
            "Give --vgg16 with --lpips, --convnext, --convnextv2, or "
            "--efficientnet_lite2, or all."
        )
    if bool(VGG16.value) != bool(LPIPS.value):
        raise app.UsageError("--vgg16 and --lpips make one file: give both.")
    options = {"folder": FOLDER.value, "verify": VERIFY.value}
    try:
        if VGG16.value:
            print("Wrote", convert_lpips(VGG16.value, LPIPS.value, **options))
        if CONVNEXT.value:
            print("Wrote", convert_convnext(CONVNEXT.value, **options))
        if CONVNEXTV2.value:
            print("Wrote", convert_convnextv2(CONVNEXTV2.value, folder=FOLDER.value))
        if EFFICIENTNET.value:
            path = convert_efficientnet_lite2(EFFICIENTNET.value, **options)
            print("Wrote", path)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    app.run(main)
