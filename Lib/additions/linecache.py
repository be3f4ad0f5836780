

# Added by tracepy.  The files of the built-in standard library are not on disk, but their
# lines are wanted as those of any other file, also when only the file's name is known.

import _tracepy_archive

_updatecache_from_disk = updatecache


def _library_file(filename, module_globals):
    if module_globals and isinstance(filename, str) and filename.startswith('<frozen '):
        filename = module_globals.get('__file__')
    if isinstance(filename, str) and filename.startswith(_tracepy_archive.root):
        return filename
    return None


def updatecache(filename, module_globals=None):
    """Update a cache entry and return its list of lines.
    If something's wrong, print a message, discard the cache entry,
    and return an empty list."""

    fullname = _library_file(filename, module_globals)
    source = _tracepy_archive.get_source(fullname) if fullname else None
    if source is None:
        return _updatecache_from_disk(filename, module_globals)
    # Not splitlines(): the lines of a file end at line feeds, not at form feeds.
    lines = [line + '\n' for line in source.split('\n')]
    if len(lines) > 1 and lines[-1] == '\n':
        lines.pop()
    # checkcache() leaves an entry without a time alone.
    cache[filename] = len(source), None, lines, fullname
    return lines
