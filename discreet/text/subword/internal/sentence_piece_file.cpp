#include "discreet/text/subword/internal/sentence_piece_file.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "discreet/core/error.h"
#include "discreet/text/unicode.h"

namespace discreet::text::subword {
namespace {

/// Protocol buffers' wire format, one message; views into the bytes, nothing is copied.
class WireMessage {
 public:
  WireMessage(std::string_view bytes, std::size_t place, const std::string& origin)
      : bytes_(bytes), place_(place), origin_(origin) {}

  /// The next field, or false at the end.
  bool next() {
    if (at_ == bytes_.size()) return false;
    const std::uint64_t key = varint();
    field = key >> 3;
    type = static_cast<int>(key & 7);
    switch (type) {
      case 0:
        number = varint();
        return true;
      case 1:
        payload = take(8);
        return true;
      case 2:
        payload_place = 0;
        payload = take(varint());
        payload_place = place_ + at_ - payload.size();
        return true;
      case 5:
        payload = take(4);
        return true;
      default:
        fail(fmt::format("a field of wire type {}", type));
    }
  }

  bool flag() const { return expect(0), number != 0; }
  std::uint64_t whole() const { return expect(0), number; }
  float real() const {
    expect(5);
    std::uint32_t bits;
    std::memcpy(&bits, payload.data(), 4);
    return std::bit_cast<float>(bits);
  }
  std::string text(const char* what) const {
    expect(2);
    if (find_invalid_utf8(payload) != std::string_view::npos) fail(fmt::format("{} is not UTF-8", what));
    return std::string(payload);
  }
  std::string_view bytes() const { return expect(2), payload; }
  WireMessage message() const { return expect(2), WireMessage(payload, payload_place, origin_); }

  [[noreturn]] void fail(const std::string& what) const {
    throw bad_data(fmt::format("{}: byte {}: {}", origin_, place_ + at_, what),
                   "The file is damaged or not a SentencePiece model.");
  }

  std::uint64_t field = 0;

 private:
  void expect(int wanted) const {
    if (type != wanted) fail(fmt::format("field {} has wire type {}, expected {}", field, type, wanted));
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) fail("cut off");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail("a number of more than 64 bits");
  }
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) fail(fmt::format("a field of {} bytes, {} are left", size, bytes_.size() - at_));
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }

  std::string_view bytes_, payload;
  std::size_t place_, at_ = 0, payload_place = 0;
  const std::string& origin_;
  int type = 0;
  std::uint64_t number = 0;
};

SentencePieceFile::Piece read_piece(WireMessage m) {
  SentencePieceFile::Piece piece;
  while (m.next()) {
    if (m.field == 1) piece.text = m.text("a piece");
    if (m.field == 2) piece.score = m.real();
    if (m.field == 3) {
      if (m.whole() < 1 || m.whole() > 6) m.fail(fmt::format("a piece of type {}", m.whole()));
      piece.kind = static_cast<PieceKind>(m.whole());
    }
  }
  if (piece.text.empty()) m.fail("an empty piece");
  if (!std::isfinite(piece.score)) m.fail("a score that is not finite");
  return piece;
}

void read_trainer(WireMessage m, SentencePieceFile& file) {
  while (m.next()) {
    if (m.field == 3) {
      if (m.whole() < 1 || m.whole() > 4) m.fail(fmt::format("model type {}", m.whole()));
      file.model_type = static_cast<int>(m.whole());
    }
    if (m.field == 24) file.whitespace_as_suffix = m.flag();
    if (m.field == 35) file.byte_fallback = m.flag();
    if (m.field == 44) file.unknown_surface = m.text("the unknown piece's surface");
  }
}

void read_normalizer(WireMessage m, SentencePieceFile& file) {
  while (m.next()) {
    if (m.field == 2) file.character_map = std::string(m.bytes());
    if (m.field == 3) file.add_dummy_prefix = m.flag();
    if (m.field == 4) file.remove_extra_whitespace = m.flag();
    if (m.field == 5) file.escape_whitespace = m.flag();
  }
}

}  // namespace

SentencePieceFile read_sentence_piece(std::string_view bytes, const std::string& origin) {
  SentencePieceFile file;
  WireMessage m(bytes, 0, origin);
  while (m.next()) {
    if (m.field == 1) file.pieces.push_back(read_piece(m.message()));
    if (m.field == 2) read_trainer(m.message(), file);
    if (m.field == 3) read_normalizer(m.message(), file);
  }
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    if (file.pieces[i].kind != PieceKind::kUnknown) continue;
    if (file.unknown_id >= 0) throw bad_data(fmt::format("{}: pieces {} and {} are both unknown", origin, file.unknown_id, i));
    file.unknown_id = static_cast<std::int32_t>(i);
  }
  if (file.unknown_id < 0) {
    throw bad_data(fmt::format("{}: none of {} pieces is the unknown one", origin, file.pieces.size()),
                   "The file is damaged or not a SentencePiece model.");
  }
  if (file.model_type > 2) {
    throw bad_data(fmt::format("{}: model type {} is not supported: expected Unigram or BPE", origin,
                               file.model_type == 3 ? "words" : "characters"));
  }
  return file;
}

SentencePieceFile read_llama2c_tokenizer(std::string_view bytes, const std::string& origin) {
  constexpr std::size_t kFirstByte = 3, kFirstNormal = 259;
  SentencePieceFile file;
  file.model_type = 2;
  file.byte_fallback = true;
  file.remove_extra_whitespace = false;
  file.unknown_id = 0;
  std::size_t at = 0;
  const auto take = [&](std::size_t size) {
    if (size > bytes.size() - at) {
      throw bad_data(fmt::format("{}: byte {}: {} bytes are expected, {} are left", origin, at, size, bytes.size() - at),
                     "The file is damaged or not a tokenizer.bin of llama2.c.");
    }
    at += size;
    return bytes.substr(at - size, size);
  };
  take(4);  // the longest piece
  while (at < bytes.size()) {
    const std::size_t id = file.pieces.size();
    SentencePieceFile::Piece piece;
    std::uint32_t size;
    std::memcpy(&piece.score, take(4).data(), 4);
    std::memcpy(&size, take(4).data(), 4);
    const std::string_view text = take(size);
    if (find_invalid_utf8(text) != std::string_view::npos || !std::isfinite(piece.score)) {
      throw bad_data(fmt::format("{}: piece {} is damaged", origin, id), "The file is damaged or not a tokenizer.bin of llama2.c.");
    }
    for (const char c : text) piece.text += c == ' ' ? std::string("\xE2\x96\x81") : std::string(1, c);
    if (id == 0) {
      piece.kind = PieceKind::kUnknown;
    } else if (id < kFirstByte) {
      piece.kind = PieceKind::kControl;
      piece.text = id == 1 ? "<s>" : "</s>";
    } else if (id < kFirstNormal) {
      piece.kind = PieceKind::kByte;
    }
    file.pieces.push_back(std::move(piece));
  }
  if (file.pieces.size() < kFirstNormal) {
    throw bad_data(fmt::format("{}: {} pieces, at least {} are expected", origin, file.pieces.size(), kFirstNormal),
                   "The file is damaged or not a tokenizer.bin of llama2.c.");
  }
  return file;
}

}  // namespace discreet::text::subword
