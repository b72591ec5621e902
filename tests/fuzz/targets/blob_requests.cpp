// Requests to the hub's own blob endpoint: each gets one whole answer, none of them a fault of the hub; what is refused
// has changed nothing, what was put is got again, and XML can be read.
#include <expat.h>

#include <filesystem>
#include <memory>

#include "emulator/heads/rest/blob/blob_xml.h"
#include "emulator/heads/rest/rest_session.h"
#include "emulator/hub/blobs/blob_access.h"
#include "emulator/hub/blobs/blob_account.h"
#include "emulator/hub/blobs/blob_json.h"
#include "protocol/text/xml.h"
#include "tests/fuzz/support/fuzz_world.h"
#include "tests/fuzz/support/http_answer.h"
#include "tests/fuzz/support/input.h"
#include "tests/fuzz/support/require.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/support/fake_outbox.h"
#include "tests/unit/support/temporary_folder.h"

namespace iothub::fuzz {
namespace {

constexpr std::string_view kMethods[] = {"GET", "PUT", "DELETE", "HEAD"};
constexpr const char* kContainer = "uploads";

bool is_xml(std::string_view text) {
  struct Free {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
  };
  const std::unique_ptr<XML_ParserStruct, Free> parser(XML_ParserCreate(nullptr));
  return XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE) == XML_STATUS_OK;
}

/// Name and value on each line, and nothing that a line end in them would have let in.
void require_headers(std::string_view head) {
  head.remove_prefix(std::min(head.find("\r\n") + 2, head.size()));
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    const std::size_t colon = line.find(": ");
    require(colon != std::string_view::npos && colon > 0, "a header has its name: " + std::string(line));
    for (const char c : line) require(static_cast<unsigned char>(c) >= ' ' && c != '\x7f', "a header is text");
    require(!line.starts_with("X-Injected"), "no header comes out of a parameter: " + std::string(line));
  }
}

std::string state(hub::BlobAccount& account) {
  std::string text;
  for (const hub::BlobContainer& container : account.containers()) {
    text += container.name + " " + hub::to_document(container) + "\n";
    for (const hub::Blob& blob : account.blobs(container.name).value()) {
      text += blob.name + " " + hub::to_document(blob) + "\n";
      for (const hub::BlobPart& block : account.uncommitted_blocks(container.name, blob.name)) {
        text += block.block_id + " " + hub::to_document(block) + "\n";
      }
    }
  }
  return text;
}

/// A block list that was read is written and reads the same.
void require_block_list(std::string_view xml) {
  const auto choices = heads::rest::read_block_list(xml);
  if (!choices) return;
  constexpr std::string_view kNames[] = {"Committed", "Uncommitted", "Latest"};
  std::string again = "<BlockList>";
  for (const hub::BlockChoice& choice : *choices) {
    if (choice.id.find('\r') != std::string::npos) return;  // which XML reads as a line feed, unless it is `&#13;`
    const std::string name(kNames[static_cast<std::size_t>(choice.from)]);
    again += "<" + name + ">" + text::xml_escape(choice.id) + "</" + name + ">";
  }
  const auto read = heads::rest::read_block_list(again + "</BlockList>");
  require(read && read->size() == choices->size(), "a block list is written as it was read: " + again);
  for (std::size_t i = 0; i < read->size(); ++i) {
    require((*read)[i].id == (*choices)[i].id && (*read)[i].from == (*choices)[i].from, "a block keeps its id");
  }
}

std::filesystem::path empty_folder() {
  static const test::TemporaryFolder folder;
  std::filesystem::remove_all(folder.path() / "blobs");
  return folder.path() / "blobs";
}

}  // namespace

void blob_requests(std::string_view bytes) {
  require_block_list(bytes);

  Input input(bytes);
  FuzzWorld world;
  world.hub.open_blobs({.folder = empty_folder(), .durable = false});
  hub::BlobAccount& account = *world.hub.blobs();
  require(account.create_container(kContainer, {}).has_value(), "the world can be made");
  const std::string all_rights = hub::account_sas(account.key(), "rwdlac", world.clock.now().plus_seconds(3600));
  test::FakeOutbox outbox;
  heads::rest::RestSession session(
      world.environment, heads::Peer{.connection_id = "c1", .remote_address = "127.0.0.1:50000", .certificate = {}},
      outbox);

  // Lines of: method and flags; path behind the account, with a query; further headers, to an empty line; then the
  // body, with its size before it.
  for (int requests = 0; requests < 8 && !input.empty() && !outbox.closed; ++requests) {
    const std::string_view method = kMethods[input.number(1) % std::size(kMethods)];
    const std::size_t flags = input.number(1);
    const std::string_view said = input.line();
    const std::string path(said.substr(0, said.find('?')));
    std::string query(said.substr(path.size()));
    if (!query.empty()) query[0] = '&';
    // With the rights of the account; of a device for one blob; or of who makes up his own.
    std::string access = "?";
    if (flags % 4 < 2) access = all_rights;
    if (flags % 4 == 2) {
      access = hub::blob_sas(account.key(), kContainer, "d1/b", "rw", world.clock.now().plus_seconds(60));
    }
    const std::string target = "/" + account.name() + "/" + path + access + query;
    std::string request = std::string(method) + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
    if ((flags & 4) != 0) request += "x-ms-blob-type: BlockBlob\r\n";
    for (std::string_view header = input.line(); !header.empty(); header = input.line()) {
      request += std::string(header) + "\r\n";
    }
    const std::string_view body = input.sized();
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);

    const std::string before = state(account);
    session.receive(bytes_of(request));
    for (int waits = 0; waits < 4 && outbox.bytes.empty() && !outbox.closed; ++waits) {
      world.advance(std::chrono::seconds(20));
    }
    session.written();
    const std::string written = outbox.take();
    require(!written.empty() || outbox.closed, "a request is answered: " + request);
    std::string_view rest = written;
    int answers = 0;
    while (!rest.empty()) {
      if (method == "HEAD" && outbox.closed) return;  // of a request that cannot be read, HEAD is not known
      const auto answer = take_answer(rest, method == "HEAD");
      require(answer.has_value(), "an answer is whole: " + written);
      if (answer->status == 100) continue;
      ++answers;
      require_headers(answer->head);
      require(answer->status < 500 || answer->status == 501, "the hub has a fault: " + request + "\n" + written);
      const bool from_blob = answer->has("x-ms-creation-time");
      if (!from_blob && answer->has("Content-Type: application/xml") && method != "HEAD") {
        require(is_xml(answer->body), "an answer of XML can be read: " + request + "\n" + written);
      }
      if (answer->status >= 400) {
        const std::string after = state(account);
        require(after == before, "a refused request changed the storage: " + request + "\n" + before + "\n" + after);
      }
    }
    require(answers == 1 || outbox.closed, "a request has one answer: " + request + "\n" + written);
    if (method != "PUT" || !written.starts_with("HTTP/1.1 201") || path.find('/') == std::string::npos) continue;
    if (!query.empty() || flags % 4 >= 2 || outbox.closed) continue;  // a query may say `comp` in many ways
    const std::string get = "GET /" + account.name() + "/" + path + access + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    session.receive(bytes_of(get));
    session.written();
    const std::string got = outbox.take();
    std::string_view got_rest = got;
    const auto answer = take_answer(got_rest, false);
    require(answer && answer->status == 200 && answer->body == body,
            "what was put is got again: " + request + "\n" + got);
  }
  session.closed("the input ends");
}

}  // namespace iothub::fuzz
