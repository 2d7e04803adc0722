"""Serves a page that generates and edits, with the model behind it.

    python examples/serve.py --preset=digits16

`--help` lists all flags; `docs/web_page.md` says what is on the page. It runs until
Ctrl-C.
"""

import sys

from keras_sphere.command_line import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
