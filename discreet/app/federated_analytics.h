#pragma once

#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"
#include "discreet/federated/analytics/heavy_hitters.h"
#include "discreet/federated/analytics/quantile.h"
#include "discreet/text/reader.h"

namespace discreet::app {

/// What `federated analytics` asks of devices, each user being one.
struct AnalyticsQuestion {
  std::string what = "quantiles";  ///< quantiles, heavy-hitters
  std::string of = "examples";     ///< quantiles: examples of a device, or words of an example.
  std::string method = "tree";     ///< quantiles: tree, search
  std::string input;               ///< A file, a known data set or the built-in corpus.
  std::string format;
  text::ReaderOptions reader;
  std::vector<double> quantiles = {0.1, 0.5, 0.9};
  federated::QuantileOptions quantile{.low = 0, .high = 1000, .depth = 10, .most_values = 1, .noise_multiplier = 0};
  federated::HeavyHitterOptions hitters;
  bool compare = false;  ///< Also the plain answer on pooled data: for simulations, not private.
  Json privacy = Json::object();  ///< See internal/release_privacy.h.
};

/// Simulates the devices and gives the document discreet.federated.analytics/1.
/// Throws: kBadData without users; kUsage; kPrivacyRefused.
Json analyse_devices(const AnalyticsQuestion& question, core::OperationContext& context);

}  // namespace discreet::app
