#pragma once
/// One request to the hub's own blob endpoint, `https://{hub}/{account}/{container}/{blob}`: the operations that the
/// storage SDKs of Python, Node and Java use for block blobs (documentation: Blob Storage REST API). Any other is 501.
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emulator/hub/blobs/blob_account.h"
#include "emulator/hub/blobs/md5.h"
#include "emulator/hub/hub.h"
#include "protocol/http/body.h"
#include "protocol/http/request_parser.h"
#include "protocol/http/response.h"
#include "protocol/http/url.h"

namespace iothub::heads::rest {

struct ListRequest;

/// Who writes the answer: the session.
class BlobResponder {
 public:
  virtual ~BlobResponder() = default;
  /// `body` follows the header in place of `response.body`, where there is one.
  virtual void answer_blob(http::Response response, std::unique_ptr<http::BodySource> body) = 0;
};

/// Whether a path is the blob endpoint's.
bool is_blob_path(hub::Hub& hub, const http::Target& target);

/// Lives from its header to its answer, and longer while its content is brought to disk.
class BlobRequest final : public std::enable_shared_from_this<BlobRequest>, public http::BodySink {
 public:
  /// Checks at once all that can be refused before the body; a refused body is read and dropped. The hub has blobs and
  /// outlives the request; `connection` is for the log.
  BlobRequest(hub::Hub& hub, const http::Request& header, http::Target target, std::string connection);
  BlobRequest(const BlobRequest&) = delete;
  BlobRequest& operator=(const BlobRequest&) = delete;
  ~BlobRequest() override;

  http::BodyPlan body();
  /// By its header already.
  bool is_refused() const { return refused_.has_value(); }
  void append(std::string_view piece) override;
  /// The body is complete: answers, at once or later.
  void serve(const http::Request& request, BlobResponder& responder);
  /// The client is gone.
  void abandon() { responder_ = nullptr; }

 private:
  struct Operation;
  static std::span<const Operation> operations();

  // The operations.
  void list_containers();
  void create_container();
  void get_container();
  void delete_container();
  void list_blobs();
  void put_blob();
  void put_block();
  void put_block_list();
  void get_block_list();
  void get_blob();
  void get_properties();
  void get_metadata();
  void set_properties();
  void set_metadata();
  void delete_blob();

  hub::BlobResult<> check();
  hub::BlobResult<> check_headers();
  hub::BlobResult<> check_before_body();
  hub::BlobResult<> check_md5(const std::string& header, const std::string& counted) const;
  hub::BlobAccount& account() const { return *hub_.blobs(); }
  std::string header(std::string_view name) const;
  std::string parameter(std::string_view name) const;
  hub::NamedValues metadata() const;
  hub::BlobHeaders content_headers() const;
  hub::Blob new_blob() const;
  hub::BlobResult<hub::Blob> found();
  http::Headers blob_headers(const hub::Blob& blob) const;
  void keep_file(std::function<void()> then);
  void written(const hub::BlobResult<hub::Blob>& blob, int status);
  void respond(http::Response response, std::unique_ptr<http::BodySource> body = {});
  void respond_xml(std::string xml);
  void refuse(const hub::BlobError& error, http::Headers headers = {});
  void refuse_file(const hub::BlobError& error);
  hub::BlobResult<ListRequest> list_request() const;

  hub::Hub& hub_;
  const http::Request header_;  ///< without its body
  const http::Target target_;
  const std::string connection_;
  const std::string request_id_;
  std::string container_, blob_;
  const Operation* operation_ = nullptr;
  std::optional<hub::BlobError> refused_;
  hub::BlobConditions conditions_;
  std::unique_ptr<storage::BlobFiles::Writer> file_;
  hub::Md5 md5_;
  std::string md5_text_;  ///< of the whole body
  std::string xml_;       ///< a body that is read as a whole
  BlobResponder* responder_ = nullptr;
};

}  // namespace iothub::heads::rest
