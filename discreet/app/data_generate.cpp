#include "discreet/app/data_generate.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <set>

#include "discreet/core/progress.h"
#include "discreet/core/sha256.h"
#include "discreet/text/writer.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCorpusBlockBytes = 1 << 20;

// A file under another name until `finish`; without it, nothing stays.
class PendingFile {
 public:
  explicit PendingFile(const fs::path& path) : path_(path), pending_(path.string() + ".part") {
    if (path.has_parent_path()) fs::create_directories(path.parent_path());
    file_ = std::fopen(pending_.c_str(), "wb");
    if (file_ == nullptr) throw failure();
  }
  ~PendingFile() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::error_code ignored;
    fs::remove(pending_, ignored);
  }
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  void write(const std::string& bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) throw failure();
  }
  void finish() {
    if (std::fclose(std::exchange(file_, nullptr)) != 0) {
      std::error_code ignored;
      fs::remove(pending_, ignored);
      throw failure();
    }
    fs::rename(pending_, path_);
  }

 private:
  Error failure() const {
    return runtime_failure(fmt::format("{}: cannot be written", path_.string()),
                           "Check the free space and the rights of the folder.");
  }

  fs::path path_, pending_;
  std::FILE* file_ = nullptr;
};

}  // namespace

Json generate_data(const GenerateOptions& options, core::OperationContext& context) {
  const bool to_stdout = options.out.empty() || options.out == "-";
  if (!to_stdout && fs::exists(options.out) && !options.force) {
    throw usage_error(fmt::format("{}: exists already", options.out.string()),
                      "Give another --out, or --force to replace it.");
  }
  const bool questions = options.questions.has_value();
  const bool details = options.details.has_value(), biographies = options.biographies.has_value();
  const auto reader = questions     ? text::make_question_reader(*options.questions)
                      : details     ? text::make_detail_reader(*options.details)
                      : biographies ? text::make_biography_reader(*options.biographies)
                                    : text::make_corpus_reader(options.corpus);
  const auto file = to_stdout ? nullptr : std::make_unique<PendingFile>(options.out);
  core::Progress progress({.label = "generate",
                           .unit = "lines",
                           .total = questions     ? options.questions->lines
                                    : details     ? options.details->lines
                                    : biographies ? options.biographies->lines
                                                  : options.corpus.lines,
                           .quiet = context.quiet || to_stdout});
  std::string block;
  std::uint64_t bytes = 0;
  const auto flush = [&] {
    bytes += block.size();
    if (file != nullptr) {
      file->write(block);
    } else if (std::fwrite(block.data(), 1, block.size(), stdout) != block.size()) {
      throw runtime_failure("stdout: cannot be written", "The reader of the pipe went away?");
    }
    block.clear();
  };
  std::int64_t lines = 0;
  text::SquadWriter squad;
  for (text::Example example; reader->next(example);) {
    if (questions) {
      squad.append(example, block);
    } else {
      text::append_jsonl(example, block);
    }
    ++lines;
    if (block.size() < kCorpusBlockBytes) continue;
    flush();
    progress.update(lines);
    if (context.stopping()) throw core::interrupted(context, "Nothing was kept.");
  }
  if (questions) squad.finish(block);
  flush();
  if (file != nullptr) file->finish();
  progress.finish();
  Json document = {{"schema", "discreet.data.generate/1"},
                   {"name", questions ? "questions" : details ? "details" : biographies ? "biographies" : "assistant"},
                   {"configuration", questions     ? text::question_fields().dump(*options.questions)
                                     : details     ? text::detail_fields().dump(*options.details)
                                     : biographies ? text::biography_fields().dump(*options.biographies)
                                                   : text::corpus_fields().dump(options.corpus)},
                   {"file", to_stdout ? "-" : options.out.string()},
                   {"lines", lines},
                   {"bytes", bytes}};
  if (!to_stdout) document["sha256"] = core::sha256_file(options.out);
  return document;
}

}  // namespace discreet::app
