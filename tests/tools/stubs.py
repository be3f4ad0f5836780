"""Holds `Lib/tracemalloc.pyi` and `Lib/_tracemalloc.pyi` against the modules of the interpreter that
runs this: each name of a stub is there, each public name of a module is in its stub, and
functions and methods take the parameters that the stub tells, where the interpreter knows them.
"""

import _tracemalloc
import ast
import inspect
import pathlib
import tracemalloc

LIB = pathlib.Path(__file__).resolve().parent.parent.parent / "Lib"
#: What Python's module imports for itself, and does not document.
IMPORTED = {"Iterable", "Sequence", "fnmatch", "linecache", "os", "pickle", "total_ordering"}


def names_of(stub):
    """Each name at the top of the stub, with its node."""
    names = {}
    for node in stub.body:
        if isinstance(node, ast.ImportFrom):
            names.update({alias.asname: node for alias in node.names if alias.asname})
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names[node.name] = node
    return names


def parameters(function):
    """The names of all parameters of a stub's function, without self."""
    arguments = function.args
    names = [argument.arg for argument in arguments.posonlyargs + arguments.args]
    return names[1:] if names[:1] == ["self"] else names


def compare(what, node, real, problems):
    if any(isinstance(name, ast.Name) and name.id == "overload" for name in node.decorator_list):
        return
    try:
        signature = inspect.signature(real)
    except (TypeError, ValueError):
        return  # Native, without a signature.
    names = [name for name in signature.parameters if name != "self"]
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return
    if names != parameters(node):
        problems.append(f"{what}: the stub says {parameters(node)}, the module {names}")


def check(module, name):
    problems, compared = [], 0
    stub = ast.parse((LIB / f"{name}.pyi").read_text())
    names = names_of(stub)
    for public in vars(module):
        if not public.startswith("_") and public not in names and public not in IMPORTED:
            problems.append(f"{name}.{public} is not in the stub")
    for public, node in names.items():
        real = getattr(module, public, None)
        if real is None:
            problems.append(f"{name} has no {public}")
            continue
        if isinstance(node, ast.FunctionDef):
            compared += 1
            if module is tracemalloc:
                compare(public, node, real, problems)
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if not isinstance(member, ast.FunctionDef):
                    continue
                compared += 1
                method = getattr(real, member.name, None)
                if method is None:
                    problems.append(f"{public} has no {member.name}")
                elif member.name == "__init__":
                    compare(public, member, real, problems)
                elif not member.name.startswith("__") and callable(method):
                    compare(f"{public}.{member.name}", member, method, problems)
            wanted = {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
            wanted |= {m.target.id for m in node.body if isinstance(m, ast.AnnAssign)}
            wanted |= {"count", "index", "inclusive", "traces"}  # of base classes, of instances
            for member in dir(real):
                if not member.startswith("_") and member not in wanted:
                    problems.append(f"{public}.{member} is not in the stub")
    return problems, compared


def main():
    problems, compared = [], 0
    for module, name in ((tracemalloc, "tracemalloc"), (_tracemalloc, "_tracemalloc")):
        found, number = check(module, name)
        problems += found
        compared += number
    assert not problems, "\n".join(problems)
    assert compared > 60, compared
    # This can fail.
    planted = ast.parse("def display_top(snapshot): ...").body[0]
    found = []
    compare("planted", planted, lambda snapshot, limit: None, found)
    assert found == ["planted: the stub says ['snapshot'], the module ['snapshot', 'limit']"]
    print("ok")


if __name__ == "__main__":
    main()
