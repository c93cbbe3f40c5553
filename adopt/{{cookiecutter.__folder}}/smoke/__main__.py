"""Prove it: the web server of this project, with its own settings, on a PostgreSQL of its own.

    python -m pgconnections.smoke
    python -m pgconnections.smoke gunicorn -c deploy/gunicorn.py mysite.wsgi

The words after it start the web server; {bind} in them is 127.0.0.1 and a port, {port} that port.
Without them gunicorn, or uvicorn, serves the application of the settings, with the sizes of the
budget or those of gunicorn.conf.py.
"""

import os
import sys
import unittest

from pgconnections.smoke import proof

if __name__ == "__main__":
    proof.COMMAND = sys.argv[1:]
    sys.path.insert(0, os.getcwd())
    unittest.main(proof, argv=sys.argv[:1], verbosity=2)
