"""What is compared: modules of CPython's `test` package, and packages of PyPI with their tests.

Chosen: what the VM runs to its end in seconds, passes mostly, and that allocates in ways of its
own. Left out: what takes minutes, needs a network, or ends the untraced VM.
"""

from execute import HERE

#: A quarter of a minute; `cargo verify` runs these.
SHORT = """
    test_contextlib test_copy test_defaultdict test_generators test_raise test_memoryio test_string
    test_weakset
""".split()

MODULES = """
    test_list test_dict test_tuple test_deque test_defaultdict test_ordered_dict test_collections
    test_array test_string test_str test_fstring test_string_literals test_format
    test_textwrap test_re test_struct test_memoryio test_zlib test_gzip test_base64 test_binascii
    test_itertools test_functools test_operator test_heapq test_bisect test_sort test_enumerate
    test_range test_slice test_long test_bool test_math test_cmath
    test_fractions test_decimal test_random test_copy test_weakset test_generators test_genexps
    test_listcomps test_dictcomps test_setcomps test_coroutines test_asyncgen test_contextlib
    test_contextlib_async test_with test_raise test_exceptions test_exception_group
    test_except_star test_class test_property test_super test_scope test_abc test_enum
    test_dataclasses test_metaclass test_isinstance test_iter test_iterlen test_syntax
    test_patma test_named_expressions test_unpack test_unpack_ex test_extcall test_keywordonlyarg
    test_positional_only_arg test_augassign test_binop test_compare test_contains
    test_userdict test_userlist test_userstring test_dictviews test_pprint
    test_reprlib test_difflib test_shlex test_getopt test_argparse test_optparse test_csv
    test_configparser test_html test_htmlparser test_http_cookies test_urlparse test_ipaddress
    test_uuid test_graphlib test_linecache test_warnings
    test_plistlib test_fnmatch test_glob test_tempfile test_shutil test_zipfile test_hashlib
    test_hmac test_context test_thread test_threading_local test_sched test_gc test_finalization
    test_asyncio.test_futures test_asyncio.test_locks test_asyncio.test_queues
    test_asyncio.test_tasks test_asyncio.test_streams test_select test_selectors
    test_file test_fileio test_univnewlines test_datetime test_set test_subprocess test_weakref
    test_threading test_queue test_json test_pickle test_io test_socket test_statistics
""".split()


class Module:
    """A module of CPython's `test` package, which lies in `folder`."""

    statuses = (0,)

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder

    def command(self, verdicts):
        """(words, working folder, import path, environment)."""
        return [str(HERE / "inside_unittest.py"), self.name, verdicts], None, [self.folder], {}


class Package:
    """A package of PyPI, one release, whose tests pytest runs."""

    statuses = (0, 1)

    def __init__(self, release, tests, source=".", needs=(), options=()):
        self.release = release  # name==version
        self.name = release.split("==")[0]
        self.tests = tests  # files and folders, from the root of the sdist
        self.source = source  # what goes on the path, from there
        self.needs = needs  # releases of other packages
        self.options = options  # of pytest
        self.root = self.path = None  # set by what fetches it

    def command(self, verdicts):
        """(words, working folder, import path, environment)."""
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "inside_pytest",
                 *self.options, *self.tests]
        more = {"VERDICTS": verdicts, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return words, self.root, [self.root / self.source, *self.path, HERE], more


#: What runs the tests of the packages.
PYTEST = ["pytest==8.3.5", "pluggy==1.6.0", "iniconfig==2.1.0", "packaging==25.0",
          "pygments==2.19.1"]

PACKAGES = [
    Package("tabulate==0.9.0", ["test"]),
    Package("toolz==1.0.0", ["toolz"]),
    Package("idna==3.10", ["tests"]),
    Package("markupsafe==3.0.2", ["tests"], source="src"),
    Package("click==8.1.8", ["tests"], source="src"),
    Package("jinja2==3.1.6", ["tests"], source="src", needs=["markupsafe==3.0.2"],
            # These two need trio.
            options=["--ignore=tests/test_async.py", "--ignore=tests/test_async_filters.py"]),
    Package("attrs==25.3.0", ["tests"], source="src",
            needs=["hypothesis==6.131.15", "sortedcontainers==2.4.0"]),
    Package("networkx==3.4.2", ["networkx/classes"]),
    Package("pyparsing==3.2.3", ["tests"],
            options=["--ignore=tests/test_diagram.py"]),
]
