"""Finder and loader of the standard library that is stored in the executable.

The interpreter's path hook makes a StdlibFinder for each directory of the
library.  What the directories hold is answered by _tracepy_archive; no file
is read.

This module is needed for the first import from sys.path, so it may use
nothing that would have to be imported from there.
"""

import _frozen_importlib as _bootstrap
import _frozen_importlib_external as _external
import _tracepy_archive as _archive
import sys


class StdlibFinder:
    """Path entry finder for one directory of the library."""

    def __init__(self, path):
        self.path = path.rstrip('/')

    def __repr__(self):
        return f'{type(self).__name__}({self.path!r})'

    def find_spec(self, fullname, target=None):
        """The spec of a module in this directory, or None."""
        tail = fullname.rpartition('.')[2]
        found = _archive.find_module(self.path, tail)
        if found is None:
            return self._namespace_spec(fullname, tail)
        filename, is_package = found
        loader = StdlibLoader(fullname, filename)
        spec = _bootstrap.ModuleSpec(fullname, loader, origin=filename)
        spec.has_location = True
        if is_package:
            directory = f'{self.path}/{tail}'
            spec.submodule_search_locations = [directory]
            # Spares the other path hooks a look at a directory that is not there.
            sys.path_importer_cache.setdefault(directory, StdlibFinder(directory))
        return spec

    def _namespace_spec(self, fullname, tail):
        directory = f'{self.path}/{tail}'
        if not tail or not _archive.is_dir(directory):
            return None
        spec = _bootstrap.ModuleSpec(fullname, None)
        spec.submodule_search_locations = [directory]
        return spec

    def iter_modules(self, prefix=''):
        """Name and whether it is a package, for each module of this directory."""
        for name, is_dir in _archive.list_dir(self.path):
            if is_dir:
                if _archive.is_file(f'{self.path}/{name}/__init__.py'):
                    yield prefix + name, True
            elif name.endswith('.py') and name != '__init__.py':
                yield prefix + name[:-3], False


class StdlibLoader(_external._LoaderBasics):
    """Loader of one module of the library."""

    def __init__(self, fullname, path):
        self.name = fullname
        self.path = path

    def __repr__(self):
        return f'{type(self).__name__}({self.name!r}, {self.path!r})'

    def __eq__(self, other):
        return self.__class__ is other.__class__ and self.__dict__ == other.__dict__

    def __hash__(self):
        return hash(self.name) ^ hash(self.path)

    def _check(self, fullname):
        if fullname is not None and fullname != self.name:
            raise ImportError(f'loader for {self.name} cannot handle {fullname}',
                              name=fullname)

    def get_filename(self, fullname=None):
        """The path of the module's file."""
        self._check(fullname)
        return self.path

    def get_code(self, fullname=None):
        """The module's code object."""
        self._check(fullname)
        return _archive.get_code(self.path)

    def get_source(self, fullname=None):
        """The module's source text."""
        self._check(fullname)
        return _archive.get_source(self.path)

    def get_data(self, path):
        """The content of a file of the library, as bytes."""
        return _archive.get_data(path)

    def get_resource_reader(self, fullname):
        """Reader for the data files of a package; None if this is no package."""
        self._check(fullname)
        if not self.is_package(fullname):
            return None
        from _tracepy_resources import StdlibReader
        return StdlibReader(self.path.rpartition('/')[0])
