// Runs every input of the corpus through its target, in any build and without libFuzzer:
//
//   build/tests/fuzz/replay tests/fuzz/corpus              all targets
//   build/tests/fuzz/replay tests/fuzz/corpus options      one of them
//   build/tests/fuzz/replay FILE options                   one input, for instance a finding of tests/fuzz.sh
//
// An input that finds something ends the program; the last line then names it. A target without inputs is an error.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/target.h"

namespace levee::fuzz {
namespace {

namespace fs = std::filesystem;

std::string current;  // what runs now, for the last line

void name_input(int signal) {
  static_cast<void>(!write(STDERR_FILENO, current.data(), current.size()));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::vector<std::byte> contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return copy_of(bytes);
}

void run(const Target& target, const fs::path& file) {
  current = "replay: " + std::string(target.name) + ", " + file.string() + "\n";
  const std::vector<std::byte> bytes = contents(file);
  target.run(Input(bytes));
}

// How many inputs there were.
std::size_t replay(const Target& target, const fs::path& corpus) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(corpus / target.name)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) run(target, file);
  std::printf("%.*s: %zu inputs\n", static_cast<int>(target.name.size()), target.name.data(), files.size());
  return files.size();
}

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "replay CORPUS|FILE [TARGET]\n");
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE}) std::signal(signal, name_input);
  const fs::path from = argv[1];
  std::size_t ran = 0;
  bool empty = false;
  for (const Target& target : targets()) {
    if (argc == 3 && target.name != argv[2]) continue;
    ++ran;
    if (fs::is_regular_file(from)) {
      run(target, from);
    } else {
      empty |= !fs::is_directory(from / target.name) || replay(target, from) == 0;
    }
  }
  if (ran == 0 || empty) std::fprintf(stderr, "replay: no such target, or no inputs for it\n");
  return ran == 0 || empty ? 1 : 0;
}

}  // namespace
}  // namespace levee::fuzz

int main(int argc, char** argv) { return levee::fuzz::main(argc, argv); }
