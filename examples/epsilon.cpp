// What a thousand steps of private training cost: noise multiplier 1, one example in a hundred drawn.
#include <cstdio>

#include "discreet/privacy/accountant.h"

int main() {
  using namespace discreet::privacy;
  const Event step = Event::poisson_sampled(SamplingRate(0.01), Event::gaussian(NoiseMultiplier(1)));
  const Event run = Event::self_composed(step, 1000);
  for (const auto& name : accountant_names(/*guarantees_only=*/true)) {
    const auto accountant = make_accountant(name);
    if (!accountant->supports(run)) continue;
    std::printf("%s: epsilon %.4f\n", name.c_str(), accountant->epsilon(run, Delta(1e-5)).guarantee());
  }
}
