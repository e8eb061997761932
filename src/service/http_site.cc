// From a request to its answer; which statuses are given is RFC 9110 9.1 and 15.5 to 15.6.
#include "service/http_site.h"

#include <fmt/format.h>

#include <utility>

#include "service/content_type.h"
#include "service/http_target.h"
#include "service/status_page.h"

namespace levee::service {

HttpSite::HttpSite(const ServiceContext& context, std::shared_ptr<const FileRoot> files, std::string version)
    : snapshot_(context.snapshot), files_(std::move(files)), version_(std::move(version)) {}

void HttpSite::refresh() {
  page_.clear();
  json_.clear();
}

StatsSnapshot HttpSite::snapshot() const { return snapshot_ ? snapshot_() : StatsSnapshot{}; }

Answer HttpSite::refuse(Status status) {
  error_ = fmt::format("{} {}\n", static_cast<unsigned>(status), reason(status));
  Answer answer;
  answer.status = status;
  answer.text = error_;
  return answer;
}

Answer HttpSite::answer(const Request& request) {
  const std::optional<std::string> path = path_of(request.target);
  Answer answer;
  if (request.method == Method::Unknown) {
    answer = refuse(Status::NotImplemented);
  } else if (request.method == Method::Other) {
    answer = refuse(Status::MethodNotAllowed);
  } else if (!path || request.has_body) {  // RFC 9110 9.3.1: content in a GET has no meaning and smells of smuggling
    answer = refuse(Status::BadRequest);
  } else {
    answer = find(*path);
  }
  // A body is not read, so the next request behind it cannot be found.
  answer.keep_alive = request.keep_alive && !request.has_body && answer.status != Status::BadRequest;
  return answer;
}

Answer HttpSite::find(const std::string& path) {
  Answer answer;
  if (path == "/") {
    if (page_.empty()) write_status_page(page_, snapshot(), version_);
    answer.content_type = "text/html; charset=utf-8";
    answer.text = page_;
    return answer;
  }
  if (path == "/stats.json") {
    if (json_.empty()) write_status_json(json_, snapshot(), version_);
    answer.content_type = "application/json";
    answer.text = json_;
    return answer;
  }
  if (!files_) return refuse(Status::NotFound);
  OpenResult opened = files_->open_file(path);
  if (opened.error == OpenError::NotFound) return refuse(Status::NotFound);
  if (opened.error == OpenError::Unavailable) return refuse(Status::Unavailable);
  answer.content_type = content_type(path.back() == '/' ? std::string_view("index.html") : std::string_view(path));
  answer.file_size = opened.size;
  answer.file = std::move(opened.file);
  answer.cacheable = true;
  return answer;
}

}  // namespace levee::service
