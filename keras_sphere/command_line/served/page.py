"""The files of the page, as the server holds them."""

import json

from keras_sphere.class_names import short_name
from keras_sphere.command_line.job import class_text
from keras_sphere.command_line.page_facts import page_facts
from keras_sphere.web.site import FILES, FORMAT_VERSION, NO_LICENSE, PAGE

OWN_FILES = ("server.js", "server_model.js", "editor.js", "server.html")
MEDIA_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "txt": "text/plain",
}
LICENSES = """\
Licences of this page

index.html, style.css, all *.js, server.html
    keras-sphere, Apache-2.0: see LICENSE.txt.

The model, {name}
    {license}
"""
BACKENDS = {"jax": "JAX", "tensorflow": "TensorFlow", "torch": "PyTorch"}


def page_files(drawing, backend):
    """The page with a model behind it.

    Args:
        drawing: `Drawing`, whose model is loaded.
        backend: String. Keras' name of what computes.

    Returns:
        Dict of path -> pair of bytes and media type.
    """
    facts = _facts(drawing, backend)
    license = facts["license"] or NO_LICENSE
    contents = {name: (PAGE / name).read_bytes() for name in (*FILES, *OWN_FILES)}
    contents["model.json"] = json.dumps(facts).encode()
    contents["LICENSES.txt"] = LICENSES.format(
        name=facts["name"], license=license
    ).encode()
    files = {
        f"/{name}": (content, MEDIA_TYPES[name.rpartition(".")[2]])
        for name, content in contents.items()
    }
    return {"/": files["/index.html"], **files}


def _facts(drawing, backend):
    description = drawing.source.description
    parts = ("decoder", "encoder") if description.has_encoder else ("decoder",)
    classes = range(description.num_classes)
    names = description.class_names
    return {
        **page_facts(drawing.source, drawing.model),
        "format_version": FORMAT_VERSION,
        "weights": drawing.model.backbone.variable_dtype,
        "files": {part: {} for part in parts},
        "server": {
            "backend": BACKENDS[backend],
            "keeps_average": description.keeps_average,
            "uses_average": drawing.common["use_ema"],
            # How a flag names each class: a name may look like another one's id.
            "class_texts": [class_text(k, description) for k in classes],
            "class_names": [short_name(k, names) for k in classes],
        },
    }
