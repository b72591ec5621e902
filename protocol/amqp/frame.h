#pragma once
/// Frames as they stand on the wire, for who looks at a connection (AMQP 1.0, 2.3, 2.7 and 5.3.3). The engine reads its
/// own.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/amqp/value.h"

namespace iothub::amqp {

/// `open` to `close`, and those of SASL.
enum class Performative : std::uint8_t {
  open = 0x10,
  begin = 0x11,
  attach = 0x12,
  flow = 0x13,
  transfer = 0x14,
  disposition = 0x15,
  detach = 0x16,
  end = 0x17,
  close = 0x18,
  sasl_mechanisms = 0x40,
  sasl_init = 0x41,
  sasl_challenge = 0x42,
  sasl_response = 0x43,
  sasl_outcome = 0x44,
};

/// Texts and payload are borrowed from the bytes.
struct Frame {
  std::size_t size = 0;
  std::uint8_t protocol_id = 0;                ///< of a protocol header, which is no frame: 0 AMQP, 2 TLS, 3 SASL
  bool is_header = false;                      ///< `AMQP` and a version
  std::uint16_t channel = 0;                   ///< nothing of SASL's
  std::optional<Performative> performative{};  ///< nothing: a frame without a body, as heartbeats are
  List fields{};
  std::string_view payload{};  ///< of a transfer
};

/// How long the first frame or protocol header is. 0: too few bytes to tell. Nothing: no frame begins so.
std::optional<std::size_t> frame_size(std::string_view bytes);
/// The whole frame at the front, `frame_size` bytes of it. Nothing for what cannot be read.
std::optional<Frame> read_frame(std::string_view bytes);

std::string_view name_of(Performative performative);
/// `container-id`; empty beyond the last.
std::string_view field_name(Performative performative, std::size_t index);
/// The composite types inside of performatives: `accepted`, `source`, `error`. Empty: it is none of them.
std::string_view type_name(std::uint64_t descriptor);
/// Of such a type.
std::string_view field_name_of_type(std::uint64_t descriptor, std::size_t index);

}  // namespace iothub::amqp
