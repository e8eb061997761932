// What the http service has to show: the status page at "/", the same as JSON at "/stats.json", and for every other
// path the files of http_root, "/index.html" included. The two own pages win over files of the same name.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "levee/service.h"
#include "service/file_root.h"
#include "service/http_request.h"
#include "service/http_response.h"

namespace levee::service {

// An answer without its head. The views stay valid until the site's next `refresh` or `answer`.
struct Answer {
  Status status = Status::Ok;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string_view text;        // the body, unless it is a file
  std::uint64_t file_size = 0;  // bytes
  File file;
  bool cacheable = false;
  bool keep_alive = false;  // what the request wants, as far as the answer allows it

  [[nodiscard]] std::uint64_t length() const { return text.size() + file_size; }
};

class HttpSite {
 public:
  // `files` may be null: then there is nothing but the status page.
  HttpSite(const ServiceContext& context, std::shared_ptr<const FileRoot> files, std::string version);

  // The counters are read anew and the pages are written anew when next asked for. Until then they stay, so that a
  // client who pipelines a thousand requests for them makes one rendering.
  void refresh();
  [[nodiscard]] Answer answer(const Request& request);
  [[nodiscard]] Answer refuse(Status status);  // for what cannot be parsed; closes
  [[nodiscard]] std::string_view version() const { return version_; }

 private:
  [[nodiscard]] Answer find(const std::string& path);
  [[nodiscard]] StatsSnapshot snapshot() const;

  std::function<StatsSnapshot()> snapshot_;
  std::shared_ptr<const FileRoot> files_;
  std::string version_;
  std::string page_, json_;  // empty: to be written
  std::string error_;
};

}  // namespace levee::service
