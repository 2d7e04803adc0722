"""The score-matching term: golden calls, gradients, statistics that can be resumed."""

import keras
import numpy as np
import pytest

from keras_sphere.models.score_term import ScoreTerm
from keras_sphere.score_matching.transport import warmup_share
from tests.differentiation import input_gradients
from tests.score_matching import golden_calls, golden_networks
from tests.testing import TestCase, perturb_weights, to_numpy

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
        return self.term(
            golden_calls.stages(call, "real"),
            list(fake),
            call["fake_w"],
            call["labels"],
            golden_draws(call),
            share=self.share,
            training=training,
        )

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
            factor = 1.0
            atol = 2e-4 * np.abs(desired).max()
            self.assertAllClose(gradient, desired * factor, atol=atol)
