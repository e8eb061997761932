// Figures as a table for people, or as one JSON object a line.
#pragma once

#include <string>
#include <vector>

#include "bench/harness.h"

namespace levee::bench {

class Report {
 public:
  Report(std::string bench, bool json, std::string conditions);

  void add(const std::string& variant, const std::string& metric, const std::vector<double>& values);
  // What every mode took, and each but io over io, of the same round. Returns nothing: what is not there is left out.
  void add(const std::string& variant, const Measured& measured);
  // A line between the tables; not in JSON.
  void say(const std::string& text);

 private:
  std::string bench_;
  bool json_;
};

}  // namespace levee::bench
