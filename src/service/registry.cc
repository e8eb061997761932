// One FileRoot is shared by the http services of all workers: it is a directory descriptor that nobody changes.
#include "service/registry.h"

#include <memory>
#include <stdexcept>
#include <utility>

#include "service/chargen.h"
#include "service/discard.h"
#include "service/echo.h"
#include "service/file_root.h"
#include "service/http_service.h"

namespace levee::service {
namespace {

template <class Plain>
ServiceFactory plain() {
  return [](const ServiceContext&) -> std::unique_ptr<Service> { return std::make_unique<Plain>(); };
}

ServiceFactory http(std::shared_ptr<const FileRoot> files, std::string version) {
  return [files = std::move(files), version = std::move(version)](const ServiceContext& context) {
    return std::unique_ptr<Service>(std::make_unique<HttpService>(HttpSite(context, files, version)));
  };
}

}  // namespace

std::string check(const Settings& settings) {
  std::string problem;
  if (!settings.http_root.empty() && !FileRoot::open(settings.http_root, problem)) return problem;
  return {};
}

std::vector<Entry> builtin(const Settings& settings) {
  std::shared_ptr<const FileRoot> files;
  if (!settings.http_root.empty()) {
    std::string problem;
    files = FileRoot::open(settings.http_root, problem);
    if (!files) throw std::runtime_error(problem);
  }
  return {
      {"http", http(std::move(files), settings.version)},
      {"echo", plain<Echo>()},
      {"discard", plain<Discard>()},
      {"chargen", plain<Chargen>()},
  };
}

}  // namespace levee::service
