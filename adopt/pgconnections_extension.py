"""Loads the generator of this template. It never changes: a process imports one of its copies."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location

NAME = "pgconnections_generator"


def ConnectionsExtension(environment):
    # Cookiecutter appends the template's folder to sys.path as it was given; hooks run elsewhere.
    last = max(n for n, path in enumerate(sys.path) if os.path.exists(f"{path}/{__name__}.py"))
    here = sys.path[last] = os.path.abspath(sys.path[last])
    files = [os.path.realpath(os.path.join(here, up, NAME, "__init__.py")) for up in (".", "..")]
    file = next(filter(os.path.exists, files))
    if not getattr(sys.modules.get(NAME), "is_current", lambda _: False)(file):
        for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
            del sys.modules[name]
        spec = spec_from_file_location(NAME, file)
        module = sys.modules[NAME] = module_from_spec(spec)
        exec(compile(spec.loader.get_data(file), file, "exec"), vars(module))
    return sys.modules[NAME].ConnectionsExtension(environment)


ConnectionsExtension.identifier = NAME  # by which Jinja knows an extension
