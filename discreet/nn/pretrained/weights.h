#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/formats/weight_folder.h"
#include "discreet/nn/optimizer.h"
#include "discreet/nn/pretrained/architecture.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// What came of loading.
struct LoadedWeights {
  std::vector<std::string> passed_over{};  ///< Tensors of the file that were not asked for.
  /// Those of them that are weights of parts beside this model (a pooler, another head), as the file has them, under
  /// the names that the form's files have today; neither copies nor buffers.
  NamedTensors beside{};
  bool wants_beside = false;  ///< Set before: whether `beside` is filled.
  std::vector<std::string> fresh{};        ///< Parameters of ours that the file lacks.
};

struct LoadWeightsOptions {
  /// Heads (classifier, pooler, output layer) that the file lacks stay as they were drawn.
  bool fresh_heads = false;
  /// Patterns of our parameters that stay as they were drawn whatever the file has.
  std::vector<std::string> keep{};
  bool read_beside = false;  ///< Fill LoadedWeights::beside.
};

/// A parameter of ours and the shape that config.json gives it.
struct ExpectedShape {
  std::string ours;
  std::vector<std::int64_t> shape;
};

/// The matrices of a form's stack: all sizes that memory is taken by.
std::vector<ExpectedShape> stack_shapes(const PretrainedForm& form);

/// Compares shapes with those of a folder's weights, of the Hugging Face layout or of a run, before a model of these sizes
/// is made. With `may_lack_file` nothing is compared where there are none.
/// Throws: kBadData naming a tensor that is missing or of another shape.
void check_shapes(const PretrainedSource& source, const std::vector<ExpectedShape>& expected,
                  const std::filesystem::path& folder, bool may_lack_file = false);

/// Copies a folder's weights into the parameters of a model of kind "pretrained", whose names begin with
/// "encoder.", "intent_head.", "slot_head." and "span_head.". float16 and bfloat16 are widened; files may be sharded;
/// the bare model's prefix may be missing; LayerNorm.gamma and .beta are read as .weight and .bias.
/// Parameters of LoRA are left alone.
/// Throws: kBadData naming a tensor that is missing, unknown, of another shape or not finite; the model is then
/// untouched.
LoadedWeights load_weights(const torch::nn::Module& model, const PretrainedSource& source,
                           const std::filesystem::path& folder, const LoadWeightsOptions& options = {});

/// The parameters of such a model under the names and in the shapes of its form's files; LoRA's update is
/// added to its weight. `head` says which names a head's parameters have. Copies what must be changed,
/// shares the rest.
/// Of the bare model heads are left out. Throws: kUsage for a parameter that the form's files have no
/// name for.
NamedTensors weights_for_file(const torch::nn::Module& model, const PretrainedSource& source,
                              const HeadForm& head);

/// The parameters that a file of the bare model has no place for: those of heads.
NamedTensors weights_of_heads(const torch::nn::Module& model, const PretrainedSource& source);

/// What config.json calls a type of weights.
std::string dtype_word(formats::DType dtype);
/// Writes float32 tensors as one file that `transformers` reads.
void write_weights(const std::filesystem::path& file, const NamedTensors& tensors);
/// Writes them into a folder as formats::write_weights does: rounded and in several files if `options`
/// ask for it.
void write_weight_files(const std::filesystem::path& folder, const NamedTensors& tensors,
                        const formats::WeightWriterOptions& options = {});

}  // namespace discreet::nn
