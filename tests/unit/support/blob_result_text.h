#pragma once
/// Lets doctest print a hub::BlobResult: "accepted", or the refusal.
#include <doctest/doctest.h>

#include <string>

#include "emulator/hub/blobs/blob_error.h"

namespace doctest {

template <typename T>
struct StringMaker<iothub::hub::BlobResult<T>> {
  static String convert(const iothub::hub::BlobResult<T>& result) {
    if (result) return "accepted";
    const std::string text = std::string(name_of(result.error().code)) + " (" + result.error().reason + ")";
    return text.c_str();
  }
};

}  // namespace doctest
