#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/nn/tape.h"

// Made-up uses of every layer kind, and their segments' gradients by definition, in double: what the
// rules are held against. No code of the rules is used here.
namespace discreet::dp::testing {

struct UseSpec {
  std::vector<std::int64_t> lengths;  ///< rows of each segment
  at::ScalarType type = at::kDouble;
  std::vector<bool> frozen = {};      ///< per parameter; missing: trainable
};

struct SyntheticKind {
  std::size_t params;
  std::function<std::vector<at::Tensor>(const UseSpec&)> make_params;
  std::function<nn::Use(const UseSpec&, const std::vector<at::Tensor>&, core::ReproducibleRng&)> make;
  /// Gradient of segment rows [first, last) with respect to each parameter, double.
  std::function<std::vector<at::Tensor>(const nn::Use&, std::int64_t, std::int64_t)> gradient;
};

inline at::Tensor random_tensor(std::vector<std::int64_t> sizes, at::ScalarType type,
                                core::ReproducibleRng& rng) {
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = rng.normal();
  return tensor.to(type);
}

inline at::Tensor random_ids(std::int64_t count, std::int64_t bound, core::ReproducibleRng& rng) {
  at::Tensor ids = at::empty({count}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    ids.data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(bound)));
  }
  return ids;
}

inline std::shared_ptr<nn::Segments> segments_of(const std::vector<std::int64_t>& lengths) {
  auto segments = std::make_shared<nn::Segments>();
  for (const std::int64_t length : lengths) segments->offsets.push_back(segments->offsets.back() + length);
  return segments;
}

inline at::Tensor rows64(const at::Tensor& tensor, std::int64_t first, std::int64_t last) {
  return tensor.slice(0, first, last).to(at::kDouble);
}

inline std::vector<at::Tensor> make_parameters(const UseSpec& spec,
                                               std::vector<std::vector<std::int64_t>> sizes) {
  std::vector<at::Tensor> params;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const bool frozen = i < spec.frozen.size() && spec.frozen[i];
    params.push_back(frozen ? at::Tensor() : at::zeros(sizes[i], spec.type).requires_grad_());
  }
  return params;
}

inline nn::Use make_use(std::string_view kind, const UseSpec& spec,
                        const std::vector<at::Tensor>& params, std::vector<at::Tensor> inputs,
                        std::vector<at::Tensor> gradients) {
  return {kind, params, std::move(inputs), std::move(gradients), segments_of(spec.lengths)};
}

/// Sizes are odd and unequal so that a mix-up of axes cannot pass.
inline std::map<std::string, SyntheticKind> synthetic_kinds() {
  constexpr std::int64_t d = 19, p = 21, vocabulary = 7, width = 5, tags = 3, hidden = 6;
  std::map<std::string, SyntheticKind> kinds;
  const auto rows = [](const UseSpec& spec) { return segments_of(spec.lengths)->rows(); };

  kinds["linear"] = {2, [](const UseSpec& spec) { return make_parameters(spec, {{p, d}, {p}}); },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        return make_use("linear", spec, params, {random_tensor({rows(spec), d}, spec.type, rng)},
                        {random_tensor({rows(spec), p}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        const at::Tensor dy = rows64(use.gradients[0], first, last);
        return std::vector<at::Tensor>{dy.t().mm(rows64(use.inputs[0], first, last)), dy.sum(0)};
      }};

  kinds["embedding"] = {1, [](const UseSpec& spec) { return make_parameters(spec, {{vocabulary, width}}); },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        return make_use("embedding", spec, params, {random_ids(rows(spec), vocabulary, rng)},
                        {random_tensor({rows(spec), width}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        return std::vector<at::Tensor>{at::zeros({vocabulary, width}, at::kDouble)
            .index_add(0, use.inputs[0].slice(0, first, last), rows64(use.gradients[0], first, last))};
      }};

  // A look-up or an output layer, as the generator says.
  kinds["tied_embedding"] = {2,
      [](const UseSpec& spec) { return make_parameters(spec, {{vocabulary, width}, {vocabulary}}); },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        const bool lookup = rng.below(2) == 0 && params[0].defined();
        at::Tensor input = lookup ? random_ids(rows(spec), vocabulary, rng)
                                  : random_tensor({rows(spec), width}, spec.type, rng);
        return make_use("tied_embedding", spec, params, {input},
                        {random_tensor({rows(spec), lookup ? width : vocabulary}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        const at::Tensor input = use.inputs[0].slice(0, first, last);
        const at::Tensor dy = rows64(use.gradients[0], first, last);
        if (!input.is_floating_point()) {
          return std::vector<at::Tensor>{
              at::zeros({vocabulary, width}, at::kDouble).index_add(0, input, dy),
              at::zeros({vocabulary}, at::kDouble)};
        }
        return std::vector<at::Tensor>{dy.t().mm(input.to(at::kDouble)), dy.sum(0)};
      }};

  kinds["generic"] = {1, [](const UseSpec& spec) { return make_parameters(spec, {{tags, width}}); },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        return make_use("generic", spec, params, {},
                        {random_tensor({rows(spec), tags, width}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        return std::vector<at::Tensor>{rows64(use.gradients[0], first, last).sum(0)};
      }};

  kinds["rms_norm"] = {1, [](const UseSpec& spec) { return make_parameters(spec, {{d}}); },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        return make_use("rms_norm", spec, params, {random_tensor({rows(spec), d}, spec.type, rng)},
                        {random_tensor({rows(spec), d}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        return std::vector<at::Tensor>{(rows64(use.gradients[0], first, last) *
                                        rows64(use.inputs[0], first, last)).sum(0)};
      }};

  // Example b has b % 4 tokens, so that empty examples occur.
  kinds["embedding_bag"] = {1, [](const UseSpec& spec) { return make_parameters(spec, {{vocabulary, width}}); },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        std::vector<std::int64_t> offsets{0};
        for (std::int64_t b = 0; b < rows(spec); ++b) offsets.push_back(offsets.back() + (b + 2) % 4);
        return make_use("embedding_bag", spec, params,
                        {random_ids(offsets.back(), vocabulary, rng), at::tensor(offsets, at::kLong)},
                        {random_tensor({rows(spec), width}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        at::Tensor table = at::zeros({vocabulary, width}, at::kDouble);
        const std::int64_t* bags = use.inputs[1].const_data_ptr<std::int64_t>();
        for (std::int64_t b = first; b < last; ++b) {
          for (std::int64_t t = bags[b]; t < bags[b + 1]; ++t) {
            table[use.inputs[0][t].item<std::int64_t>()] +=
                use.gradients[0][b].to(at::kDouble) / static_cast<double>(bags[b + 1] - bags[b]);
          }
        }
        return std::vector<at::Tensor>{table};
      }};

  for (const std::string name : {"layer_norm", "group_norm"}) {
    kinds[name] = {2, [](const UseSpec& spec) { return make_parameters(spec, {{d}, {d}}); },
        [rows, name](const UseSpec& spec, const auto& params, auto& rng) {
          return make_use(name == "group_norm" ? "group_norm" : "layer_norm", spec, params,
                          {random_tensor({rows(spec), d}, spec.type, rng)},
                          {random_tensor({rows(spec), d}, spec.type, rng)});
        },
        [](const nn::Use& use, std::int64_t first, std::int64_t last) {
          const at::Tensor dy = rows64(use.gradients[0], first, last);
          return std::vector<at::Tensor>{(dy * rows64(use.inputs[0], first, last)).sum(0), dy.sum(0)};
        }};
  }

  // Three groups of seven output channels, each with windows of its own.
  kinds["conv1d"] = {2, [](const UseSpec& spec) { return make_parameters(spec, {{p, d}, {p}}); },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        std::vector<at::Tensor> windows;
        for (int g = 0; g < 3; ++g) windows.push_back(random_tensor({rows(spec), d}, spec.type, rng));
        return make_use("conv1d", spec, params, windows,
                        {random_tensor({rows(spec), p}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        const at::Tensor dy = rows64(use.gradients[0], first, last);
        std::vector<at::Tensor> weight;
        for (int g = 0; g < 3; ++g) {
          weight.push_back(dy.narrow(1, 7 * g, 7).t().mm(rows64(use.inputs[g], first, last)));
        }
        return std::vector<at::Tensor>{at::cat(weight), dy.sum(0)};
      }};

  kinds["lstm"] = {3,
      [](const UseSpec& spec) {
        return make_parameters(spec, {{4 * hidden, d}, {4 * hidden, hidden}, {4 * hidden}});
      },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        return make_use("lstm", spec, params,
                        {random_tensor({rows(spec), d}, spec.type, rng),
                         random_tensor({rows(spec), hidden}, spec.type, rng)},
                        {random_tensor({rows(spec), 4 * hidden}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        const at::Tensor dg = rows64(use.gradients[0], first, last);
        return std::vector<at::Tensor>{dg.t().mm(rows64(use.inputs[0], first, last)),
                                       dg.t().mm(rows64(use.inputs[1], first, last)), dg.sum(0)};
      }};

  kinds["gru"] = {4,
      [](const UseSpec& spec) {
        return make_parameters(spec, {{3 * hidden, d}, {3 * hidden, hidden}, {3 * hidden}, {3 * hidden}});
      },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        return make_use("gru", spec, params,
                        {random_tensor({rows(spec), d}, spec.type, rng),
                         random_tensor({rows(spec), hidden}, spec.type, rng)},
                        {random_tensor({rows(spec), 3 * hidden}, spec.type, rng),
                         random_tensor({rows(spec), 3 * hidden}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        const at::Tensor di = rows64(use.gradients[0], first, last);
        const at::Tensor dh = rows64(use.gradients[1], first, last);
        return std::vector<at::Tensor>{di.t().mm(rows64(use.inputs[0], first, last)),
                                       dh.t().mm(rows64(use.inputs[1], first, last)), di.sum(0),
                                       dh.sum(0)};
      }};

  kinds["crf"] = {3,
      [](const UseSpec& spec) { return make_parameters(spec, {{tags, tags}, {tags}, {tags}}); },
      [rows](const UseSpec& spec, const auto& params, auto& rng) {
        return make_use("crf", spec, params, {},
                        {random_tensor({rows(spec), tags, tags}, spec.type, rng),
                         random_tensor({rows(spec), tags}, spec.type, rng),
                         random_tensor({rows(spec), tags}, spec.type, rng)});
      },
      [](const nn::Use& use, std::int64_t first, std::int64_t last) {
        std::vector<at::Tensor> gradients;
        for (const at::Tensor& g : use.gradients) gradients.push_back(rows64(g, first, last).sum(0));
        return gradients;
      }};
  return kinds;
}

}  // namespace discreet::dp::testing
