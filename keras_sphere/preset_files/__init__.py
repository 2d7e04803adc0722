"""Preset folders: `config.json`, weights and a card, read and written safely.

Nothing here knows a model class.
"""
