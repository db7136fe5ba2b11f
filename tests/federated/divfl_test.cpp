#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

TEST(LastSeenGradients, HalfOfTheCohortIsNewWhileAnyoneIs) {
  const std::vector<double> activity = {5, 5, 5, 0, 5, 5};
  const float unknown = std::nanf("");
  std::vector<float> gradients(12, unknown);
  const SelectionOptions options{.cohort = 2, .signals = "last-seen"};
  const auto choose = [&] {
    return select_clients("divfl", {.activity = activity, .gradients = gradients, .gradient_size = 2,
                                    .round = 3},
                          options, 1);
  };
  EXPECT_EQ(choose().clients.size(), 2u);  // nobody was seen: all at random
  EXPECT_EQ(choose().cost.models_down, 0);
  EXPECT_EQ(choose().cost.numbers_up, 2 * 2);  // both tell their gradient, for later rounds
  EXPECT_EQ(choose().cost.gradients, 5 + 5);
  for (std::size_t k = 0; k < 3; ++k) gradients[2 * k] = gradients[2 * k + 1] = static_cast<float>(k == 2 ? 10 : 0);
  const auto clients = choose().clients;
  ASSERT_EQ(clients.size(), 2u);
  EXPECT_LT(clients[0], 3);  // one that was seen
  EXPECT_GT(clients[1], 3);  // one that was not, and holds something
}

TEST(LastSeenGradients, NormsAreToldByTheCohortInEveryDesign) {
  const std::vector<double> activity = {5, 5, 5, 0, 5, 5}, norms(6, 2.0);
  for (const char* design : {"successive", "with-replacement", "poisson", "poisson-waterfill"}) {
    SCOPED_TRACE(design);
    SelectionOptions options{.cohort = 2, .design = design};
    const auto choose = [&] {
      return select_clients("update-norm", {.activity = activity, .update_norm = norms, .round = 3}, options, 1);
    };
    EXPECT_EQ(choose().cost.numbers_up, 6);
    EXPECT_EQ(choose().cost.gradients, 25);
    options.signals = "last-seen";
    const Selection selection = choose();
    EXPECT_EQ(selection.cost.models_down, 0);
    const std::set<std::int64_t> told(selection.clients.begin(), selection.clients.end());
    EXPECT_EQ(selection.cost.numbers_up, static_cast<double>(told.size()));
    EXPECT_EQ(selection.cost.gradients, 5.0 * static_cast<double>(told.size()));
  }
}

}  // namespace
}  // namespace discreet::federated
