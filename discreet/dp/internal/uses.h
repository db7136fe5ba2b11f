#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "discreet/nn/tape.h"
#include "discreet/nn/torch.h"

// What segment rules have in common: views of tensors, checks of uses, loops over segments.
namespace discreet::dp::internal {

/// A contiguous CPU tensor of float or double as a span.
template <class T>
std::span<const T> view(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}

/// Calls `body` with a value of the tensor's element type. Throws: kInternal if it is neither float32
/// nor float64.
void by_element_type(const at::Tensor& tensor, const std::function<void(float)>& on_float,
                     const std::function<void(double)>& on_double);
template <class Body>
void by_element_type(const at::Tensor& tensor, const Body& body) {
  by_element_type(tensor, [&](float zero) { body(zero); }, [&](double zero) { body(zero); });
}

/// What a use of a kind must hold; the counts of its lists.
struct UseShape {
  std::size_t params, inputs, gradients;
};

/// Contiguous tensors, the stated counts, and segments over the rows of the first gradient (`rows`).
/// Throws: kInternal naming the kind and what is wrong: the layer broke its contract with the rule.
void check_use(nn::Use& use, const UseShape& shape, std::size_t segments);

/// One use with the rows of all of them, segment by segment: the exact meaning of a parameter used
/// several times. Every input and gradient must have one row per segment row.
nn::Use concatenated(std::vector<nn::Use> uses);

/// Calls body(s) for every segment, on several threads if there is enough to do: `cost` is about the
/// number of multiply-adds of the average segment.
void for_segments(std::int64_t segments, std::int64_t cost,
                  const std::function<void(std::int64_t)>& body);

bool any_zero(std::span<const double> factors);

/// For tensors without kernels of our own (nn/device.h): what the rules make of library operations.

/// The factors [S], where and of the type that `like` is.
at::Tensor factors_like(std::span<const double> factors, const at::Tensor& like);
/// Rows of each segment added up in double: [N, w] to [S, w].
at::Tensor segment_sums(const at::Tensor& rows, const nn::Segments& segments);
/// Rows of each segment side by side, [N, w] to [S, L, w] with L the longest; zeros behind shorter ones.
at::Tensor side_by_side(const at::Tensor& rows, const nn::Segments& segments);
/// Adds values [S] of any device to `squared`; later, where a DeferredNorms collects on this thread.
void add_to_squared(const at::Tensor& values, std::span<double> squared);

/// What was added on a device and not yet fetched, so that a pass over many layers waits for the device
/// once. The spans must live until `add_up`.
class DeferredNorms {
 public:
  /// While one lives, `add_to_squared` on this thread collects here.
  class Scope {
   public:
    explicit Scope(DeferredNorms& norms) : before_(std::exchange(active_, &norms)) {}
    ~Scope() { active_ = before_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    DeferredNorms* before_;
  };

  void add_up();
  void forget() { waiting_.clear(); }

 private:
  friend void add_to_squared(const at::Tensor& values, std::span<double> squared);
  static thread_local DeferredNorms* active_;
  std::vector<std::pair<at::Tensor, std::span<double>>> waiting_;
};
/// Squared norms [S], in double, of the tables whose row ids[n] gets gradient row n of its segment.
at::Tensor table_norms(const at::Tensor& ids, const at::Tensor& gradient, const nn::Segments& segments,
                       std::int64_t entries);

/// Rows of `matrix` times the factor of their segment; a factor of 0 gives zeros whatever was there.
at::Tensor scaled_rows(const at::Tensor& matrix, const nn::Segments& segments,
                       std::span<const double> factors);
/// The matrix itself, or a copy with zeros in the rows of the segments whose factor is 0.
at::Tensor without_dropped_rows(const at::Tensor& matrix, const nn::Segments& segments,
                                std::span<const double> factors);
/// sum over rows of factor * row. Shapes: matrix [N, p] without broken rows (see above); returns [p].
at::Tensor weighted_row_sum(const at::Tensor& matrix, const nn::Segments& segments,
                            std::span<const double> factors);

}  // namespace discreet::dp::internal
