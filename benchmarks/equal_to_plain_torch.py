"""Whether a backend's model and that of `plain_torch.py` are the same function."""

from plain_torch_cases import Package, Peer, new_inputs

TOLERANCES = {
    "encoder": 1e-4,
    "decoder": 1e-4,
    "generation": 1e-4,
    "loss": 1e-6,
    "step": 1e-5,
}


def reference_state(backbone):
    """The weights under the names of the peer."""
    from keras_sphere.convert.reference_weights import reference_arrays

    convert = reference_arrays(backbone)
    return dict(convert(variable, variable) for variable in backbone.weights)


def check():
    """Largest differences of a backend from the peer with the same weights."""
    import keras
    import numpy as np
    import torch

    package, peer = Package("float32"), Peer()
    peer.bfloat16 = False
    backbone, to_numpy = package.model.backbone, keras.ops.convert_to_numpy
    before = reference_state(backbone)
    with torch.no_grad():
        peer.model.load_state_dict(
            {name: torch.as_tensor(array.copy()) for name, array in before.items()}
        )
        for average, weight in zip(
            peer.training.average, peer.training.parameters, strict=True
        ):
            average.copy_(weight)
    images, labels, draws, noise = new_inputs()
    points = to_numpy(backbone.spherify(noise[0]))
    with torch.no_grad():
        pairs = {
            "encoder": (
                to_numpy(backbone.encode(images, labels)),
                peer.model.encoder(peer.images(images), peer.labels(labels)),
            ),
            "decoder": (
                to_numpy(backbone.decode(points, labels)),
                peer.model.decoder(peer.tensor(points), peer.labels(labels)),
            ),
        }
    pairs["generation"] = (
        package.generate(labels, 4, noise),
        peer.tensor(peer.generate(labels, 4, noise)).permute(0, 3, 1, 2),
    )
    differences = {
        name: float(np.abs(ours - peer.array(other)).max())
        for name, (ours, other) in pairs.items()
    }
    losses = package.train(images, labels, draws), peer.train(images, labels, draws)
    differences["loss"] = abs(losses[0] - losses[1])
    after, state = reference_state(backbone), peer.model.state_dict()
    gaps = np.concatenate(
        [np.ravel(after[name] - state[name].cpu().numpy()) for name in after]
    )
    # Adam's first step is the sign of the gradient: noise where that is zero.
    differences["step"] = float(np.quantile(np.abs(gaps), 0.999))
    moved = max(np.abs(after[name] - before[name]).max() for name in after)
    if not moved > 5e-5:
        raise AssertionError(f"The step moved no weight by more than {moved}")
    return differences
