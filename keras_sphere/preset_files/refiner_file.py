"""The file of a refiner."""

REFINER_FILE = "refiner.keras"  # what a distillation leaves in its folder
