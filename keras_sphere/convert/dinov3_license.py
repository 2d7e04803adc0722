"""The license of DINOv3, whose weights come inside of files of another license."""

LICENSE = "dinov3"
ADDRESS = "https://ai.meta.com/resources/models-and-libraries/dinov3-license/"
NOTICE = (
    "The encoder in these files is Meta's DINOv3 ViT-S/16+. Its weights come under "
    f"Meta's DINOv3 License ({ADDRESS}), whatever the license of the files around "
    "them. Who uses or passes on these weights, or a preset that holds them, needs to "
    "comply with it."
)


def check_license(accept_license):
    """Raises a `ValueError` unless the license of DINOv3 is accepted.

    Args:
        accept_license: `"dinov3"` or `None`.
    """
    if accept_license != LICENSE:
        raise ValueError(
            f"{NOTICE} Read it, and if you accept it say so: "
            f'`accept_license="{LICENSE}"`, or --accept_license={LICENSE}. The decoder '
            f'alone, `part="decoder"`, needs none of it. Received: '
            f"accept_license={accept_license!r}"
        )
