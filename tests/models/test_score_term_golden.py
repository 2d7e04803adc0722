"""The score-matching term over the golden calls: every listed array."""

import functools

import numpy as np
import pytest

from keras_sphere.losses.item_weights import balanced_weights
from keras_sphere.models.score_term import ScoreTerm
from keras_sphere.score_matching.denoising import (
    LEARNED_NOISE,
    TRANSPORT_LIMITS,
    TRANSPORT_NOISE,
    denoise,
    denoising_losses,
    log_normal_sigmas,
)
from keras_sphere.score_matching.transport import (
    transport,
    transport_losses,
    warmup_share,
)
from tests.differentiation import input_gradients, kernel_gradient
from tests.score_matching import golden_calls, golden_networks
from tests.testing import TestCase, to_numpy

pytestmark = pytest.mark.usefixtures("quick_compilation")

NETWORK = {
    "width": 32,
    "num_layers": 2,
    "num_heads": 4,
    "num_classes": 3,
    "path_dropout": 0.0,
}


def golden_term(arrays, arguments):
    term = ScoreTerm(
        NETWORK,
        arguments["channel_floor"],
        arguments["scale_calib_steps"],
        arguments["balance"]["calib_steps"],
        arguments["balance"]["decay"],
    )
    sizes = zip(arguments["feat_tokens"], arguments["feat_dims"], strict=True)
    term.build([(None, *size) for size in sizes])
    prefix = "sm/sd/"
    tensors = {
        key.removeprefix(prefix): value
        for key, value in arrays.items()
        if key.startswith(prefix)
    }
    for side, networks in term.networks.items():
        for stage, network in enumerate(networks):
            name = f"{side}_score_nets.{stage}"
            golden_networks.load(network, tensors, name)
    return term


def golden_draws(call):
    """The draws of a call; those that networks learn from are of the first only."""

    def learning(side, stage):
        prefix = f"dsm_{side}{stage}"
        noise = np.zeros_like(call[f"{side}{stage}"])
        return (
            call.get(f"{prefix}/randn", np.zeros(4, "float32")),
            call.get(f"{prefix}/eps", noise),
        )

    noises = golden_calls.stages(call, "transport_eps")
    return {
        "transport": list(zip(call["transport_randn"], noises, strict=True)),
        **{
            side: [learning(side, stage) for stage in (0, 1)]
            for side in ("real", "fake")
        },
    }


class GoldenTest(TestCase):
    def setUp(self):
        super().setUp()
        self.arrays, arguments = golden_calls.load()
        self.term = golden_term(self.arrays, arguments)
        warmup = arguments["warmup"]
        self.share = warmup_share(110, warmup["start"], warmup["end"])

    def call(self, call, fake, training=True):
        moved, scores = self.term(
            golden_calls.stages(call, "real"),
            list(fake),
            call["fake_w"],
            call["labels"],
            golden_draws(call),
            share=self.share,
            training=training,
        )
        return moved * balanced_weights(call["fake_w"]), scores

    def test_four_calls(self):
        for index in range(golden_calls.NUM_CALLS):
            call = golden_calls.call(self.arrays, index)
            fake = golden_calls.stages(call, "fake")
            moved, scores = self.call(call, fake)
            loss = to_numpy(moved).mean()
            self.assertAllClose(loss, call["generator_loss_ep110"], atol=2e-6)
            if index == 0:
                expected = call["dsm_real/loss"] + call["dsm_fake/loss"]
                self.assertAllClose(to_numpy(scores).mean(), expected, atol=1e-5)
            balance = self.term.balance
            self.assertAllClose(balance["rms"], call["balance_rms_ema"], atol=2e-6)
            self.assertAllClose(balance["target"], call["balance_target"], atol=2e-6)
            if index in (0, 3):  # during calibration, and after
                self.check_gradients(call, fake)

    def check_gradients(self, call, fake):
        """Of the mean generator loss, with statistics that have moved already."""
        gradients = input_gradients(
            lambda *x: self.call(call, x, training=False)[0],
            fake,
            np.full(4, 0.25, "float32"),
        )
        expected = golden_calls.stages(call, "grad_fake")
        for gradient, desired in zip(gradients, expected, strict=True):
            self.assertAllClose(gradient, desired, atol=2e-4 * np.abs(desired).max())

    def test_transport_of_each_stage(self):
        for index in range(golden_calls.NUM_CALLS):
            call = golden_calls.call(self.arrays, index)
            for stage in range(golden_calls.NUM_STAGES):
                self.check_transport(call, stage)

    def check_transport(self, call, stage):
        features, noise = call[f"fake_std{stage}"], call[f"transport_eps{stage}"]
        normal = call["transport_randn"][stage]
        sigma = log_normal_sigmas(normal, *TRANSPORT_NOISE, TRANSPORT_LIMITS)
        expected = call[f"transport_sigma{stage}"].reshape(-1)
        self.assertAllClose(sigma, expected, rtol=1e-6)
        noisy = features + call[f"transport_sigma{stage}"] * noise
        real, fake = (
            denoise(self.term.networks[side][stage], noisy, sigma, call["labels"])
            for side in ("real", "fake")
        )
        size = np.abs(features - to_numpy(real)).mean(axis=(1, 2), keepdims=True)
        self.assertAllClose(size, call[f"transport_normalizer{stage}"], atol=2e-6)
        direction, rms = transport(features, real, fake)
        self.assertAllClose(rms, call[f"transport_rms{stage}"], atol=5e-6)
        expected = call[f"transport_grad{stage}"]
        self.assertAllClose(direction, expected, atol=5e-5)
        losses = to_numpy(transport_losses(features, direction)) * call["fake_w"]
        loss = losses.sum() / (call["fake_w"].sum() + 1e-6)
        self.assertAllClose(loss, call[f"transport_loss{stage}"], atol=2e-6)

    def test_what_networks_learn_and_their_gradients(self):
        call = golden_calls.call(self.arrays, 0)
        names = ("input_projection", "in_proj"), ("blocks.0.attention.qkv", "qkv")
        for side, weights in (("real", np.ones(4)), ("fake", call["fake_w"])):
            weights = (weights / (weights.sum() + 1e-6)).astype("float32")
            for stage, (ours, theirs) in enumerate(names):
                network = self.term.networks[side][stage]
                layer = functools.reduce(_part, ours.split("."), network)
                losses = functools.partial(self.losses, call, side, stage)
                gradient = kernel_gradient(layer, losses, weights)
                expected = call[f"dsm_{side}/grad_net{stage}_{theirs}"].T
                atol = 2e-4 * np.abs(expected).max()
                self.assertAllClose(gradient, expected, atol=atol)
                losses = self.losses(call, side, stage)
                expected = call[f"dsm_{side}{stage}/per_item"]
                self.assertAllClose(losses, expected, atol=1e-5)

    def losses(self, call, side, stage):
        prefix = f"dsm_{side}{stage}"
        clean, network = call[f"{side}_std{stage}"], self.term.networks[side][stage]
        sigma = log_normal_sigmas(call[f"{prefix}/randn"], *LEARNED_NOISE)
        noisy = clean + call[f"{prefix}/sigma"] * call[f"{prefix}/eps"]
        prediction = denoise(network, noisy, sigma, call["labels"])
        return denoising_losses(clean, prediction, sigma)


def _part(owner, name):
    """An attribute, or an element of a list."""
    return owner[int(name)] if name.isdecimal() else getattr(owner, name)
