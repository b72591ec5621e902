#include "emulator/heads/rest/blob/blob_request.h"

#include <doctest/doctest.h>

#include "emulator/heads/rest/blob/blob_xml.h"
#include "emulator/hub/blobs/blob_access.h"
#include "tests/unit/emulator/heads/rest/rest_client.h"
#include "tests/unit/support/temporary_folder.h"

using namespace iothub;
using namespace iothub::test;

namespace {

constexpr const char* kBox = "/devstoreaccount1/box";

struct BlobClient {
  BlobClient() {
    client.hub.hub.open_blobs({.folder = folder.path() / "blobs", .durable = false});
    client.hub.hub.blobs()->create_container("box", {}).value();
  }
  std::string sas(const std::string& blob, const std::string& permissions = "rwd") {
    return hub::blob_sas(hub::built_in_account(), "box", blob, permissions, client.hub.clock.now().plus_seconds(60));
  }
  std::string bytes(std::string_view method, const std::string& blob, const std::string& query = {},
                    std::string_view body = {}, http::Headers headers = {}) {
    headers.push_back({"Authorization", ""});
    if (method == "PUT" && body.empty()) headers.push_back({"Content-Length", "0"});
    return client.bytes(method, std::string(kBox) + "/" + blob + sas(blob) + query, body, headers);
  }
  RestAnswer request(std::string_view method, const std::string& blob, const std::string& query = {},
                     std::string_view body = {}, http::Headers headers = {}) {
    return client.raw(bytes(method, blob, query, body, std::move(headers)));
  }
  RestAnswer put(const std::string& blob, std::string_view content, http::Headers headers = {}) {
    headers.push_back({"x-ms-blob-type", "BlockBlob"});
    return request("PUT", blob, {}, content, std::move(headers));
  }

  TemporaryFolder folder;
  RestClient client;
};

}  // namespace

TEST_CASE("a blob is put, read in part, and deleted") {
  BlobClient client;
  const RestAnswer put = client.put("b", "hello", {{"x-ms-meta-from", "d"}, {"x-ms-client-request-id", "7"}});
  CHECK(put.status == 201);
  CHECK(put.header("Content-MD5") == "XUFAKrxLKna5cZ2REBfFkg==");
  CHECK(put.header("x-ms-client-request-id") == "7");
  CHECK(put.header("x-ms-version") == "2018-03-28");
  const RestAnswer all = client.request("GET", "b");
  CHECK(all.status == 200);
  CHECK(all.body == "hello");
  CHECK(all.header("x-ms-meta-from") == "d");
  CHECK(all.header("ETag") == put.header("ETag"));
  CHECK(all.header("Content-Type") == "application/octet-stream");
  const RestAnswer part = client.request("GET", "b", {}, {}, {{"Range", "bytes=0-0"}, {"x-ms-range", "bytes=1-3"}});
  CHECK(part.status == 206);
  CHECK(part.body == "ell");
  CHECK(part.header("Content-Range") == "bytes 1-3/5");
  CHECK(part.header("x-ms-blob-content-md5") == "XUFAKrxLKna5cZ2REBfFkg==");
  CHECK(client.request("GET", "b", {}, {}, {{"Range", "bytes=5-"}}).status == 416);
  CHECK(client.request("GET", "b", {}, {}, {{"If-None-Match", put.header("ETag")}}).status == 304);
  CHECK(client.request("DELETE", "b").status == 202);
  const RestAnswer gone = client.request("GET", "b");
  CHECK(gone.status == 404);
  CHECK(gone.header("x-ms-error-code") == "BlobNotFound");
  CHECK(gone.body.find("<Error><Code>BlobNotFound</Code>") != std::string::npos);
}

// azure-storage-blob 12.29.0 for Java takes the first segment of a host without a port for the container, and encodes
// all that follows it as the blob's name.
TEST_CASE("container and blob are told apart after the path is decoded, and signed as they are") {
  BlobClient client;
  const auto request = [&](std::string_view method, const std::string& path, const std::string& sas,
                           std::string_view body, const http::Headers& headers = {}) {
    http::Headers all = headers;
    all.push_back({"Authorization", ""});
    return client.client.raw(client.client.bytes(method, path + sas, body, all));
  };
  const std::string path = "/devstoreaccount1/box%2Fd%2Ffile.bin";
  const http::Headers put{{"x-ms-blob-type", "BlockBlob"}};
  CHECK(request("PUT", path, client.sas("d/file.bin"), "hello", put).status == 201);
  CHECK(client.request("GET", "d/file.bin").body == "hello");
  CHECK(request("GET", path, client.sas("d/file.bin"), {}).body == "hello");
  CHECK(request("GET", path, client.sas("d/other.bin"), {}).status == 403);
  CHECK(request("GET", "/devstoreaccount1/box%2F%2Fd%2Ffile.bin", client.sas("d/file.bin"), {}).status == 403);
}

// Found while the fuzz target blob_requests was written: an account SAS does not sign rsct and its like.
TEST_CASE("a header that a URL asks for in the answer brings no line of its own") {
  BlobClient client;
  client.put("b", "hello");
  const std::string sas =
      hub::account_sas(hub::built_in_account(), "r", client.client.hub.clock.now().plus_seconds(60));
  const auto get = [&](const std::string& query) {
    return client.client.raw(client.client.bytes("GET", kBox + ("/b" + sas + query), {}, {{"Authorization", ""}}));
  };
  CHECK(get("&rsct=text%2Fplain").header("Content-Type") == "text/plain");
  const RestAnswer refused = get("&rsct=a%0D%0AX-Injected:%20b");
  CHECK(refused.status == 400);
  CHECK(refused.header("x-ms-error-code") == "InvalidQueryParameterValue");
  CHECK(refused.header("X-Injected") == "(none)");
}

// The fuzz target blob_requests: a listing held the control characters of names and of what it was asked for.
TEST_CASE("a listing of names that XML cannot hold can be read, and its marker leads on") {
  BlobClient client;
  const auto put = [&](const std::string& name, http::Headers headers) {
    headers.push_back({"x-ms-blob-type", "BlockBlob"});
    headers.push_back({"Authorization", ""});
    const std::string sas =
        hub::account_sas(hub::built_in_account(), "rwl", client.client.hub.clock.now().plus_seconds(60));
    return client.client.raw(client.client.bytes("PUT", kBox + ("/" + name + sas), "x", headers));
  };
  const auto list = [&](const std::string& query) {
    const std::string sas =
        hub::account_sas(hub::built_in_account(), "rwl", client.client.hub.clock.now().plus_seconds(60));
    return client.client.raw(
        client.client.bytes("GET", kBox + (sas + "&restype=container&comp=list" + query), {}, {{"Authorization", ""}}));
  };
  CHECK(put("a", {}).status == 201);
  CHECK(put("b%01", {}).status == 201);
  const std::string page = list("&maxresults=1").body;
  CHECK(page.find("<NextMarker>b%01</NextMarker>") != std::string::npos);
  const std::string next = list("&marker=b%2501&prefix=b%01").body;
  CHECK(next.find("<Prefix Encoded=\"true\">b%01</Prefix><Marker>b%01</Marker>") != std::string::npos);
  CHECK(next.find("<Name Encoded=\"true\">b%01</Name>") != std::string::npos);
  CHECK(next.find("<Name>a</Name>") == std::string::npos);
  CHECK(list("&prefix=%FF").status == 400);
  CHECK(list("&marker=%25FF").header("x-ms-error-code") == "InvalidQueryParameterValue");
  CHECK(put("c", {{"x-ms-meta-1-2", "v"}}).header("x-ms-error-code") == "InvalidMetadata");
}

TEST_CASE("a large blob arrives in pieces and leaves as its reader takes it") {
  BlobClient client;
  std::string content;
  for (int i = 0; content.size() < 1'000'000; ++i) content += std::to_string(i) + "\n";
  const std::string request = client.bytes("PUT", "b", {}, content, {{"x-ms-blob-type", "BlockBlob"}});
  for (std::size_t at = 0; at < request.size(); at += 65536) client.client.receive(request.substr(at, 65536));
  CHECK(client.client.answer().status == 201);

  client.client.receive(client.bytes("GET", "b"));
  std::string got = client.client.outbox.take();
  CHECK(got.size() < 300'000);
  CHECK(client.client.session.is_at_work());
  // A second request waits until the answer is out.
  client.client.receive(client.bytes("GET", "b", {}, {}, {{"Range", "bytes=0-1"}}));
  while (got.size() < content.size()) {
    client.client.session.written();
    client.client.scheduler.advance(std::chrono::milliseconds(1));
    const std::string more = client.client.outbox.take();
    REQUIRE_FALSE(more.empty());
    REQUIRE(more.size() < 300'000);
    got += more;
  }
  client.client.scheduler.advance(std::chrono::milliseconds(1));
  got += client.client.outbox.take();
  const std::vector<RestAnswer> answers = answers_in(got);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].body == content);
  CHECK(answers[1].body == "0\n");
  CHECK_FALSE(client.client.session.is_at_work());
}

TEST_CASE("a long upload has all the time it takes, while something comes") {
  using std::chrono::seconds;
  BlobClient client;
  const std::string request = client.bytes("PUT", "b", {}, "0123456789", {{"x-ms-blob-type", "BlockBlob"}});
  client.client.receive(request.substr(0, request.size() - 10));
  for (std::size_t left = 10; left > 0; --left) {
    client.client.scheduler.advance(seconds{29});
    client.client.receive(request.substr(request.size() - left, 1));
  }
  CHECK(client.client.answer().status == 201);
  client.client.scheduler.advance(seconds{3600});
  CHECK_FALSE(client.client.outbox.closed);

  client.client.receive(request.substr(0, request.size() - 5));
  client.client.scheduler.advance(heads::rest::kRequestTime);
  CHECK(client.client.answer().status == 408);
  CHECK(client.client.outbox.closed);
}

TEST_CASE("a download breaks off when the storage fails under it, and ends with its reader") {
  BlobClient client;
  REQUIRE(client.put("b", std::string(1'000'000, 'x')).status == 201);
  client.client.receive(client.bytes("GET", "b"));
  CHECK(client.client.session.finishes_alone());
  client.client.session.commit_failed();
  CHECK(client.client.outbox.closed);
}

TEST_CASE("a body that differs from its Content-MD5 is not kept") {
  BlobClient client;
  CHECK(client.put("b", "hello", {{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}}).header("x-ms-error-code") ==
        "Md5Mismatch");
  CHECK(client.put("b", "hello", {{"Content-MD5", "short"}}).header("x-ms-error-code") == "InvalidMd5");
  CHECK(client.request("GET", "b").status == 404);
}

TEST_CASE("blocks make a blob by their list") {
  BlobClient client;
  CHECK(client.request("PUT", "b", "&comp=block&blockid=QQ%3D%3D", "one ").status == 201);
  CHECK(client.request("PUT", "b", "&comp=block&blockid=Qg%3D%3D", "two").status == 201);
  CHECK(client.request("PUT", "b", "&comp=block&blockid=!", "x").header("x-ms-error-code") == "InvalidBlockId");
  CHECK(client.request("PUT", "b", "&comp=blocklist", "<BlockList><Latest>QQ==</Latest>").status == 400);
  const RestAnswer listed = client.request(
      "PUT", "b", "&comp=blocklist",
      R"(<?xml version="1.0"?><BlockList><Uncommitted>QQ==</Uncommitted><Latest>Qg==</Latest></BlockList>)",
      {{"x-ms-blob-content-type", "text/plain"}});
  CHECK(listed.status == 201);
  const RestAnswer blob = client.request("GET", "b");
  CHECK(blob.body == "one two");
  CHECK(blob.header("Content-Type") == "text/plain");
  CHECK(client.request("GET", "b", "&comp=blocklist&blocklisttype=all").body.find("<Name>QQ==</Name><Size>4</Size>") !=
        std::string::npos);
}

TEST_CASE("what is not served is 501, what is not signed 401, and no body is kept for either") {
  BlobClient client;
  CHECK(client.request("PUT", "b", {}, "x", {{"x-ms-blob-type", "PageBlob"}}).status == 501);
  CHECK(client.request("PUT", "b", "&comp=lease").header("x-ms-error-code") == "NotImplemented");
  const RestAnswer unsigned_put = client.client.raw(client.client.bytes(
      "PUT", std::string(kBox) + "/b", "x", {{"Authorization", ""}, {"x-ms-blob-type", "BlockBlob"}}));
  CHECK(unsigned_put.status == 401);
  CHECK(client.request("GET", "b").status == 404);
}

TEST_CASE("a block list that is no block list is not read") {
  using heads::rest::read_block_list;
  CHECK(read_block_list("<BlockList/>")->empty());
  CHECK_FALSE(read_block_list(""));
  CHECK_FALSE(read_block_list("<List><Latest>a</Latest></List>"));
  CHECK_FALSE(read_block_list("<BlockList><Latest><b/></Latest></BlockList>"));
  CHECK_FALSE(read_block_list("<BlockList><Other>a</Other></BlockList>"));
}
