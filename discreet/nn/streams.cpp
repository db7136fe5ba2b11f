#include "discreet/nn/streams.h"

#include "discreet/core/error.h"

namespace discreet::nn {
namespace {

/// The stream whose example e has the rows first[e] .. last[e] - 1 of the batch.
PackedBatch stream_of(const PackedBatch& batch, const std::vector<std::int64_t>& first,
                      const std::vector<std::int64_t>& last, bool with_tags) {
  PackedBatch stream;
  std::vector<at::Tensor> tokens, tags;
  for (std::size_t e = 0; e < first.size(); ++e) {
    const std::int64_t length = last[e] - first[e];
    stream.offsets.push_back(stream.offsets.back() + length);
    if (length == 0) continue;
    tokens.push_back(batch.tokens.narrow(0, first[e], length));
    if (with_tags) tags.push_back(batch.tags.narrow(0, first[e], length));
  }
  const auto joined = [&](const std::vector<at::Tensor>& parts) {
    return parts.empty() ? batch.tokens.narrow(0, 0, 0) : at::cat(parts);
  };
  stream.tokens = joined(tokens);
  if (with_tags) stream.tags = joined(tags);
  stream.offsets_tensor = at::tensor(stream.offsets, at::kLong).to(batch.tokens.device());
  stream.time = time_order(stream.offsets);
  stream.indices = batch.indices;
  stream.example_segments = batch.example_segments;
  auto segments = std::make_shared<Segments>();
  segments->offsets.clear();
  for (const std::int64_t offset : batch.example_segments->offsets) {
    segments->offsets.push_back(stream.offsets[static_cast<std::size_t>(offset)]);
  }
  stream.token_segments = std::move(segments);
  return stream;
}

}  // namespace

Streams split_streams(const PackedBatch& batch) {
  if (!batch.tags.defined()) throw internal_error("a batch for sequence to sequence has no tags");
  const at::Tensor tags = batch.tags.cpu();
  const auto* tag = tags.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> begin, middle, end;
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    std::int64_t at = batch.offsets[e];
    begin.push_back(at);
    while (at < batch.offsets[e + 1] && tag[at] == kSourceTag) ++at;
    middle.push_back(at);
    for (; at < batch.offsets[e + 1]; ++at) {
      if (tag[at] == kSourceTag) throw internal_error("a source token stands behind the target's");
    }
    end.push_back(at);
  }
  return {stream_of(batch, begin, middle, false), stream_of(batch, middle, end, true)};
}

void append_pair(EncodedExamples& data, std::span<const std::int64_t> source,
                 std::span<const std::int64_t> decoder_input, std::span<const std::int64_t> next) {
  if (decoder_input.size() != next.size()) {
    throw internal_error("a decoder that reads " + std::to_string(decoder_input.size()) +
                         " tokens has that many to tell, not " + std::to_string(next.size()));
  }
  data.tokens.insert(data.tokens.end(), source.begin(), source.end());
  data.tags.insert(data.tags.end(), source.size(), kSourceTag);
  data.tokens.insert(data.tokens.end(), decoder_input.begin(), decoder_input.end());
  data.tags.insert(data.tags.end(), next.begin(), next.end());
  data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
}

}  // namespace discreet::nn
