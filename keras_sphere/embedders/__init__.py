"""What makes vectors of texts: any callable; its name; one that ships."""

from keras_sphere.embedders.embedding import Embedder, embed_texts, find_embedder
from keras_sphere.embedders.hashing import HashingEmbedder

__all__ = ["Embedder", "HashingEmbedder", "embed_texts", "find_embedder"]
