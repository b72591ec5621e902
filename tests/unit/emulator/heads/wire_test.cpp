#include "emulator/heads/wire.h"

#include <doctest/doctest.h>

#include <string>

using namespace iothub;
using heads::payload_preview;
using heads::without_secrets;

TEST_CASE("signatures and keys are cut out of a text, and nothing else") {
  CHECK(without_secrets("SharedAccessSignature sr=hub%2Fdevices%2Fd&sig=abc%2Bd%3D&se=17") ==
        "SharedAccessSignature sr=hub%2Fdevices%2Fd&sig=(cut)&se=17");
  CHECK(without_secrets("HostName=h;DeviceId=d;SharedAccessKey=Zm9v=") ==
        "HostName=h;DeviceId=d;SharedAccessKey=(cut)");
  CHECK(without_secrets("{'a':'sig=x','b':'AccountKey=y;c'}") == "{'a':'sig=(cut)','b':'AccountKey=(cut);c'}");
  CHECK(without_secrets("no secret: sig, SharedAccessKeyName=iothubowner") ==
        "no secret: sig, SharedAccessKeyName=iothubowner");
  CHECK(without_secrets("").empty());
}

TEST_CASE("a payload is shown as text where it is one, as hex where not, and cut where it is long") {
  CHECK(payload_preview("") == hub::Json{{"bytes", 0}});
  CHECK(payload_preview("{\"t\":1}") == hub::Json{{"bytes", 7}, {"text", "{\"t\":1}"}});
  CHECK(payload_preview(std::string("\0\xFF", 2)) == hub::Json{{"bytes", 2}, {"hex", "00 FF"}});
  const hub::Json long_text = payload_preview(std::string(1023, 'a') + "\xC3\xA4" + std::string(100, 'b'));
  CHECK(long_text["bytes"] == 1125);
  CHECK(long_text["text"] == std::string(1023, 'a'));  // no half of a character
  CHECK(long_text["cut"] == true);
  const hub::Json long_bytes = payload_preview(std::string(200, '\xFF'));
  CHECK(long_bytes["hex"].get<std::string>().size() == 64 * 3 - 1);
  CHECK(long_bytes["cut"] == true);
}

TEST_CASE("a secret that lies across the cut does not show its beginning") {
  const std::string payload = std::string(1000, 'a') + "SharedAccessKey=" + std::string(100, 'k');
  CHECK(payload_preview(payload).dump().find("kk") == std::string::npos);
}
