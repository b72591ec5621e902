#pragma once
/// How the AMQP cases write frames: hex, with texts, sizes and counts that need no counting (AMQP 1.0, parts 1 and 2).
///
///   sasl-header   amqp-header          the eight bytes that a connection, or its SASL, begins with
///   [0 open (...) ...]                 a frame on channel 0: a performative, its fields, then the payload's sections;
///   [sasl outcome (...)]   [0]         one of SASL's; an empty one
///   open  attach  source  data  ...    the descriptor of that name, `00 53 ..`; the value that it describes follows
///   00 X Y                             the value Y described by X
///   -   true   false                   40, 41, 42
///   52 05   70 00010000   98 ..        any other value of fixed width: its constructor, then its bytes
///   "text"   'text'   `text`           string, symbol, binary; ~text~ is a string that holds quotes
///   #0a0b                              binary that is no text
///   ( ... )   map( ... )               list, map
///   array(b3 'x' 'y')                  array, by its elements' constructor
///
/// Sizes and lengths take one byte where they fit; `b1"text"`, `d0(` and the like say which constructor it is.
#include <string>
#include <string_view>

#include "tests/wire/support/notation.h"

namespace iothub::test {

/// The bytes that it means; throws std::invalid_argument where it means none.
std::string amqp_bytes(std::string_view notation, const Names& names = {});

/// A frame or header in the one notation that means these bytes, as hex where there is none.
std::string amqp_shown(std::string_view frame);

/// A binary that holds these bytes, in notation.
std::string amqp_binary(std::string_view bytes);

/// A uint up to 255 in its shortest form, in notation.
std::string amqp_uint(int value);

/// How many frames and headers it is.
std::size_t amqp_frame_count(std::string_view notation);

/// `expected` as amqp_shown() lays it out, a line each frame, with each `?name` replaced by the value that `shown` has
/// there, which `names` then holds. Where the two part, the rest stays as it is.
std::string amqp_filled(std::string_view expected, std::string_view shown, Names& names);

}  // namespace iothub::test
