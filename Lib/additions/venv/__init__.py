

# Added by tracepy.  The activation scripts are data files of the built-in standard library,
# which is not on disk: a copy of them is.

_install_scripts_from_disk = EnvBuilder.install_scripts


def _install_scripts(self, context, path):
    """Install scripts into the created environment from a directory.
    path is a directory of the built-in standard library, or one on disk."""

    import _tracepy_archive
    if not path.startswith(_tracepy_archive.root) or not _tracepy_archive.is_dir(path):
        return _install_scripts_from_disk(self, context, path)
    from importlib.resources import as_file
    from _tracepy_resources import StdlibPath
    with as_file(StdlibPath(path)) as directory:
        return _install_scripts_from_disk(self, context, str(directory))


EnvBuilder.install_scripts = _install_scripts
