"""The built-in standard library: where its modules say they are, and that all which is usually
read from that place can be had although it does not exist.

Run by the interpreter under test:  tracepy tests_stdlib.py [-v]

Every module is imported, in a few child processes.  A module that cannot be imported is no
failure as long as the reason is a module that this Python does not have.
"""

import importlib
import importlib.machinery
import importlib.resources
import importlib.util
import inspect
import io
import json
import linecache
import marshal
import os
import pkgutil
import re
import runpy
import subprocess
import sys
import tempfile
import traceback
import types
import unittest

ROOT = '/tracepy/lib/python3.14'
BOOTSTRAP = {
    f'{ROOT}/importlib/_bootstrap.py': '<frozen importlib._bootstrap>',
    f'{ROOT}/importlib/_bootstrap_external.py': '<frozen importlib._bootstrap_external>',
}
ENV = {k: v for k, v in os.environ.items() if not k.startswith(('PYTHON', 'RUSTPYTHON'))}


def run(*args, check=True, cwd=None, input='', **env):
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, cwd=cwd,
                          input=input, env=ENV | env)
    if check and done.returncode:
        raise AssertionError(f'{args}: exit status {done.returncode}\n{done.stdout}{done.stderr}')
    return done


def codes(code):
    """A code object and all that are nested in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes(const)


def module_names():
    names = [name for _, name, _ in pkgutil.walk_packages([ROOT], onerror=lambda name: None)]
    return names


def functions(module):
    """The functions that were made by a module's own code: they have its globals."""
    spaces = [vars(module)]
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            spaces.append(vars(value))
    for space in spaces:
        for value in list(space.values()):
            value = getattr(value, '__func__', value)
            if isinstance(value, types.FunctionType):
                value = inspect.unwrap(value)
                if getattr(value, '__globals__', None) is vars(module):
                    yield value


class Places(unittest.TestCase):
    def test_sys(self):
        self.assertEqual(sys._stdlib_dir, ROOT)
        self.assertEqual(sys.path.count(ROOT), 1)
        self.assertFalse(os.path.exists(ROOT))
        with tempfile.TemporaryDirectory() as folder:
            folder = os.path.realpath(folder)
            show = 'import sys; print(*sys.path, sep="\\n")'
            path = run('-c', show, PYTHONPATH=f'{folder}/a:{folder}/b').stdout.splitlines()
            self.assertEqual(path[:4], ['', f'{folder}/a', f'{folder}/b', ROOT])
            path = run('-I', '-S', '-c', show, PYTHONPATH=folder).stdout.splitlines()
            self.assertEqual(path, [ROOT])

    def test_no_build_path(self):
        show = ('import sys, os, json, site, sysconfig; print(sys.path, sys.path_importer_cache,'
                ' [getattr(m, a, None) for m in sys.modules.values()'
                ' for a in ("__file__", "__spec__", "__path__", "__cached__")],'
                ' sysconfig.get_paths())')
        text = run('-c', show).stdout
        self.assertNotIn('registry', text)
        self.assertNotIn('/Lib', text)

    def test_files_of_functions(self):
        for module in list(sys.modules.values()):
            path = getattr(module, '__file__', None)
            if not isinstance(path, str) or not path.startswith(ROOT):
                continue
            for function in functions(module):
                with self.subTest(module=module.__name__, function=function.__qualname__):
                    for code in codes(function.__code__):
                        if code.co_filename not in ('<string>', BOOTSTRAP.get(path)):
                            self.assertEqual(code.co_filename, path)

    def test_importlib_bootstrap(self):
        for name in '_bootstrap', '_bootstrap_external':
            module = importlib.import_module(f'importlib.{name}')
            self.assertIs(module, sys.modules[f'_frozen_importlib{name[10:]}'])
            self.assertEqual(module.__file__, f'{ROOT}/importlib/{name}.py')
            for function in functions(module):
                self.assertEqual(function.__code__.co_filename, BOOTSTRAP[module.__file__])

    def test_frozen(self):
        import codecs
        import copyreg
        import encodings.utf_8
        import encodings_utf_8
        import zipimport
        for module, name in [(codecs, 'codecs'), (copyreg, 'copyreg'), (zipimport, 'zipimport'),
                             (encodings.utf_8, 'encodings/utf_8'),
                             (encodings_utf_8, 'encodings/utf_8')]:
            self.assertEqual(module.__file__, f'{ROOT}/{name}.py')
            for function in functions(module):
                self.assertEqual(function.__code__.co_filename, module.__file__)
        import __phello__
        self.assertEqual(__phello__.__file__, f'{ROOT}/__phello__/__init__.py')
        self.assertEqual(__phello__.main.__code__.co_filename, __phello__.__file__)

    def test_shadowing(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in 'random', 'copyreg', 'json':
                with open(f'{folder}/{name}.py', 'w') as file:
                    file.write('own = True\n')
            with open(f'{folder}/script.py', 'w') as file:
                file.write('import random, json; print(random.own, json.own, json.__file__)')
            expected = f'True True {os.path.realpath(folder)}/json.py\n'
            self.assertEqual(run(f'{folder}/script.py').stdout, expected)
            show = 'import json; print(json.__file__)'
            self.assertEqual(run('-P', '-c', show, cwd=folder).stdout, f'{ROOT}/json/__init__.py\n')

    def test_every_module(self):
        names = module_names()
        self.assertGreater(len(names), 600)
        size = len(names) // 4 + 1
        for start in range(0, len(names), size):
            done = run(__file__, '--import', *names[start:start + size])
            result = json.loads(done.stdout.rpartition('\n@')[2])
            self.assertEqual(result['wrong'], [])
            for name, reason in result['failed'].items():
                if not re.search("No module named|cannot import name|ObjC runtime|win32 only|SystemExit: 1", reason):
                    self.fail(f'{name}: {reason}')

    def test_code_is_what_the_compiler_makes(self):
        import _tracepy_archive
        for name in ['os', 'enum', 'typing', 'dataclasses', 'asyncio.tasks', 're._parser',
                     'collections', 'unittest.mock', 'pydoc_data.topics', '_tracepy_stdlib']:
            spec = importlib.util.find_spec(name)
            path = f'{ROOT}/_tracepy_stdlib.py' if name[0] == '_' else spec.origin
            code = _tracepy_archive.get_code(path)
            source = _tracepy_archive.get_source(path)
            again = compile(source, path, 'exec', dont_inherit=True)
            self.assertEqual(marshal.dumps(code), marshal.dumps(again), name)


class Source(unittest.TestCase):
    def test_linecache(self):
        for module in json, importlib.import_module('codecs'), linecache:
            linecache.clearcache()
            path = module.__file__
            text = module.__loader__.get_source(module.__name__) or self.read(path)
            lines = text.split('\n')
            for number in 1, 2, len(lines) - 1:
                self.assertEqual(linecache.getline(path, number), lines[number - 1] + '\n')
            self.assertEqual(linecache.getline(path, len(lines)), '')
            linecache.checkcache()
            self.assertIn(path, linecache.cache)
            linecache.checkcache(path)
            self.assertEqual(linecache.getline(path, 1), lines[0] + '\n')
        self.assertEqual(linecache.getline(f'{ROOT}/no_such.py', 1), '')
        self.assertEqual(linecache.getline(f'{ROOT}', 1), '')
        self.assertEqual(linecache.getlines(f'{ROOT}/json/../os.py'), [])

    def read(self, path):
        import _tracepy_archive
        return _tracepy_archive.get_source(path)

    def test_lines_end_at_line_feeds(self):
        linecache.clearcache()
        for name in 'cmd', 'csv', 'mailbox', 'pydoc', 'email.generator', 'email.header':
            path = importlib.util.find_spec(name).origin
            source = self.read(path)
            self.assertEqual(linecache.getlines(path), io.StringIO(source).readlines())

    def test_lazycache(self):
        linecache.clearcache()
        self.assertTrue(linecache.lazycache(json.__file__, vars(json)))
        self.assertIn('JSON', ''.join(linecache.getlines(json.__file__)))

    def test_frozen_name_with_globals(self):
        linecache.clearcache()
        module = sys.modules['_frozen_importlib']
        name = '<frozen importlib._bootstrap>'
        self.assertEqual(linecache.getline(name, 1), '')
        self.assertEqual(linecache.getline(name, 1, vars(module))[:3], '"""')

    def test_fresh_linecache(self):
        importlib.reload(linecache)
        self.assertNotEqual(linecache.getline(json.__file__, 1), '')
        saved = sys.modules.pop('linecache')
        try:
            fresh = importlib.import_module('linecache')
            self.assertIsNot(fresh, saved)
            self.assertNotEqual(fresh.getline(json.__file__, 1), '')
        finally:
            sys.modules['linecache'] = saved

    def test_inspect(self):
        import codecs
        for thing in (json.loads, json.JSONDecoder, json, codecs.open, codecs,
                      linecache.updatecache, importlib._bootstrap._find_and_load):
            self.assertIn(inspect.unwrap(thing).__name__.rpartition('.')[2]
                          if not isinstance(thing, types.ModuleType) else 'import',
                          inspect.getsource(thing))
        self.assertTrue(inspect.getsource(json.loads).startswith('def loads('))
        self.assertEqual(inspect.getsourcefile(json), json.__file__)

    def test_traceback(self):
        try:
            json.loads('{')
        except ValueError as error:
            text = ''.join(traceback.format_exception(error))
        self.assertIn(f'File "{ROOT}/json/decoder.py", line ', text)
        self.assertIn('self.raw_decode(', text)
        done = run('-c', 'import json\njson.loads("{")', check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'File "{ROOT}/json/decoder.py", line ', done.stderr)
        self.assertIn('self.raw_decode(', done.stderr)

    def test_traceback_in_a_thread(self):
        done = run('-c', 'import threading, json\n'
                   't = threading.Thread(target=json.loads, args=("{",)); t.start(); t.join()')
        self.assertIn('self.raw_decode(', done.stderr)

    def test_import_error_has_no_importlib_frames(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(f'{folder}/_heapq_missing.py', 'w') as file:
                file.write('import csv\n')
            with open(f'{folder}/_csv.py', 'w') as file:
                file.write('1/0\n')
            # A module of the library that fails while it is imported.
            done = run('-c', 'import sys; sys.modules["_csv"] = None; import csv', check=False)
        self.assertIn(f'File "{ROOT}/csv.py", line', done.stderr)
        self.assertNotIn('importlib', done.stderr)
        self.assertNotIn('_tracepy', done.stderr)

    def test_warnings(self):
        done = run('-W', 'default', '-c', 'import warnings, json\n'
                   f'warnings.warn_explicit("w", UserWarning, {json.__file__!r}, 1)')
        self.assertIn(f'{json.__file__}:1: UserWarning: w\n', done.stderr)
        self.assertIn(linecache.getline(json.__file__, 1).strip(), done.stderr)


class Protocol(unittest.TestCase):
    def test_spec(self):
        spec = importlib.util.find_spec('json.tool')
        self.assertEqual((spec.name, spec.origin, spec.parent, spec.has_location),
                         ('json.tool', f'{ROOT}/json/tool.py', 'json', True))
        self.assertIsNone(spec.submodule_search_locations)
        spec = importlib.util.find_spec('json')
        self.assertEqual(spec.submodule_search_locations, [f'{ROOT}/json'])
        self.assertEqual(json.__path__, [f'{ROOT}/json'])
        self.assertEqual(json.__package__, 'json')
        self.assertEqual(json.__cached__, spec.cached)
        self.assertTrue(json.__cached__.startswith(f'{ROOT}/json/__pycache__/__init__.'))
        self.assertIsNone(importlib.util.find_spec('json.no_such'))
        self.assertIsNone(importlib.util.find_spec('no_such_module'))
        self.assertEqual(repr(json), f"<module 'json' from '{ROOT}/json/__init__.py'>")

    def test_namespace(self):
        spec = importlib.util.find_spec('idlelib.Icons')
        self.assertIsNone(spec.loader)
        self.assertEqual(list(spec.submodule_search_locations), [f'{ROOT}/idlelib/Icons'])

    def test_loader(self):
        loader = json.__loader__
        self.assertTrue(loader.is_package('json'))
        self.assertFalse(importlib.util.find_spec('json.tool').loader.is_package('json.tool'))
        self.assertEqual(loader.get_filename('json'), json.__file__)
        self.assertEqual(loader.get_code('json').co_filename, json.__file__)
        source = loader.get_source('json')
        self.assertEqual(loader.get_data(json.__file__).decode(), source)
        for method in loader.get_code, loader.get_source, loader.get_filename, loader.is_package:
            with self.assertRaises(ImportError):
                method('os')
        for path in f'{ROOT}/no_such', '/etc/passwd', '', ROOT, f'{ROOT}x/os.py':
            with self.assertRaises(FileNotFoundError) as caught:
                loader.get_data(path)
            self.assertEqual(caught.exception.filename, path)
            self.assertEqual(caught.exception.errno, 2)

    def test_path_hook(self):
        hook, = [hook for hook in sys.path_hooks if getattr(hook, '__name__', '') == 'path_hook']
        for path in '/tmp', '', f'{ROOT}x', f'{ROOT}/os.py', '/tracepy', b'x', None, 7:
            with self.assertRaises(ImportError):
                hook(path)
        finder = hook(f'{ROOT}/json/')
        self.assertEqual(finder.path, f'{ROOT}/json')
        self.assertIsNotNone(finder.find_spec('json.tool'))
        import _tracepy_archive
        del sys.modules['marshal']
        importlib.import_module('marshal')
        self.assertEqual(sys.path_hooks.count(hook), 1)
        importlib.invalidate_caches()
        self.assertEqual(_tracepy_archive.list_dir('/etc'), [])

    def test_reload(self):
        module = importlib.import_module('json.scanner')
        self.assertIs(importlib.reload(module), module)
        self.assertIs(importlib.reload(json), json)

    def test_pkgutil(self):
        top = {info.name: info.ispkg for info in pkgutil.iter_modules([ROOT])}
        self.assertEqual((top['os'], top['json']), (False, True))
        self.assertNotIn('__init__', top)
        inner = [info.name for info in pkgutil.iter_modules(json.__path__, 'json.')]
        self.assertIn('json.tool', inner)
        self.assertIn('os', [info.name for info in pkgutil.iter_modules()])
        self.assertIn('xml.etree.ElementTree',
                      [info.name for info in pkgutil.walk_packages([f'{ROOT}/xml'], 'xml.')])
        self.assertEqual(pkgutil.get_data('json', 'tool.py')[:3], b'"""')
        self.assertIsNotNone(pkgutil.resolve_name('json.decoder:JSONDecoder'))

    def test_resources(self):
        files = importlib.resources.files('ensurepip')
        bundled = files / '_bundled'
        self.assertTrue(bundled.is_dir() and not bundled.is_file())
        wheel, = [path for path in bundled.iterdir() if path.name.endswith('.whl')]
        self.assertEqual(wheel.read_bytes()[:2], b'PK')
        with importlib.resources.as_file(wheel) as path:
            self.assertEqual(path.read_bytes(), wheel.read_bytes())
            self.assertEqual(path.name, wheel.name)
        self.assertFalse(path.exists())
        with importlib.resources.as_file(bundled) as path:
            self.assertEqual([p.name for p in path.iterdir()], [p.name for p in bundled.iterdir()])
        self.assertIn('def bootstrap', importlib.resources.read_text('ensurepip', '__init__.py'))
        self.assertTrue(importlib.resources.is_resource('ensurepip', '__main__.py'))
        missing = files.joinpath('no', 'such')
        self.assertFalse(missing.is_file() or missing.is_dir())
        with self.assertRaises(FileNotFoundError), importlib.resources.as_file(missing):
            pass
        with self.assertRaises(FileNotFoundError):
            missing.read_text(encoding='utf-8')
        with self.assertRaises(FileNotFoundError):
            list(missing.iterdir())
        with self.assertRaises(IsADirectoryError):
            bundled.read_bytes()
        with self.assertRaises(ValueError):
            wheel.open('w')

    def test_runpy(self):
        self.assertEqual(run('-m', 'json.tool', '--compact', input='{ "a": 1 }').stdout, '{"a":1}\n')
        done = run('-m', 'json.no_such', check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertIn('No module named json.no_such', done.stderr)
        space = runpy.run_module('this', run_name='this')
        self.assertEqual(space['__file__'], f'{ROOT}/this.py')
        self.assertIn('usage', run('-m', 'zipfile', '-h').stdout)
        self.assertIn('pip', run('-m', 'ensurepip', '--version').stdout)

    def test_options(self):
        show = ('import json, inspect; f = inspect.cleandoc; print(json.loads.__doc__ is None,'
                ' json.loads.__code__.co_filename)')
        path = f'{ROOT}/json/__init__.py'
        self.assertEqual(run('-c', show).stdout, f'False {path}\n')
        self.assertEqual(run('-O', '-c', show).stdout, f'False {path}\n')
        self.assertEqual(run('-OO', '-c', show).stdout, f'True {path}\n')
        check = ('import os, _tracepy_archive as a, marshal\nfor name in "os", "stat", "inspect":\n'
                 '    p = f"{a.root}/{name}.py"\n    same = compile(a.get_source(p), p, "exec")\n'
                 '    marshal.dumps(same) == marshal.dumps(a.get_code(p)) or 1 / 0')
        for options in [], ['-O'], ['-OO'], ['-Xno_debug_ranges']:
            run(*options, '-c', check)
        positions = 'import json; print(list(json.loads.__code__.co_positions())[0][2:])'
        self.assertNotIn('None', run('-c', positions).stdout)
        self.assertEqual(run('-X', 'no_debug_ranges', '-c', positions).stdout, '(None, None)\n')
        self.assertEqual(run('-E', '-S', '-c', 'import json').stderr, '')

    def test_help(self):
        text = run('-c', 'help("json.tool")').stdout
        self.assertIn('FILE', text)
        self.assertIn(f'{ROOT}/json/tool.py', text)
        self.assertIn('json', run('-c', 'help("modules json")').stdout)

    def test_children(self):
        with tempfile.TemporaryDirectory() as folder:
            script = f'{folder}/script.py'
            with open(script, 'w') as file:
                file.write('import multiprocessing, json\n'
                           'def work(n):\n    return json.__file__, n * 2\n'
                           'if __name__ == "__main__":\n'
                           '    context = multiprocessing.get_context("spawn")\n'
                           '    with context.Pool(1) as pool:\n'
                           '        print(pool.map(work, [1, 2]))\n')
            path = f'{ROOT}/json/__init__.py'
            self.assertEqual(run(script).stdout, f'{[(path, 2), (path, 4)]}\n')

    def test_test_package_on_pythonpath(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f'{folder}/test')
            for name in '__init__', '__main__':
                with open(f'{folder}/test/{name}.py', 'w') as file:
                    file.write(f'print({name!r})\n')
            self.assertEqual(run('-m', 'test', PYTHONPATH=folder).stdout, '__init__\n__main__\n')

    def test_venv(self):
        with tempfile.TemporaryDirectory() as folder:
            run('-m', 'venv', f'{folder}/venv')
            with open(f'{folder}/venv/bin/activate') as file:
                self.assertIn('VIRTUAL_ENV=', file.read())
            python = f'{folder}/venv/bin/python'
            show = 'import sys, json; print(sys.prefix, json.__file__)'
            done = subprocess.run([python, '-c', show], capture_output=True, text=True, env=ENV)
            self.assertEqual(done.stdout, f'{folder}/venv {ROOT}/json/__init__.py\n', done.stderr)
            done = subprocess.run([python, '-m', 'pip', '--version'], capture_output=True,
                                  text=True, env=ENV)
            self.assertIn(f'{folder}/venv', done.stdout, done.stderr)

    def test_subinterpreter(self):
        try:
            import _interpreters
        except ImportError:
            self.skipTest('no sub-interpreters')
        interpreter = _interpreters.create()
        with tempfile.TemporaryDirectory() as folder:
            _interpreters.exec(interpreter, 'import json\n'
                               f'open({folder + "/out"!r}, "w").write(json.__file__)')
            with open(folder + '/out') as file:
                self.assertEqual(file.read(), json.__file__)
        _interpreters.destroy(interpreter)


def import_all(names):
    """In a child: imports modules, and tells what is wrong with their code's file names."""
    failed, wrong = {}, []
    stdin, sys.argv[1:] = sys.stdin, []
    sys.stdin = io.StringIO()
    for name in names:
        if name.endswith('__main__') or name in ('antigravity', 'idlelib.idle'):
            module = importlib.util.find_spec(name)
            path, found = module.origin, list(codes(module.loader.get_code(name)))
        else:
            try:
                module = importlib.import_module(name)
            except BaseException as error:
                failed[name] = f'{type(error).__name__}: {error}'
                continue
            path = getattr(module, '__file__', None)
            if path is None:
                continue  # A native module comes first.
            found = [code for f in functions(module) for code in codes(f.__code__)]
            if hasattr(module.__loader__, 'path'):
                found += codes(module.__loader__.get_code(module.__spec__.name))
        for code in found:
            generated = code.co_filename[:1] == '<' and path not in BOOTSTRAP
            if not generated and code.co_filename != BOOTSTRAP.get(path, path):
                wrong.append((name, code.co_qualname, code.co_filename, path))
    sys.stdin = stdin
    print('\n@' + json.dumps({'failed': failed, 'wrong': wrong}))
    sys.stdout.flush()
    os._exit(0)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--import']:
        import_all(sys.argv[2:])
    outcome = unittest.main(exit=False).result
    if not outcome.wasSuccessful():
        sys.exit(1)
    print('ok')
