"""How far random points lie beyond the noise of training: a rule of thumb.

Two random points of a sphere in D dimensions stand at 90 degrees, give or take
`57.3 / sqrt(D)`. The gap is how many of these deviations lie between the largest
angle of training and 90 degrees. A small one: a random point looks like noise of
training, but noise at that angle no longer says which image it was made of, so the
decoder averages. A large one: a random point is unlike all that the decoder was
trained on. To tell N images of a class apart takes a gap of about `sqrt(2 ln N)`, at
which clouds of noise around them just about cover the sphere (docs/how_it_works.md).
Derived, not measured for other images than those in docs/diversity.md.
"""

import math

_DEGREES = math.degrees(1.0)
FAR = 0.7, 3.0  # times the gap that the images ask for


def gap_of_angle(max_angle_degrees, dimensions):
    """The gap of a largest angle.

    Args:
        max_angle_degrees: Float in (0, 90).
        dimensions: Integer. Tokens by channels.

    Returns:
        Float, in standard deviations of the angle between random points.
    """
    return (90.0 - max_angle_degrees) * math.sqrt(dimensions) / _DEGREES


def gap_of_images(num_images):
    """The gap that tells so many images apart.

    Args:
        num_images: Number, at least 1. Images of a class: its label tells the rest.
    """
    return math.sqrt(2.0 * math.log(num_images))


def angle_of_images(num_images, dimensions):
    """The largest angle, in degrees, at which so many images can be told apart;
    at least 1.

    Args:
        num_images: Number, at least 1. Images of a class.
        dimensions: Integer. Tokens by channels.
    """
    gap = gap_of_images(num_images) * _DEGREES / math.sqrt(dimensions)
    return max(90.0 - gap, 1.0)


def describe_gap(max_angle_degrees, architecture, num_images=0):
    """A largest angle beside what its images ask for, as text.

    Args:
        max_angle_degrees: Float in (0, 90).
        architecture: Dict of arguments of `SphereEncoderBackbone`.
        num_images: Integer. Images of training; 0 if unknown.

    Returns:
        Pair of a phrase, and of a sentence that warns, `""` if nothing is amiss.
    """
    if architecture.get("motion") == "rotation":  # it trains on random points, too
        return f"random points are noise of {max_angle_degrees:g} degrees", ""
    side = architecture["image_size"] // architecture["patch_size"]
    dimensions = side**2 * architecture["token_channels"]
    num_classes = architecture["num_classes"]
    gap = gap_of_angle(max_angle_degrees, dimensions)
    phrase = (
        f"random points {gap:.1f} standard deviations beyond {max_angle_degrees:g} "
        f"degrees in {dimensions:,} dimensions"
    )
    of_class = num_images / max(num_classes, 1)
    if of_class < 2:
        return phrase, ""
    asked, angle = gap_of_images(of_class), angle_of_images(of_class, dimensions)
    images = f"{num_images:,} images"
    if num_classes:
        images += f" of {num_classes:,} classes"
    phrase += f"; {images} ask for about {asked:.1f}, {angle:.0f} degrees"
    least, most = FAR
    if gap < least * asked:
        return phrase, (
            f"{max_angle_degrees:g} degrees are much for {images} in "
            f"{dimensions:,} dimensions: expect little variety at one step. About "
            f"{angle:.0f} would leave more; see docs/diversity.md."
        )
    if gap > most * asked:
        return phrase, (
            f"{max_angle_degrees:g} degrees are few in {dimensions:,} dimensions: a "
            "random point is unlike the noise of training, so expect much from the "
            f"second step on. About {angle:.0f} would reach; see docs/diversity.md."
        )
    return phrase, ""
