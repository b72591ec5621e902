#include "emulator/hub/digital_twin.h"

#include <doctest/doctest.h>

#include "tests/unit/support/result_text.h"

using namespace iothub::hub;

namespace {

Json json(const char* text) {
  return Json::parse(text);
}
ErrorCode refusal(const char* patch) {
  return desired_patch_of(json(patch)).error().code;
}

}  // namespace

TEST_CASE("reported values stand in the document, acknowledged ones unwrapped with their codes in $metadata") {
  Twin twin;
  twin.model_id = "dtmi:com:example:Thermostat;1";
  twin.reported.values = json(R"({"serialNumber":"s1","target":{"value":20.4,"ac":200,"av":4,"ad":"ok"}})");
  twin.reported.metadata = json(R"({"serialNumber":{"$lastUpdated":"T1"},"target":{"$lastUpdated":"T2"}})");
  twin.desired.values = json(R"({"target":21,"later":1})");
  twin.desired.metadata = json(R"({"target":{"$lastUpdatedVersion":5},"later":{"$lastUpdatedVersion":6}})");
  CHECK(
      digital_twin_document({"d"}, twin).dump() ==
      R"({"$dtId":"d","serialNumber":"s1","target":20.4,"$metadata":{"$model":"dtmi:com:example:Thermostat;1",)"
      R"("serialNumber":{"lastUpdateTime":"T1"},)"
      R"("target":{"desiredValue":21,"desiredVersion":5,"ackVersion":4,"ackCode":200,"ackDescription":"ok","lastUpdateTime":"T2"},)"
      R"("later":{"desiredValue":1,"desiredVersion":6}}})");
}

TEST_CASE("an object marked __t becomes a component with metadata of its own") {
  Twin twin;
  twin.reported.values = json(R"({"t1":{"__t":"c","max":25.3}})");
  twin.reported.metadata = json(R"({"t1":{"$lastUpdated":"T1","max":{"$lastUpdated":"T1"}}})");
  CHECK(digital_twin_document({"d"}, twin).dump() ==
        R"({"$dtId":"d","t1":{"max":25.3,"$metadata":{"max":{"lastUpdateTime":"T1"}}},"$metadata":{"$model":""}})");
}

TEST_CASE("a JSON Patch becomes a merge patch of desired properties; components are marked") {
  CHECK(desired_patch_of(json(R"([{"op":"add","path":"/target","value":21},{"op":"remove","path":"/old"},)"
                              R"({"op":"replace","path":"/t1/target","value":{"a":1}},)"
                              R"({"op":"add","path":"/t2","value":{"x":1,"$metadata":{}}}])"))
            ->dump() == R"({"target":21,"old":null,"t1":{"__t":"c","target":{"a":1}},"t2":{"__t":"c","x":1}})");
}

TEST_CASE("what is no JSON Patch of a digital twin is refused by its own code") {
  for (const char* patch : {"{}", "[]", "[1]", R"([{"op":"add"}])", R"([{"op":"move","path":"/a","from":"/b"}])",
                            R"([{"op":"add","path":"/a"}])"}) {
    CAPTURE(patch);
    CHECK(refusal(patch) == ErrorCode::InvalidDigitalTwinJsonPatch);
  }
  for (const char* patch : {R"([{"op":"remove","path":"a"}])", R"([{"op":"remove","path":"/a/b/c"}])",
                            R"([{"op":"remove","path":"/$dtId"}])", R"([{"op":"remove","path":"/"}])",
                            R"([{"op":"remove","path":"/1a"}])"}) {
    CAPTURE(patch);
    CHECK(refusal(patch) == ErrorCode::InvalidDigitalTwinPatchPath);
  }
  for (const char* patch : {R"([{"op":"add","path":"/a","value":[1]}])", R"([{"op":"add","path":"/a","value":null}])",
                            R"([{"op":"add","path":"/a","value":{"b":{"c":{"d":{"e":{"f":1}}}}}}])"}) {
    CAPTURE(patch);
    CHECK(refusal(patch) == ErrorCode::InvalidDigitalTwinPayload);
  }
}
