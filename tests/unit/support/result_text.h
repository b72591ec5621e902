#pragma once
/// Lets doctest print a hub::Result: "accepted", or the refusal.
#include <doctest/doctest.h>

#include <string>

#include "emulator/hub/errors.h"

namespace doctest {

template <typename T>
struct StringMaker<iothub::hub::Result<T>> {
  static String convert(const iothub::hub::Result<T>& result) {
    if (result) return "accepted";
    const iothub::hub::HubError& error = result.error();
    const std::string text = std::string(name_of(error.code)) + ": " + error.message + " (" + error.reason + ")";
    return text.c_str();
  }
};

}  // namespace doctest
