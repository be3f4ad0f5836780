"""Texts and bytes: building, searching, formatting, encoding, comparing."""

import codecs
import difflib
import io
import re
import sys
import textwrap
import unicodedata

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def words(count):
    state = 12345
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        length = 2 + state % 7
        yield "".join(ALPHABET[(state >> n) % 26] for n in range(length))


text = " ".join(words(3000))
print(len(text), text[:60], hash(text) == hash("".join(list(text))))
index = {}
for number, word in enumerate(text.split()):
    index.setdefault(word[:2], []).append(number)
print(len(index), sorted(index.items(), key=lambda item: (-len(item[1]), item[0]))[0][0])
print(text.count("a"), text.find("zz"), text.replace("a", "").title()[:40])
print(re.sub(r"([aeiou])\1", lambda m: m[0].upper(), text)[:80], len(re.split(r"[xyz]+", text)))
built = ""
for n in range(2000):
    built += chr(0x4E00 + n % 50)
print(len(built), built.encode("utf-8")[:9], built.encode("utf-16")[:6])
print("Straße".upper(), "ǅ".lower(), "ﬁ".casefold(), unicodedata.name("é"), "e\u0301".isascii())
print(unicodedata.normalize("NFC", "e\u0301") == "é", sorted("äÄzZaA"), "🐍"[::-1], len("👩‍💻"))
for name in ("latin-1", "cp1252", "utf-8", "utf-16-le", "ascii"):
    print(name, "grüße €".encode(name, "replace"), b"\xe4\xff\x80".decode(name, "replace"))
print(codecs.encode("Hello", "rot13"), "%-8s|%+05d|%.3g" % ("left", 42, 3.14159), f"{text[:3]!r:>9}")
data = bytearray(b"0123456789" * 1000)
data[100:200] = b"x"
del data[::3]
data.extend(memoryview(data)[:50].tobytes())
print(len(data), data[:20], bytes(data).translate(bytes(range(256)), b"0123")[:10], data.hex()[:12])
stream = io.StringIO()
for n in range(500):
    print(n, end=",", file=stream)
print(len(stream.getvalue()), stream.getvalue()[-12:])
old, new = text[:300].split(), text[20:320].split()
print(len(list(difflib.unified_diff(old, new))), difflib.get_close_matches("abce", ["abcd", "xyz"]))
print(textwrap.shorten(text, 40), textwrap.indent("a\nb", "> ").splitlines())
print("to stderr", file=sys.stderr)
print("the end")
