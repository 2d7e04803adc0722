"""Matching distributions of features by the scores of two denoisers: pure functions.

One denoiser learns the features of real images, one those of generated images. Where
they disagree about a noisy generated feature, the real one says where to go.
"""
