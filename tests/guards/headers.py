"""Each header compiles alone, with the flags that the build gives to the sources of its own room.

usage: headers.py SOURCE_ROOT BUILD_ROOT

A header that passed is remembered by a hash of everything it includes from this project, the flags and the compiler, so
that a second run compiles only what changed. The same pass shows that the core cannot see DPDK: with floor 0 to 2's
flags an #include of a DPDK header has to fail.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import floors

CORE_ROOMS = ("src/base", "src/wire", "src/tcp", "src/shard")
ONE_ARGUMENT = {"-o", "-MF", "-MQ", "-MT"}
ALONE = {"-c", "-MD", "-MMD"}


def room_flags(source_root, build_root):
    """{room: (compiler and flags)}: from one compile command of each room, without its input and outputs."""
    flags = {}
    for entry in json.loads((build_root / "compile_commands.json").read_text(encoding="utf-8")):
        path = (Path(entry["directory"]) / entry["file"]).resolve()
        if not path.is_relative_to(source_root):
            continue
        where = floors.room_of(source_root, path)
        words = iter(shlex.split(entry["command"]))
        kept = []
        for word in words:
            if word in ONE_ARGUMENT:
                next(words)
            elif word not in ALONE and not word.startswith("@") and not word.endswith((".cc", ".cpp")):
                kept.append(word)
        while Path(kept[0]).name in ("ccache", "sccache"):
            kept.pop(0)
        flags.setdefault(where, kept)
    # The public face is what the core and the services see, nothing more.
    if "src/base" in flags:
        flags["include/levee"] = flags["src/base"]
    return flags


def compile_text(command, text, build_root):
    """Compiles a text as a file of its own; returns the compiler's complaints, empty if there are none."""
    result = subprocess.run(command + ["-fsyntax-only", "-x", "c++", "-"], input=text, cwd=build_root, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    return result.stdout if result.returncode else ""


def fingerprint(source_root, header, command):
    """A hash of a header, of everything of ours that it includes, and of how it is compiled."""
    digest = hashlib.sha256("\0".join(command).encode())
    digest.update(str(os.stat(shutil.which(command[0])).st_mtime_ns).encode())
    seen, todo = set(), [header]
    while todo:
        path = todo.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        text = path.read_text(encoding="utf-8")
        for quote, target in floors.INCLUDE.findall(text):
            if quote == '"':
                todo += [source_root / "include" / target, source_root / "src" / target, path.parent / target]
    for path in sorted(seen):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def include_name(source_root, header):
    parts = header.relative_to(source_root).parts
    return "/".join(parts if parts[0] == "apps" else parts[1:])


def check_header(source_root, build_root, stamps, flags, header):
    """One header: a complaint, or None. Included twice, so that a missing #pragma once shows too."""
    where = floors.room_of(source_root, header)
    if where not in flags:
        return f"{header.relative_to(source_root)}: no source of {where} is compiled, so there are no flags for it"
    stamp = stamps / fingerprint(source_root, header, flags[where])
    if stamp.exists():
        return None
    name = include_name(source_root, header)
    line = f'#include "{source_root / name if where == "apps" else name}"\n'
    if complaint := compile_text(flags[where], line * 2, build_root):
        return f"{name} does not compile alone:\n{complaint}"
    stamp.touch()
    return None


def core_sees_dpdk(flags, build_root):
    """Complaints if a room of floors 0 to 2 is compiled with DPDK in reach."""
    problems = []
    for where in CORE_ROOMS:
        command = flags.get(where, [])
        problems += [f"{where} is compiled with {word}" for word in command if "dpdk" in word or "rte_config" in word]
    if "src/base" in flags and not compile_text(flags["src/base"], "#include <rte_mbuf.h>\n", build_root):
        problems.append("an #include of <rte_mbuf.h> compiles with the core's flags")
    # The same text with floor 3's flags must compile, else the line above proves nothing.
    if "src/dpdk" in flags and (why := compile_text(flags["src/dpdk"], "#include <rte_mbuf.h>\n", build_root)):
        problems.append(f"<rte_mbuf.h> does not compile with floor 3's flags either:\n{why}")
    return problems


def check_all(source_root, build_root):
    """All complaints and the number of headers."""
    flags = room_flags(source_root, build_root)
    stamps = build_root / "header_stamps"
    stamps.mkdir(exist_ok=True)
    headers = [p for p in floors.sources(source_root) if p.suffix in (".h", ".hpp")]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = pool.map(lambda h: check_header(source_root, build_root, stamps, flags, h), headers)
        problems = [problem for problem in found if problem]
    return problems + core_sees_dpdk(flags, build_root), len(headers)


def main():
    source_root, build_root = (Path(a).resolve() for a in sys.argv[1:3])
    problems, count = check_all(source_root, build_root)
    print("\n".join(problems + [f"{count} headers compiled alone, {len(problems)} problems"]))
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
