"""The include-direction guard: every #include of include/, src/ and apps/ against the table of floors.

docs/design.md ("Floors") says why. A room may include itself, the rooms named in its row, the standard library, and the
outside libraries of its row; everything else is a violation, an unknown room and an unknown header included.
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

CORE = {"levee", "base"}
ENDPOINT = CORE | {"wire", "tcp", "shard"}

# Headers of libc and the kernel. Not for floors 0 to 2: they take time, randomness and files as arguments.
POSIX = (r"(arpa/inet|dirent|fcntl|getopt|linux/\w+|net/\w+|netinet/\w+|poll|pthread|sched|signal|sys/\w+|unistd)\.h"
         r"|sanitizer/asan_interface\.h")
FMT, BOOST, GFLAGS, PCAP = r"fmt/\w+\.h", r"boost/[\w/]+\.hpp", r"gflags/gflags\.h", r"pcap/pcap\.h|pcap\.h"
DPDK = r"rte_\w+\.h|bus_\w+\.h"

STANDARD = set("""
algorithm any array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono cinttypes climits cmath compare
complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cwchar
deque exception execution filesystem forward_list fstream functional future initializer_list iomanip ios iosfwd iostream
istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional ostream queue random
ranges ratio regex scoped_allocator semaphore set shared_mutex span sstream stack stdexcept stop_token streambuf string
string_view system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant
vector version
""".split())

# What the core must not read or share even though it is standard: clocks are the caller's, locks and threads have no
# place on a packet path, streams and files belong to floors 3 and above.
NOT_IN_CORE = set("""
barrier condition_variable csignal ctime filesystem fstream future iostream latch mutex random semaphore shared_mutex
stop_token thread
""".split())


@dataclass(frozen=True)
class Room:
    """A folder: the rooms below it, and patterns of the outside headers that it may use in angle brackets."""

    below: frozenset = frozenset()
    outside: tuple = field(default=())
    core: bool = False


def room(below, *outside, core=False):
    return Room(frozenset(below), tuple(re.compile(f"(?:{p})$") for p in outside), core)


ROOMS = {
    "include/levee": room(set(), core=True),
    # base keeps the tables, which ask for huge pages, and the text forms of addresses, which are inet_pton's.
    "src/base": room({"levee"}, r"sys/mman\.h|arpa/inet\.h", core=True),
    "src/wire": room(CORE, core=True),
    "src/tcp": room(CORE | {"wire"}, core=True),
    "src/shard": room(CORE | {"wire", "tcp"}, core=True),
    "src/device": room(ENDPOINT, POSIX, FMT, PCAP),
    "src/dpdk": room(ENDPOINT | {"device"}, POSIX, FMT, DPDK),
    "src/runtime": room(ENDPOINT | {"device", "dpdk"}, POSIX, FMT),
    "src/service": room({"levee"}, POSIX, FMT, BOOST),
    "src/inspect": room({"levee"}, POSIX, FMT, r"hs/hs\.h|hs\.h"),
    "apps": room(ENDPOINT | {"device", "dpdk", "runtime", "service", "inspect"}, POSIX, FMT, GFLAGS),
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMPUTED = re.compile(r'^[ \t]*#[ \t]*include(?:_next)?[ \t]+[^<" \t]', re.MULTILINE)
# Another way to a DPDK header than an #include of it: declaring its functions oneself.
RTE_WORD = re.compile(r"\brte_\w+")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def sources(root):
    """Every C++ file of the three trees, in a stable order."""
    for top in ("include", "src", "apps"):
        yield from sorted(p for p in (root / top).rglob("*") if p.suffix in {".h", ".hpp", ".cc", ".cpp"})


def room_of(root, path):
    parts = path.relative_to(root).parts
    return parts[0] if parts[0] == "apps" else "/".join(parts[:2])


def check_quoted(root, path, where, target):
    """An #include "..." names one of our own files by its full path below include/ or src/."""
    first, _, rest = target.partition("/")
    if where == "apps" and (not rest or first == "apps"):
        return None if (root / "apps" / (rest or first)).is_file() else "does not exist"
    own = where.rpartition("/")[2]
    if not rest:
        return f'must be written with its room, as "{own}/{target}"'
    home = root / ("include" if first == "levee" else "src")
    if not (home / target).is_file():
        return "does not exist"
    if first != own and first not in ROOMS[where].below:
        return f"is not below {where}"
    return None


def check_angled(where, target):
    """An #include <...> names the standard library or an outside library of the room's row."""
    spec = ROOMS[where]
    if target in STANDARD:
        return "is not for floors 0 to 2" if spec.core and target in NOT_IN_CORE else None
    if any(pattern.match(target) for pattern in spec.outside):
        return None
    return f"is neither the standard library nor an outside library of {where}"


def check_file(root, path):
    """Yields one sentence per violation in one file."""
    where, text = room_of(root, path), path.read_text(encoding="utf-8")
    shown = path.relative_to(root)
    if where not in ROOMS:
        yield f"{shown}: {where} has no row in the table of floors"
        return
    for match in COMPUTED.finditer(text):
        yield f"{shown}:{text.count(chr(10), 0, match.start()) + 1}: an #include by macro cannot be checked"
    for match in INCLUDE.finditer(text):
        quote, target = match.groups()
        verdict = check_quoted(root, path, where, target) if quote == '"' else check_angled(where, target)
        if verdict:
            line = text.count("\n", 0, match.start()) + 1
            yield f"{shown}:{line}: {target} {verdict}"
    if where != "src/dpdk":
        code = STRING.sub('""', COMMENT.sub("", INCLUDE.sub("", text)))
        if word := RTE_WORD.search(code):
            yield f"{shown}: uses {word.group()}; DPDK belongs to src/dpdk"


def check_tree(root):
    """All violations of a tree and the number of files looked at."""
    files = list(sources(root))
    return [problem for path in files for problem in check_file(root, path)], len(files)


def main():
    problems, count = check_tree(Path(sys.argv[1]).resolve())
    print("\n".join(problems + [f"{count} files checked, {len(problems)} violations"]))
    # A tree without files is a wrong argument, not a clean tree.
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
