"""Running statistics of features and of the balance, over the golden calls."""

import functools

import keras
import numpy as np

from keras_sphere.score_matching.statistics import (
    balance_weights,
    deviations,
    gradient_strengths,
    no_balance,
    no_moments,
    standardize,
    updated_balance,
    updated_moments,
)
from tests.score_matching import golden_calls
from tests.testing import TestCase, to_numpy


class StatisticsTest(TestCase):
    def test_golden_moments(self):
        arrays, arguments = golden_calls.load()
        states = [no_moments(channels) for channels in arguments["feat_dims"]]
        for index in range(golden_calls.NUM_CALLS):
            call = golden_calls.call(arrays, index)
            for stage, real in enumerate(golden_calls.stages(call, "real")):
                state = updated_moments(
                    states[stage], real, arguments["scale_calib_steps"]
                )
                deviation = deviations(state, arguments["channel_floor"])
                self.assertAllClose(state["mean"], call[f"mean{stage}"], atol=1e-6)
                self.assertAllClose(deviation, call[f"ch_std{stage}"], atol=1e-6)
                for side in ("real", "fake"):
                    value = standardize(
                        call[f"{side}{stage}"], state["mean"], deviation
                    )
                    expected = call[f"{side}_std{stage}"]
                    self.assertAllClose(value, expected, atol=5e-6)
                states[stage] = state
        self.assertEqual(float(to_numpy(states[0]["calls"])), 2.0)

    def test_golden_balance(self):
        arrays, arguments = golden_calls.load()
        settings, state = arguments["balance"], no_balance(golden_calls.NUM_STAGES)
        for index in range(golden_calls.NUM_CALLS):
            call = golden_calls.call(arrays, index)
            strengths = functools.partial(
                gradient_strengths,
                deviation_list=golden_calls.stages(call, "ch_std"),
                sizes=[16 * 12, 4 * 20],
            )
            rms = np.stack(
                [x.mean() for x in golden_calls.stages(call, "transport_rms")]
            )
            state = updated_balance(
                state, rms, strengths, settings["calib_steps"], settings["decay"]
            )
            self.assertAllClose(state["rms"], call["balance_rms_ema"], atol=1e-6)
            self.assertAllClose(state["target"], call["balance_target"], atol=1e-6)
            weights = balance_weights(state, strengths)
            self.assertAllClose(weights, call["balance"], atol=2e-6)

    def test_the_floor_is_a_share_of_the_lower_median(self):
        moments = {
            "calls": 1.0,
            "mean": keras.ops.zeros(4),
            "square": keras.ops.convert_to_tensor([0.0, 16.0, 1.0, 4.0]),
        }
        deviation = deviations(moments, floor_share=0.5)
        self.assertAllClose(deviation, np.array([0.5, 4.0, 1.0, 2.0]))

    def test_nothing_is_divided_by_zero(self):
        """Neither before the first call nor where no channel varies."""
        self.assertAllClose(deviations(no_moments(3)), np.ones(3))
        same = np.ones((2, 4, 3), "float32")
        moments = updated_moments(no_moments(3), same, 5)
        value = standardize(same, moments["mean"], deviations(moments))
        self.assertAllClose(value, np.zeros((2, 4, 3)))

    def test_balance_weights_have_limits(self):
        balance = {
            "rms": keras.ops.convert_to_tensor([1.0, 1e-3, 1e3, 0.0]),
            "target": keras.ops.convert_to_tensor(1.0),
        }
        weights = balance_weights(balance, lambda rms: rms)
        self.assertAllClose(weights, np.array([1.0, 20.0, 0.05, 20.0]))

    def test_a_long_calibration_is_a_plain_mean(self):
        """Even where an average that forgets would move faster."""
        state, values = no_balance(1), np.arange(1.0, 31.0, dtype="float32")
        for value in values:
            state = updated_balance(state, value[None], lambda rms: rms, 30, 0.5)
        self.assertAllClose(state["rms"], values.mean(keepdims=True), rtol=1e-5)
        self.assertAllClose(state["target"], values.mean(), rtol=1e-5)
        after = updated_balance(state, np.zeros(1, "float32"), lambda rms: rms, 30, 0.5)
        self.assertAllClose(after["rms"], values.mean(keepdims=True) / 2.0, rtol=1e-5)
        self.assertAllClose(after["target"], values.mean(), rtol=1e-5)
