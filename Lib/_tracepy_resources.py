"""The data files of the standard library that is stored in the executable,
in the form that importlib.resources wants them.
"""

import _tracepy_archive as _archive
import contextlib
import io
import pathlib
import tempfile
from importlib.resources import as_file
from importlib.resources.abc import Traversable, TraversableResources


class StdlibReader(TraversableResources):
    """Resource reader of one package of the library."""

    def __init__(self, path):
        self._path = path

    def files(self):
        """The package's directory."""
        return StdlibPath(self._path)


class StdlibPath(Traversable):
    """A file or directory of the library."""

    def __init__(self, path):
        self._path = path

    def __repr__(self):
        return f'{type(self).__name__}({self._path!r})'

    def __str__(self):
        return self._path

    def __eq__(self, other):
        if not isinstance(other, StdlibPath):
            return NotImplemented
        return self._path == other._path

    def __hash__(self):
        return hash(self._path)

    @property
    def name(self):
        """The last part of the path."""
        return self._path.rpartition('/')[2]

    def is_dir(self):
        """Whether this is a directory."""
        return _archive.is_dir(self._path)

    def is_file(self):
        """Whether this is a file."""
        return _archive.is_file(self._path)

    def iterdir(self):
        """What the directory holds."""
        if not self.is_dir():
            error = NotADirectoryError if self.is_file() else FileNotFoundError
            raise error(self._path)
        for name, _ in _archive.list_dir(self._path):
            yield self._child(name)

    def joinpath(self, *descendants):
        """A path below this one."""
        path = self
        for descendant in descendants:
            for part in str(descendant).split('/'):
                path = path._child(part)
        return path

    def _child(self, part):
        if part in ('', '.'):
            return self
        if part == '..':
            return StdlibPath(self._path.rpartition('/')[0])
        return StdlibPath(f'{self._path}/{part}')

    def open(self, mode='r', *args, **kwargs):
        """The file, opened for reading."""
        if 'r' not in mode:
            raise ValueError(f'invalid mode: {mode!r}')
        if self.is_dir():
            raise IsADirectoryError(self._path)
        stream = io.BytesIO(_archive.get_data(self._path))
        if 'b' in mode:
            if args or kwargs:
                raise ValueError('encoding args invalid for binary operation')
            return stream
        return io.TextIOWrapper(stream, *args, **kwargs)

    def read_text(self, encoding=None, errors=None):
        """The file's text."""
        with self.open(encoding=encoding, errors=errors) as stream:
            return stream.read()


@as_file.register(StdlibPath)
@contextlib.contextmanager
def _as_file(path):
    """A copy on disk, with the same name: what wheels contain depends on it."""
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory, path.name)
        _copy(path, copy)
        yield copy


def _copy(source, target):
    if source.is_dir():
        target.mkdir()
        for child in source.iterdir():
            _copy(child, target / child.name)
    else:
        target.write_bytes(source.read_bytes())
