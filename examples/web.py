"""Writes a page of static files that generates in the reader's browser.

    npm install onnxruntime-web@1.30.0
    python examples/web.py --preset=digits16 --runtime=node_modules/onnxruntime-web \\
        --output=site
    python -m http.server --directory site

`--help` lists all flags; `docs/web_page.md` says what is on the page. Time: under a
minute on a CPU.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["web", *sys.argv[1:]]))
