#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/tape.h"
#include "tests/nn/places.h"

namespace discreet::nn::test {

/// Random tensors from the project's own generator, so that a failure can be repeated.
inline at::Tensor random_tensor(at::IntArrayRef sizes, core::ReproducibleRng& rng,
                                at::ScalarType type = at::kDouble) {
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = rng.normal();
  return tensor.to(type);
}

inline constexpr std::int64_t kCharacters = 9;

/// Examples of the given lengths with ids below `vocabulary`, tags below `tags`, intents below 3;
/// words of 0 to 4 characters.
inline EncodedExamples random_examples(const std::vector<std::int64_t>& lengths,
                                       std::int64_t vocabulary, std::int64_t tags,
                                       core::ReproducibleRng& rng) {
  EncodedExamples data;
  data.character_offsets.push_back(0);
  for (const std::int64_t length : lengths) {
    for (std::int64_t i = 0; i < length; ++i) {
      data.tokens.push_back(static_cast<std::int64_t>(rng.below(vocabulary)));
      data.tags.push_back(static_cast<std::int64_t>(rng.below(tags)));
      for (std::uint64_t left = rng.below(5); left > 0; --left) {
        data.characters.push_back(static_cast<std::int64_t>(rng.below(kCharacters)));
      }
      data.character_offsets.push_back(static_cast<std::int64_t>(data.characters.size()));
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    data.intents.push_back(static_cast<std::int64_t>(rng.below(3)));
  }
  return data;
}

inline PackedBatch collate_all(const EncodedExamples& data) {
  std::vector<std::int64_t> indices(data.size());
  for (std::int64_t i = 0; i < data.size(); ++i) indices[i] = i;
  return collate(data, indices);
}

/// Greatest difference, relative to the reference's greatest value where that is above 1.
inline double difference(const at::Tensor& got, const at::Tensor& expected) {
  if (got.sizes() != expected.sizes()) return INFINITY;
  if (got.numel() == 0) return 0;
  const at::Tensor a = got.detach().to(at::kDouble), b = expected.detach().to(at::kDouble);
  return (a - b).abs().max().item<double>() / std::max(1.0, b.abs().max().item<double>());
}

using Function = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

struct Evaluated {
  at::Tensor value;
  std::vector<at::Tensor> gradients;
};

/// Value and gradients of sum(weights * f(inputs)) at copies of the inputs; weights are a fixed
/// wave.
inline Evaluated evaluate(const Function& f, const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) {
    leaves.push_back(input.detach().clone().set_requires_grad(input.is_floating_point()));
  }
  const at::Tensor value = f(leaves);
  const at::Tensor wave = at::arange(value.numel(), at::kDouble)
                              .mul(0.7)
                              .sin()
                              .to(value.scalar_type())
                              .view(value.sizes());
  (value * wave).sum().backward();
  Evaluated out{value.detach(), {}};
  for (const at::Tensor& leaf : leaves) out.gradients.push_back(leaf.grad());
  return out;
}

/// Checks value and every gradient of `f` against `reference` in float64 (1e-10), and of `f` in
/// float32 against the same (1e-5), with the CPU's kernels and without.
inline void expect_same(const Function& f, const Function& reference,
                        const std::vector<at::Tensor>& inputs) {
  const Evaluated expected = evaluate(reference, inputs);
  for (const auto& [type, operations] : {std::pair{at::kDouble, false}, {at::kFloat, false},
                                         {at::kDouble, true}, {at::kFloat, true}}) {
    SCOPED_TRACE(operations ? "library operations" : "kernels");
    std::optional<LibraryOperationsScope> scope;
    if (operations) scope.emplace();
    std::vector<at::Tensor> cast;
    for (const at::Tensor& input : inputs) {
      cast.push_back(input.is_floating_point() ? input.to(type) : input);
    }
    const double tolerance = type == at::kDouble ? 1e-10 : 1e-5;
    const Evaluated got = evaluate(f, cast);
    EXPECT_LT(difference(got.value, expected.value), tolerance) << "value";
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!expected.gradients[i].defined()) continue;
      ASSERT_TRUE(got.gradients[i].defined()) << "gradient " << i;
      EXPECT_LT(difference(got.gradients[i], expected.gradients[i]), tolerance) << "gradient " << i;
    }
  }
}

/// Keeps what layers hand over.
class KeepingRecorder final : public Recorder {
 public:
  void expect(std::string_view kind, const std::vector<at::Tensor>&) override {
    expected.emplace_back(kind);
  }
  void record(Use use) override { uses.push_back(std::move(use)); }

  std::vector<std::string> expected;
  std::vector<Use> uses;
};

}  // namespace discreet::nn::test
