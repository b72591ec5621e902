// POST /devices/query (rest.md 7.2): long scans give way to other work between slices.
#include <charconv>

#include "emulator/heads/rest/call.h"
#include "emulator/heads/rest/operations.h"
#include "emulator/heads/rest/page_size.h"
#include "emulator/hub/query/queries.h"

namespace iothub::heads::rest {
hub::Result<std::optional<std::int64_t>> page_size_of(const Call& call) {
  const std::optional<std::string_view> header = http::find(call.request().headers, "x-ms-max-item-count");
  if (!header) return std::optional<std::int64_t>();
  std::int64_t size = 0;
  const auto [stop, error] = std::from_chars(header->data(), header->data() + header->size(), size);
  if (error != std::errc{} || stop != header->data() + header->size() || size < 1) {
    return hub::bad_request("x-ms-max-item-count is not a number from 1");
  }
  return std::optional(size);
}

namespace {

/// Before the request has waited for its turn: many may have come at the same moment.
constexpr std::int64_t kFirstSliceRows = 20;

void run(const std::shared_ptr<Call>& call, const std::shared_ptr<hub::query::Run>& query, std::int64_t rows) {
  if (call->is_abandoned()) return;
  if (!query->step(rows)) {
    call->hub().scheduler().after(std::chrono::milliseconds{0}, [call, query] { run(call, query, hub::kSliceCost); });
    return;
  }
  const hub::query::Page& page = query->page();
  http::Headers headers{{"x-ms-item-type", page.item_type}};
  // Absent on the last page: the Node SDK asks on as long as there is one.
  if (page.continuation) headers.push_back({"x-ms-continuation", *page.continuation});
  call->answer_bytes(page.array(), std::move(headers));
}

}  // namespace

void query_twins(Call& call) {
  const hub::Result<hub::Json> body = call.json_body();
  if (!body) return call.refuse(body.error());
  const auto text = body->is_object() ? body->find("query") : body->end();
  if (!body->is_object() || text == body->end() || !text->is_string()) {
    return call.refuse(hub::bad_request("'query' is missing or not a string"));
  }
  const hub::Result<std::optional<std::int64_t>> page_size = page_size_of(call);
  if (!page_size) return call.refuse(page_size.error());
  hub::Result<std::unique_ptr<hub::query::Run>> query = call.hub().queries().start(
      text->get_ref<const std::string&>(), *page_size, http::find(call.request().headers, "x-ms-continuation"));
  if (!query) return call.refuse(query.error());
  if (call.is_older_than(kPlugAndPlay)) (*query)->leave_out_model_id();
  run(call.shared_from_this(), std::move(*query), kFirstSliceRows);
}

}  // namespace iothub::heads::rest
