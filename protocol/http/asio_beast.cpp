// Asio and Beast are built with separate compilation (cmake/Dependencies.cmake): this file is their one translation
// unit.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
