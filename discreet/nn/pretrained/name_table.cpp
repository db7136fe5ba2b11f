#include "discreet/nn/pretrained/name_table.h"

#include <algorithm>

namespace discreet::nn {
namespace {

constexpr std::string_view kBlockStart = "encoder.block";

std::string with_number(std::string name, const std::string& number) {
  const std::size_t at = name.find("{}");
  return at == std::string::npos ? name : name.replace(at, 2, number);
}

/// "encoder.block12.qkv.weight" as {"encoder.block{}.qkv.weight", 12}; -1: of no block.
std::pair<std::string, std::int64_t> split_number(const std::string& name) {
  if (!name.starts_with(kBlockStart)) return {name, -1};
  const std::size_t end = name.find('.', kBlockStart.size());
  if (end == std::string::npos) return {name, -1};
  const std::string digits = name.substr(kBlockStart.size(), end - kBlockStart.size());
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return {name, -1};
  return {std::string(kBlockStart) + "{}" + name.substr(end), std::stoll(digits)};
}

}  // namespace

NameTable::NameTable(const PretrainedSource& source, const HeadForm& preferred) : source_(source) {
  add(source.architecture.rows, true);
  add(preferred.rows, false);
  for (const HeadForm& head : source.architecture.heads) add(head.rows, false);
}

void NameTable::add(const std::vector<WeightRow>& rows, bool base) {
  for (const WeightRow& row : rows) {
    rows_.try_emplace(row.ours, &row, !base);
    if (base) continue;
    head_names_.insert(row.theirs.begin(), row.theirs.end());
    if (!row.also.empty()) head_names_.insert(row.also);
  }
}

NamesInFile NameTable::find(const std::string& ours) const {
  const auto [name, block] = split_number(ours);
  const auto at = rows_.find(name);
  if (at == rows_.end()) return {};
  NamesInFile found{at->second.first, at->second.second, {}};
  const auto namer = source_.architecture.block_name;
  const std::string number =
      block < 0 ? "" : namer ? namer(source_.config, block) : std::to_string(block);
  for (const std::string& theirs : found.row->theirs) found.theirs.push_back(with_number(theirs, number));
  return found;
}

FileNames::FileNames(const PretrainedSource& source, const HeadForm& head)
    : source_(source), bare_(head.head == PretrainedHead::kNone), table_(source, head) {
  const auto& blocks = source.form.blocks;
  const std::int64_t count = blocks.empty() ? 0 : *std::max_element(blocks.begin(), blocks.end()) + 1;
  const auto add = [&](const std::string& ours) {
    const NamesInFile found = table_.find(ours);
    for (std::size_t i = 0; i < found.theirs.size(); ++i) {
      places_.try_emplace(found.theirs[i], Place{ours, i, found.theirs.size()});
    }
  };
  const auto add_rows = [&](const std::vector<WeightRow>& rows) {
    for (const WeightRow& row : rows) {
      if (row.ours.find("{}") == std::string::npos) add(row.ours);
      for (std::int64_t b = 0; b < count && row.ours.find("{}") != std::string::npos; ++b) {
        add(with_number(row.ours, std::to_string(b)));
      }
    }
  };
  add_rows(source.architecture.rows);
  add_rows(head.rows);
  for (const HeadForm& other : source.architecture.heads) add_rows(other.rows);
}

std::vector<std::string> FileNames::of(const std::string& ours) const {
  NamesInFile found = table_.find(ours);
  if (found.row != nullptr && found.row->base && !bare_) {
    for (std::string& theirs : found.theirs) theirs = source_.architecture.prefix + theirs;
  }
  return found.theirs;
}

std::optional<FileNames::Place> FileNames::find(const std::string& theirs) const {
  const std::string& prefix = source_.architecture.prefix;
  const bool prefixed = !prefix.empty() && theirs.starts_with(prefix);
  const auto found = places_.find(prefixed ? theirs.substr(prefix.size()) : theirs);
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

const HeadForm& preferred_head(const PretrainedSource& source) {
  const auto& classes = source.config.architectures;
  for (const HeadForm& head : source.architecture.heads) {
    if (!classes.empty() && head.class_name == classes.front()) return head;
  }
  return source.architecture.heads.front();
}

std::vector<std::int64_t> part_sizes(const PretrainedForm& form, std::size_t parts, std::int64_t rows) {
  if (parts == 3) {
    const std::int64_t keys = form.kv_heads * form.head_width;
    return {form.heads * form.head_width, keys, keys};
  }
  const auto count = static_cast<std::int64_t>(parts);
  return std::vector<std::int64_t>(parts, rows / count);
}

}  // namespace discreet::nn
