#pragma once
/// A device or module on libmosquitto: a client that was not written for the hub.
#include <mosquitto.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/wire/support/emulator_process.h"
#include "tests/wire/support/patience.h"
#include "tests/wire/support/service_client.h"

namespace iothub::test {

/// libmosquitto, run by hand in the test's thread. What it refuses, and what does not come in time, is thrown.
class MosquittoDevice {
 public:
  struct Options {
    bool clean_session = true;
    int protocol = MQTT_PROTOCOL_V311;
    int keep_alive = 60;           ///< seconds; libmosquitto takes no less than 5
    std::string certificate_file;  ///< in place of a token, with its key
    std::string key_file;
  };

  MosquittoDevice(const EmulatorProcess& emulator, const Login& login, const Options& options);
  MosquittoDevice(const EmulatorProcess& emulator, const Login& login) : MosquittoDevice(emulator, login, Options()) {}

  /// Before connect().
  void set_will(const std::string& topic, const std::string& payload, bool retain);
  /// Connects and waits for CONNACK.
  void connect();
  /// Connects and is accepted.
  void connect_accepted();
  /// Waits for SUBACK.
  void subscribe(const std::string& filter, int qos = 1);
  /// Waits for UNSUBACK.
  void unsubscribe(const std::string& filter);
  /// The packet id.
  int publish(const std::string& topic, const std::string& body, int qos = 1, bool retain = false);
  /// As publish(), and waits for PUBACK.
  void publish_acknowledged(const std::string& topic, const std::string& body, bool retain = false);
  /// A round trip: whatever the hub had to say before has arrived.
  void drain();
  void disconnect();
  /// The network goes, without a word.
  void drop();

  /// `devices/{d}[/modules/{m}]/messages/events/`
  const std::string& events() const { return events_; }

  template <typename Condition>
  void run_until(Condition condition) {
    for (const Deadline deadline; !condition();) {
      if (deadline.passed()) throw std::runtime_error("libmosquitto waits too long");
      turn(std::min(deadline.left(), 100));
    }
  }
  /// For so many milliseconds, whatever comes.
  void run_for(std::chrono::milliseconds time);

  int connack = -1;
  bool disconnected = false;
  std::vector<int> granted;           ///< by the last SUBACK
  std::vector<int> acknowledged;      ///< packet ids, in order
  std::vector<std::string> received;  ///< topic, blank, payload
  std::vector<int> received_qos;
  bool received_retained = false;  ///< any of them

 private:
  struct Library {
    Library() { mosquitto_lib_init(); }
    ~Library() { mosquitto_lib_cleanup(); }
  };
  struct Free {
    void operator()(mosquitto* client) const { mosquitto_destroy(client); }
  };
  void turn(int milliseconds);

  Library library_;
  int port_;
  int keep_alive_;
  bool unsubscribed_ = false;
  std::unique_ptr<mosquitto, Free> client_;
  std::string events_;
};

}  // namespace iothub::test
