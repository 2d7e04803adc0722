"""Stub."""

from keras_sphere.training.command_line import run

if __name__ == "__main__":
    run(preset="imagenet256_large")
