// Students that learn from a teacher's outputs, wherever they are computed.
#include "discreet/mitigate/distillation/distilled_model.h"

#include <gtest/gtest.h>

#include "discreet/app/loader.h"
#include "discreet/nn/ordinary_step.h"
#include "tests/core/temporary_folder.h"
#include "tests/dp/small_model.h"
#include "tests/nn/places.h"
#include "tests/nn/support.h"

namespace discreet::mitigate {
namespace {

/// Outputs of a teacher that was never there, the `kept` largest of each row, read back from a file.
std::shared_ptr<const TeacherCache> drawn_outputs(const std::filesystem::path& path, std::int64_t rows, std::int64_t vocabulary,
                                                  std::int64_t kept, std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "teacher");
  TeacherCacheWriter writer(path, {.vocabulary = vocabulary, .kept = kept, .hidden = 8}, "drawn");
  writer.add(nn::test::random_tensor({rows, vocabulary}, rng, at::kFloat) * 2, nn::test::random_tensor({rows, 8}, rng, at::kFloat));
  writer.finish();
  return std::make_shared<TeacherCache>(path, "drawn");
}

at::Tensor weights_on_host(const nn::Model& model) {
  std::vector<at::Tensor> parts;
  for (const auto& parameter : model.parameters()) parts.push_back(parameter.detach().cpu().flatten());
  return at::cat(parts).clone();
}

TEST(DistilledModel, StepsAreTheSameInEveryPlace) {
  app::load_tensor_library();  // registers models and combinations
  const core::TemporaryFolder folder;
  nn::EncodedExamples data = dp::testing::random_examples({3, 1, 7, 5, 2, 9, 4}, 3);
  for (std::int64_t& tag : data.tags) tag = (tag * 7) % dp::testing::kWords;
  data.intents.clear();
  const auto rows = static_cast<std::int64_t>(data.tokens.size());
  for (const char* combination : {"none", "max"}) {
    SCOPED_TRACE(combination);
    at::Tensor expected;  // the first place's
    nn::test::for_places([&](const nn::test::Place& place) {
      SCOPED_TRACE(place.name);
      nn::ModelSpec spec;
      spec.kind = "gpt";
      spec.hidden = {8};
      spec.heads = 2;
      spec.layers = 2;
      core::ReproducibleRng rng(4, "model");
      const auto student = nn::make_model(spec, {.vocabulary = dp::testing::kWords, .next_token = true}, {}, rng);
      student->move_to(place.device);
      TeacherTargets targets{.original = drawn_outputs(folder / "a", rows, dp::testing::kWords, 4, 1),
                             .reversed = drawn_outputs(folder / "b", rows, dp::testing::kWords, 4, 2),
                             .offsets = data.offsets,
                             .combination = combination};
      for (std::int64_t n = 0; n < rows; ++n) targets.aligned.push_back(n % 3 == 0 ? -1 : rows - 1 - n);
      DistilledModel model(student, std::move(targets), {.hidden_cosine = 0.5, .hidden_squared = 0.5});
      EXPECT_EQ(model.device(), student->device());
      const at::Tensor before = weights_on_host(*student);
      nn::OrdinaryStep step(
          model, [&data](auto indices, auto segments) { return nn::collate(data, indices, segments); },
          nn::OrdinaryStepOptions{.examples = data.size(), .batch_size = 3, .seed = 1, .optimizer = {.kind = nn::OptimizerKind::kMomentum}});
      for (std::int64_t number = 0; number < 3; ++number) step.run(step.sample(number), 0.1);
      const at::Tensor change = weights_on_host(*student) - before;
      if (!expected.defined()) expected = change;
      EXPECT_GT(expected.abs().max().item<double>(), 1e-3);
      EXPECT_LE((change - expected).abs().max().item<double>(), 2e-5);
    });
  }
}

}  // namespace
}  // namespace discreet::mitigate
