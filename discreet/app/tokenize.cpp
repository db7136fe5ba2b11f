#include "discreet/app/tokenize.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/json.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet::app {
namespace {

constexpr std::size_t kLongestLine = 256u << 20;
constexpr std::size_t kOutputBlock = 64u << 10;

/// Lines of a file descriptor; `before_waiting` is called whenever it may have to wait for more.
class DescriptorLines {
 public:
  DescriptorLines(int descriptor, std::function<void()> before_waiting)
      : descriptor_(descriptor), before_waiting_(std::move(before_waiting)), block_(256u << 10) {}

  bool next(std::string& line) {
    line.clear();
    bool any = false;
    for (;;) {
      if (begin_ == end_ && !refill()) break;
      any = true;
      const char* from = block_.data() + begin_;
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', end_ - begin_));
      const std::size_t length = newline != nullptr ? static_cast<std::size_t>(newline - from) : end_ - begin_;
      if (line.size() + length > kLongestLine) {
        throw bad_data(fmt::format("standard input:{}: the line is longer than {} bytes", number_ + 1, kLongestLine));
      }
      line.append(from, length);
      begin_ += length + (newline != nullptr ? 1 : 0);
      if (newline != nullptr) break;
    }
    if (!any) return false;
    ++number_;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return true;
  }
  std::string where() const { return fmt::format("standard input:{}", number_); }

 private:
  bool refill() {
    before_waiting_();
    ssize_t got;
    do got = ::read(descriptor_, block_.data(), block_.size());
    while (got < 0 && errno == EINTR);
    if (got < 0) throw runtime_failure(fmt::format("standard input: {}", std::strerror(errno)));
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
    return got > 0;
  }

  int descriptor_;
  std::function<void()> before_waiting_;
  std::vector<char> block_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t number_ = 0;
};

void append_ids(std::string& out, const std::vector<std::int32_t>& ids) {
  out += '[';
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out += ',';
    const fmt::format_int digits(ids[i]);
    out.append(digits.data(), digits.size());
  }
  out += ']';
}

[[noreturn]] void bad_line(const std::string& where, const std::string& expected, const Json& got) {
  std::string shown = got.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (shown.size() > 60) shown = shown.substr(0, 57) + "...";
  throw bad_data(fmt::format("{}: expected {}, got {}", where, expected, shown));
}

std::string text_of_line(const Json& line, const std::string& where) {
  if (!line.is_string()) bad_line(where, "a JSON string", line);
  return line.get<std::string>();
}

std::vector<std::string> texts_of_line(const Json& line, const std::string& where, const char* expected) {
  std::vector<std::string> texts;
  if (!line.is_array()) bad_line(where, expected, line);
  for (const Json& item : line) {
    if (!item.is_string()) bad_line(where, expected, line);
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::vector<std::int32_t> ids_of_line(const Json& line, const std::string& where) {
  std::vector<std::int32_t> ids;
  if (!line.is_array()) bad_line(where, "an array of ids", line);
  for (const Json& item : line) {
    const bool fits = item.is_number_integer() && item >= 0 && item <= INT32_MAX;
    if (!fits) bad_line(where, "an array of ids", line);
    ids.push_back(item.get<std::int32_t>());
  }
  return ids;
}

Json object_of(const text::SubwordEncoding& e, const TokenizeRequest& request) {
  Json object = {{"ids", e.ids}};
  if (request.tokens) object["tokens"] = e.tokens;
  if (request.offsets) {
    Json offsets = Json::array();
    for (const auto& [begin, end] : e.offsets) offsets.push_back(Json::array({begin, end}));
    object["offsets"] = std::move(offsets);
  }
  Json words = Json::array();
  for (const std::int32_t word : e.words) words.push_back(word < 0 ? Json(nullptr) : Json(word));
  object["words"] = std::move(words);
  object["type_ids"] = e.type_ids;
  object["special_tokens_mask"] = e.special;
  return object;
}

}  // namespace

void tokenize_lines(const TokenizeRequest& request, int input, std::FILE* output, const std::atomic<int>* stop) {
  const auto tokenizer = text::SubwordTokenizer::load(request.model);
  std::string out;
  const auto write = [&] {
    if (std::fwrite(out.data(), 1, out.size(), output) != out.size() || std::fflush(output) != 0) {
      throw runtime_failure(fmt::format("standard output: {}", std::strerror(errno)));
    }
    out.clear();
  };
  const bool objects = request.tokens || request.offsets;
  const text::EncodeOptions options{
      .special_tokens = request.special_tokens,
      .offsets = !request.offsets       ? text::OffsetUnit::kNone
                 : request.byte_offsets ? text::OffsetUnit::kBytes
                                        : text::OffsetUnit::kCodePoints,
      .tokens = request.tokens};
  const auto answer = [&](const std::string& text, const std::string& where) {
    const Json line = core::parse_json(text, where);
    if (request.decode) {
      out += Json(tokenizer.decode(ids_of_line(line, where), !request.special_tokens)).dump(-1, ' ', false, Json::error_handler_t::replace);
      return;
    }
    if (!request.pair && !request.words && !objects) {
      append_ids(out, tokenizer.ids(text_of_line(line, where), request.special_tokens));
      return;
    }
    text::SubwordEncoding encoding;
    if (request.pair) {
      const std::vector<std::string> texts = texts_of_line(line, where, "an array of two strings");
      if (texts.size() != 2) bad_line(where, "an array of two strings", line);
      encoding = tokenizer.encode_pair(texts[0], texts[1], options);
    } else if (request.words) {
      encoding = tokenizer.encode_words(texts_of_line(line, where, "an array of words"), options);
    } else {
      encoding = tokenizer.encode(text_of_line(line, where), options);
    }
    if (objects) {
      out += object_of(encoding, request).dump(-1, ' ', false, Json::error_handler_t::replace);
    } else {
      append_ids(out, encoding.ids);
    }
  };
  DescriptorLines lines(input, write);
  try {
    for (std::string line; lines.next(line) && !(stop != nullptr && stop->load() != 0);) {
      const std::size_t before = out.size();
      try {
        answer(line, lines.where());
      } catch (const Error& e) {
        out.resize(before);
        const std::string what = e.what();
        if (what.starts_with(lines.where())) throw;
        throw Error(e.code(), lines.where() + ": " + what, e.hint());
      }
      out += '\n';
      if (out.size() > kOutputBlock) write();
    }
  } catch (...) {
    write();
    throw;
  }
  write();
}

}  // namespace discreet::app
