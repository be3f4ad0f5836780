"""Looks whether the links of all pages lead somewhere: to a file of the repository, to a heading of a page;
and whether the table of contents of the book has every page of `docs`.

    python3 tests/guide/links.py
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages():
    """All pages, but for those of other projects and of builds."""
    found = list(ROOT.glob("*.md"))
    for folder in ("docs", "Lib", "examples", "report", "snapshot", "views", "vm-hooks", "tracemalloc-module",
                   "interpreter", "fuzz"):
        found += [path for path in (ROOT / folder).rglob("*.md") if "target" not in path.parts]
    return sorted(found)


def prose(path):
    """The page without blocks of code and code in a line."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?ms)^```.*?^```$", "", text)
    return re.sub(r"`[^`\n]*`", lambda code: "" if "](" in code.group() else code.group(), text)


def anchors(path):
    """The anchors of a page's headings, as GitHub and mdBook make them."""
    headings = re.findall(r"(?m)^#+ (.*)$", prose(path))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            for heading in headings}


def broken(path, target):
    """Why a link leads nowhere; None if it does not."""
    name, _, anchor = target.partition("#")
    to = (path.parent / name).resolve() if name else path
    if not to.exists():
        return "there is no such file"
    if anchor and to.suffix == ".md" and anchor not in anchors(to):
        return "there is no such heading"
    return None


def main():
    wrong, links = [], 0
    for path in pages():
        for target in LINK.findall(prose(path)):
            if "://" in target or target.startswith("mailto:"):
                continue
            links += 1
            why = broken(path, target)
            if why:
                wrong.append(f"{path.relative_to(ROOT)}: ({target}): {why}")
    listed = set(LINK.findall(prose(ROOT / "docs" / "SUMMARY.md")))
    for path in (ROOT / "docs").glob("*.md"):
        if path.name != "SUMMARY.md" and path.name not in listed:
            wrong.append(f"docs/SUMMARY.md does not list {path.name}")
    if wrong:
        sys.exit("\n".join(wrong))
    assert links > 60, links
    # This can fail.
    assert broken(ROOT / "README.md", "docs/nothing.md") == "there is no such file"
    assert broken(ROOT / "README.md", "CONTRIBUTING.md#nothing") == "there is no such heading"
    print(f"{links} links")
    print("ok")


if __name__ == "__main__":
    main()
