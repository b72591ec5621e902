#include "emulator/heads/rest/error_body.h"

#include <doctest/doctest.h>

using namespace iothub;
using namespace iothub::heads::rest;

namespace {

const Tracking kTracking{"0123456789abcdef0123456789abcdef", Timestamp::from_unix_seconds(1'795'314'832)};

}  // namespace

TEST_CASE("form A is one message and a tracking id") {
  CHECK(error_body(ErrorForm::a, hub::device_not_found({"d"}), kTracking) ==
        R"({"Message":"ErrorCode:DeviceNotFound;d",)"
        R"("ExceptionMessage":"Tracking ID:0123456789abcdef0123456789abcdef-G:0-TimeStamp:11/22/2026 02:33:52"})");
  const hub::HubError stale{hub::ErrorCode::PreconditionFailed, "stale", {}, {}};
  CHECK(error_body(ErrorForm::a_twin, stale, kTracking) ==
        R"({"Message":"ErrorCode:PreconditionFailed;stale",)"
        R"("ExceptionMessage":"Tracking ID:0123456789abcdef0123456789abcdef-TimeStamp:11/22/2026 02:33:52"})");
  for (const hub::HubError& error : {hub::device_not_found({"d"}), hub::twin_etag_mismatch({"d"})}) {
    const bool same = error_body(ErrorForm::a_twin, error, kTracking) == error_body(ErrorForm::a, error, kTracking);
    CHECK(same == (error.code == hub::ErrorCode::DeviceNotFound));
  }
  CHECK(kTracking.guid() == "01234567-89ab-cdef-0123-456789abcdef");
}

TEST_CASE("form B holds its numbers as JSON text, with info only where there is some") {
  hub::HubError error{hub::ErrorCode::DeviceNotOnline, "not \"online\"", {}, R"({"timeout":"00:00:00"})"};
  CHECK(
      error_body_b(error, kTracking) ==
      R"({"Message":"{\"errorCode\":404103,\"trackingId\":\"0123456789abcdef0123456789abcdef-G:0-TimeStamp:11/22/2026 02:33:52\",)"
      R"(\"message\":\"not \\\"online\\\"\",\"info\":{\"timeout\":\"00:00:00\"},\"timestampUtc\":\"2026-11-22T02:33:52Z\"}",)"
      R"("ExceptionMessage":""})");
  error.info.clear();
  CHECK(error_body_b(error, kTracking).find("info") == std::string::npos);
}

TEST_CASE("an existing module is refused in the bare form") {
  CHECK(error_body(ErrorForm::a, hub::module_already_exists({{"d"}, {"m"}}, "hub"), kTracking) ==
        R"({"errorCode":409301,"message":"Device d in IotHub hub already contains Module m.",)"
        R"("trackingId":"0123456789abcdef0123456789abcdef-G:0-TimeStamp:11/22/2026 02:33:52",)"
        R"("timestampUtc":"2026-11-22T02:33:52Z"})");
}

TEST_CASE("what a client sent is quoted as valid JSON, UTF-8 or not") {
  CHECK(error_body_a(hub::device_not_found({"a\"\n\xFF"}), kTracking)
            .find(R"(;a\"\n)"
                  "\xEF\xBF\xBD\",") != std::string::npos);
}
