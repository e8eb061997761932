// The master key of SYN cookies as a file (--cookie_key_file), for hosts that answer behind one address: exactly 32
// hexadecimal digits and a newline, in a regular file of mode 0600 that belongs to us. `openssl rand -hex 16` writes
// one.
#pragma once

#include <string>

#include "runtime/cookie_keys.h"

namespace levee::runtime {

// Throws StartupError (exit code 2) whose sentence begins with the flag and the path and never quotes the file.
[[nodiscard]] MasterKey read_key_file(const std::string& path);

}  // namespace levee::runtime
