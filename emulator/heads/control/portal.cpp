/// The portal's pages: to anyone who may reach the port, since they hold nothing; what they show comes by the guarded
/// API.
#include "emulator/heads/control/control.h"

namespace iothub::heads::control {
namespace {

/// The page's scripts are its own files, and it may speak to this emulator only.
constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string_view content_type(std::string_view name) {
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  return "text/html; charset=utf-8";
}

http::Response plain(int status, std::string text, http::Headers headers = {}) {
  headers.insert(headers.begin(), {"Content-Type", "text/plain; charset=utf-8"});
  return {status, std::move(headers), std::move(text)};
}

}  // namespace

void serve_portal(HttpExchange& exchange, const Actions& actions) {
  if (exchange.request.method != "GET" && exchange.request.method != "HEAD") {
    return exchange.answer(plain(405, "A page is read, nothing else.\n", {{"Allow", "GET, HEAD"}}));
  }
  const std::vector<std::string>& path = exchange.target.segments;
  const bool is_page = path.empty();
  const std::optional<PortalFile> file =
      path.size() > 1 ? std::nullopt : actions.portal_file(is_page ? "index.html" : path.front());
  if (!file) {
    return exchange.answer(plain(
        404, is_page ? "There is no portal: --no-portal leaves it out, and so does a build without Node and npm.\n"
                     : "There is no such page.\n"));
  }
  http::Headers headers{{"Content-Type", std::string(content_type(file->name))},
                        // The other names change with their content.
                        {"Cache-Control", is_page ? "no-cache" : "public, max-age=31536000, immutable"},
                        {"Content-Security-Policy", std::string(kContentPolicy)},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"}};
  // Every browser takes it; a program that does not say so is told by the header all the same.
  if (file->is_gzip) headers.push_back({"Content-Encoding", "gzip"});
  exchange.answer({200, std::move(headers), file->bytes});
}

}  // namespace iothub::heads::control
