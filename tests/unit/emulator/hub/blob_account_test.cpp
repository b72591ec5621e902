#include "emulator/hub/blobs/blob_account.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "tests/unit/support/blob_result_text.h"
#include "tests/unit/support/temporary_folder.h"
#include "tests/unit/support/test_hub.h"

using namespace iothub;
using namespace iothub::hub;
using namespace iothub::test;

namespace {

struct Account {
  Account() {
    hub.hub.open_blobs({.folder = folder.path() / "blobs", .durable = false});
    blobs().create_container("box", {}).value();
  }
  BlobAccount& blobs() { return *hub.hub.blobs(); }

  std::string file(std::string_view content) {
    const auto writer = blobs().new_file();
    writer->append(content);
    writer->finish();
    return writer->name();
  }
  BlobResult<Blob> put(const std::string& name, std::string_view content, const BlobConditions& conditions = {}) {
    Blob blob;
    blob.container = "box";
    blob.name = name;
    blob.parts = {{{}, file(content), static_cast<std::int64_t>(content.size())}};
    return blobs().put(std::move(blob), conditions);
  }
  BlobResult<> put_block(const std::string& id, std::string_view content) {
    const std::string written = file(content);
    const BlobResult<> put = blobs().put_block("box", "b", {id, written, static_cast<std::int64_t>(content.size())});
    if (!put) blobs().discard_file(written);
    return put;
  }
  BlobResult<Blob> commit(const std::vector<BlockChoice>& choices) {
    Blob blob;
    blob.container = "box";
    blob.name = "b";
    return blobs().put_block_list(std::move(blob), choices, {});
  }
  std::size_t files() {
    const std::filesystem::directory_iterator all(folder.path() / "blobs");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  TemporaryFolder folder;
  TestHub hub;
};

BlobConditions conditions(const std::string& if_match, const std::string& if_none_match) {
  BlobConditions conditions;
  conditions.if_match = if_match;
  conditions.if_none_match = if_none_match;
  return conditions;
}

}  // namespace

TEST_CASE("a container's name follows the service's rules and is taken once") {
  Account account;
  for (const char* name : {"ab", "Box", "a--b", "-ab", "a_b"}) {
    CHECK(account.blobs().create_container(name, {}).error().code == BlobErrorCode::InvalidResourceName);
  }
  CHECK(account.blobs().create_container("box", {}).error().code == BlobErrorCode::ContainerAlreadyExists);
  CHECK(account.blobs().blobs("other").error().code == BlobErrorCode::ContainerNotFound);
}

TEST_CASE("a replaced blob's file goes with the commit, not before") {
  Account account;
  const std::string first = blob_etag(account.put("b", "1").value().etag);
  REQUIRE(account.hub.hub.commit());
  const std::string second = blob_etag(account.put("b", "22").value().etag);
  CHECK(first != second);
  CHECK(account.files() == 2);
  account.hub.hub.roll_back();
  CHECK(account.blobs().blob("box", "b").value().size() == 1);
  account.put("b", "333").value();
  REQUIRE(account.hub.hub.commit());
  CHECK(account.blobs().blob("box", "b").value().size() == 3);
  CHECK(account.files() == 2);  // that of the write rolled back waits for the next start
}

TEST_CASE("conditions decide about reading and writing") {
  Account account;
  const std::string etag = blob_etag(account.put("b", "1").value().etag);
  CHECK(account.put("b", "2", conditions({}, "*")).error().code == BlobErrorCode::BlobAlreadyExists);
  CHECK(account.put("b", "2", conditions("\"0x1\"", {})).error().code == BlobErrorCode::ConditionNotMet);
  CHECK(account.put("new", "2", conditions("*", {})).error().code == BlobErrorCode::ConditionNotMet);
  CHECK(account.blobs().blob("box", "b", conditions(etag, {})));
  CHECK(account.blobs().blob("box", "b", conditions({}, etag)).error().code == BlobErrorCode::ConditionNotMet);
  CHECK(account.put("b", "2", conditions(etag, {})));
}

TEST_CASE("a block list takes blocks from where it says, and drops the rest") {
  using From = BlockChoice::From;
  Account account;
  REQUIRE(account.put_block("QQ==", "old A"));
  REQUIRE(account.put_block("Qg==", "B"));
  CHECK(account.put_block("QUE=", "x"));  // the same length in base64
  CHECK(account.put_block("QUFBQUE=", "x").error().code == BlobErrorCode::InvalidBlobOrBlock);
  CHECK(account.blobs().blob("box", "b").error().code == BlobErrorCode::BlobNotFound);
  CHECK(account.commit({{"QQ==", From::latest}, {"Qg==", From::uncommitted}}).value().size() == 6);
  CHECK(account.blobs().uncommitted_blocks("box", "b").empty());

  REQUIRE(account.put_block("QQ==", "A"));
  CHECK(account.commit({{"QQ==", From::committed}}).value().size() == 5);
  CHECK(account.commit({{"QQ==", From::uncommitted}}).error().code == BlobErrorCode::InvalidBlockList);
  CHECK(account.commit({{"Qg==", From::latest}}).error().code == BlobErrorCode::InvalidBlockList);
  REQUIRE(account.hub.hub.commit());
  CHECK(account.files() == 1);
}

TEST_CASE("the next start removes files that nothing names") {
  Account account;
  account.put("b", "1").value();
  REQUIRE(account.put_block("QQ==", "A"));
  REQUIRE(account.hub.hub.commit());
  account.file("left behind");
  CHECK(account.files() == 3);
  account.hub.hub.open_blobs({.folder = account.folder.path() / "blobs", .durable = false});
  CHECK(account.files() == 2);
  account.blobs().remove_container("box").value();
  REQUIRE(account.hub.hub.commit());
  CHECK(account.files() == 0);
}

TEST_CASE("a store that comes back names only blobs whose content is still there") {
  Account account;
  const std::string first = account.put("first", "1").value().parts.front().file;
  account.put("second", "2").value();
  REQUIRE(account.put_block("QQ==", "A"));
  std::filesystem::remove(account.folder.path() / "blobs" / first);
  account.hub.hub.store_replaced();
  CHECK(account.blobs().blob("box", "first").error().code == BlobErrorCode::BlobNotFound);
  CHECK(account.blobs().blob("box", "second"));
  CHECK(account.blobs().uncommitted_blocks("box", "b").size() == 1);
  CHECK(account.files() == 2);
}
