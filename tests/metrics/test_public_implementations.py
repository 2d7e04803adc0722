"""Agreement with torchmetrics and torch-fidelity on random data."""

import keras
import numpy as np
import pytest

from keras_sphere import metrics
from tests.torch_fidelity_package import torch_fidelity

if keras.backend.backend() != "torch":
    pytest.skip("NumPy code: checked on one backend", allow_module_level=True)

pytestmark = [
    pytest.mark.filterwarnings("ignore:Metric .* will save all extracted"),
    pytest.mark.filterwarnings("ignore:std.*degrees of freedom"),
]

torch = pytest.importorskip("torch")
torchmetrics = pytest.importorskip("torchmetrics")


class Flatten(torch.nn.Module):
    """Features that are the pixels themselves."""

    num_features = 12

    def forward(self, images):
        return images.reshape(len(images), -1).double()


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.rand(2, 60, 3, 2, 2, generator=generator)
    return real, 0.5 + 0.7 * (fake - 0.4)


def rows(images):
    return images.reshape(len(images), -1).double().numpy()


def test_frechet(images):
    from torchmetrics.image.fid import FrechetInceptionDistance

    real, fake = images
    public = FrechetInceptionDistance(
        Flatten(), normalize=True, input_img_size=(3, 2, 2)
    )
    public.set_dtype(torch.float64)
    public.update(real, real=True)
    public.update(fake, real=False)
    ours = metrics.frechet_distance(rows(fake), rows(real))
    assert ours == pytest.approx(float(public.compute()), rel=1e-5)


def test_kernel_distance(images):
    from torchmetrics.image.kid import KernelInceptionDistance

    real, fake = images
    public = KernelInceptionDistance(Flatten(), subsets=1, subset_size=60)
    public.update(real, real=True)
    public.update(fake, real=False)
    ours, _ = metrics.kernel_distance(rows(real), rows(fake), 60, 1)
    assert ours == pytest.approx(float(public.compute()[0]), rel=1e-5)


def test_inception_score(images):
    from torchmetrics.image.inception import InceptionScore

    real, _ = images
    public = InceptionScore(Flatten(), splits=1)
    public.update(real)
    ours = metrics.InceptionScore(1)
    for part in np.array_split(rows(real), 4):
        ours.update(part)
    assert ours.result()[0] == pytest.approx(float(public.compute()[0]), rel=1e-5)


@pytest.mark.parametrize("num_neighbors", [1, 3])
def test_precision_recall(num_neighbors):
    generator = torch.Generator().manual_seed(2)
    real = torch.randn(80, 4, generator=generator, dtype=torch.float64)
    fake = 0.3 + 0.6 * torch.randn(50, 4, generator=generator, dtype=torch.float64)
    with torch_fidelity("metric_prc", unused=("utils",)) as public:
        expected = public.calculate_precision_recall_full(fake, real, num_neighbors)
    ours = metrics.precision_recall(real.numpy(), fake.numpy(), num_neighbors)
    assert 0.1 < expected[1] < expected[0] < 1.0
    assert ours == pytest.approx(expected, abs=1e-6)


def test_ssim_and_psnr():
    from torchmetrics.functional.image import (
        peak_signal_noise_ratio,
        structural_similarity_index_measure,
    )

    generator = torch.Generator().manual_seed(1)
    a = torch.rand(4, 3, 24, 20, generator=generator)
    b = (a + 0.2 * torch.rand(a.shape, generator=generator)).clamp(0, 1)
    x, y = (t.permute(0, 2, 3, 1).double().numpy() for t in (a, b))
    _, full = structural_similarity_index_measure(
        a.double(), b.double(), data_range=1.0, return_full_image=True
    )
    # The public mean counts a border that it has filled up by reflection.
    public = full[..., 5:-5, 5:-5].mean((1, 2, 3)).numpy()
    np.testing.assert_allclose(metrics.ssim(x, y, 1.0), public, rtol=1e-6)
    public = [
        float(peak_signal_noise_ratio(p, q, data_range=1.0))
        for p, q in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(metrics.psnr(x, y, 1.0), public, rtol=1e-5)
