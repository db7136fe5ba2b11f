#include "discreet/nn/layers/crf.h"

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/crf.h"

namespace discreet::nn {
namespace {

/// For the best path: finite too, so that a sequence that nothing allows still has one.
constexpr double kOutOfReach = 1e9;

struct CrfGradients {
  at::Tensor emissions, transitions, start, end;  // [N,K], [B,K,K], [B,K], [B,K]
};

template <class T>
kernels::Chain<T> chain_of(const CrfWeights& weights) {
  return {weights.start.size(0), weights.transitions.data_ptr<T>(), weights.start.data_ptr<T>(),
          weights.end.data_ptr<T>()};
}

void check_tags(const at::Tensor& tags, std::int64_t count) {
  const auto* values = tags.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < tags.numel(); ++i) {
    if (values[i] < 0 || values[i] >= count) {
      throw internal_error("tag " + std::to_string(values[i]) + " in a random field over " +
                           std::to_string(count) + " tags: it must score every token");
    }
  }
}

/// Losses [B]; gradients too if `gradients` is given. Everything on the host.
at::Tensor losses(const at::Tensor& emissions, const at::Tensor& tags, const CrfWeights& weights,
                  const std::vector<std::int64_t>& offsets, CrfGradients* gradients) {
  const std::int64_t examples = static_cast<std::int64_t>(offsets.size()) - 1;
  const std::int64_t count = weights.start.size(0);
  at::Tensor loss = at::zeros({examples}, emissions.options());
  if (gradients != nullptr) {
    gradients->emissions = at::empty_like(emissions);
    gradients->transitions = at::empty({examples, count, count}, emissions.options());
    gradients->start = at::empty({examples, count}, emissions.options());
    gradients->end = at::empty({examples, count}, emissions.options());
  }
  AT_DISPATCH_FLOATING_TYPES(emissions.scalar_type(), "crf_loss", [&] {
    const kernels::Chain<scalar_t> chain = chain_of<scalar_t>(weights);
    kernels::ChainScratch<scalar_t> scratch;
    kernels::prepare_chain(chain, scratch);
    const auto* scores = emissions.data_ptr<scalar_t>();
    const auto* gold = tags.data_ptr<std::int64_t>();
    for (std::int64_t e = 0; e < examples; ++e) {
      const std::int64_t first = offsets[e], length = offsets[e + 1] - first;
      kernels::ChainGradient<scalar_t> to;
      if (gradients != nullptr) {
        to = {gradients->emissions.data_ptr<scalar_t>() + first * count,
              gradients->transitions.data_ptr<scalar_t>() + e * count * count,
              gradients->start.data_ptr<scalar_t>() + e * count,
              gradients->end.data_ptr<scalar_t>() + e * count};
      }
      if (length == 0) {
        if (gradients != nullptr) {
          std::fill_n(to.transitions, count * count, scalar_t{0});
          std::fill_n(to.start, count, scalar_t{0});
          std::fill_n(to.end, count, scalar_t{0});
        }
        continue;
      }
      loss.data_ptr<scalar_t>()[e] = static_cast<scalar_t>(
          kernels::chain_loss(chain, scores + first * count, gold + first, length, to, scratch) /
          static_cast<double>(length));
    }
  });
  return loss;
}

/// The scores themselves, on the host: their scale is 1.
CrfWeights scores_of(const CrfWeights& weights) {
  const auto score = [&](const at::Tensor& t) {
    const at::Tensor host = t.detach().cpu().contiguous();
    return weights.scale == 1 ? host : host * weights.scale;
  };
  return {score(weights.transitions), score(weights.start), score(weights.end)};
}

/// Lowers the scores of what the rules bar.
void bar(const TagRules& rules, double cost, CrfWeights& scores) {
  if (rules.empty()) return;
  const auto barred = [&](const std::vector<std::uint8_t>& allowed, const at::Tensor& score) {
    const at::Tensor flags = at::empty(score.sizes(), at::kBool);
    std::ranges::transform(allowed, flags.data_ptr<bool>(), [](std::uint8_t may) { return may == 0; });
    return at::where(flags, score - cost, score);
  };
  scores.transitions = barred(rules.follows, scores.transitions);
  scores.start = barred(rules.start, scores.start);
}

}  // namespace

at::Tensor crf_loss(const at::Tensor& emissions, const CrfWeights& weights,
                    const PackedBatch& batch, const TagRules& rules) {
  const UsedParameters params("crf", {weights.transitions, weights.start, weights.end},
                              batch.example_segments);
  const bool keep = params.trainable() || tracks({emissions});
  const at::Device device = emissions.device();
  CrfGradients kept;
  at::Tensor loss;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor tags = batch.tags.cpu();
    check_tags(tags, weights.start.size(0));
    CrfWeights scores = scores_of(weights);
    bar(rules, kBrokenRule, scores);
    loss = losses(emissions.detach().cpu().contiguous(), tags, scores, batch.offsets, keep ? &kept : nullptr);
    loss = loss.to(device);
  }
  if (!keep) return loss;
  return attach(
      loss, {emissions, params.inputs()[0], params.inputs()[1], params.inputs()[2]},
      [params, kept, device, lengths = batch.offsets_tensor.diff(), factor = weights.scale](
          const at::Tensor& grad, const std::vector<bool>& needs) {
        const at::Tensor scale = grad / lengths.clamp_min(1).to(grad.scalar_type());  // [B]
        std::vector<at::Tensor> out(4);
        if (needs[0]) {
          out[0] = kept.emissions.to(device) * scale.repeat_interleave(lengths).unsqueeze(1);
        }
        const bool any = params.recorded() || needs[1] || needs[2] || needs[3];
        if (!any) return out;
        const at::Tensor inner = scale * factor;
        const at::Tensor da = kept.transitions.to(device).mul_(inner.view({-1, 1, 1}));
        const at::Tensor dstart = kept.start.to(device).mul_(inner.unsqueeze(1));
        const at::Tensor dend = kept.end.to(device).mul_(inner.unsqueeze(1));
        if (params.recorded()) {
          params.record({}, {da, dstart, dend});
        } else {
          if (needs[1]) out[1] = da.sum(0);
          if (needs[2]) out[2] = dstart.sum(0);
          if (needs[3]) out[3] = dend.sum(0);
        }
        return out;
      },
      params.recorded());
}

std::vector<std::int64_t> crf_decode(const at::Tensor& emissions, const CrfWeights& weights,
                                     const PackedBatch& batch, const TagRules& rules) {
  const at::NoGradGuard no_grad;
  const at::Tensor scores = emissions.detach().cpu().contiguous();
  CrfWeights host = scores_of(weights);
  bar(rules, kOutOfReach, host);
  std::vector<std::int64_t> best(batch.token_count());
  AT_DISPATCH_FLOATING_TYPES(scores.scalar_type(), "crf_decode", [&] {
    const kernels::Chain<scalar_t> chain = chain_of<scalar_t>(host);
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
      if (length == 0) continue;
      kernels::chain_best(chain, scores.data_ptr<scalar_t>() + first * chain.tags, length,
                          best.data() + first);
    }
  });
  return best;
}

CrfImpl::CrfImpl(std::int64_t tags, double scale) : scale_(scale) {
  transitions = register_parameter("transitions", at::zeros({tags, tags}));
  start = register_parameter("start", at::zeros({tags}));
  end = register_parameter("end", at::zeros({tags}));
}

}  // namespace discreet::nn
