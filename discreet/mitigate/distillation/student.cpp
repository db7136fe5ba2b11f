#include "discreet/mitigate/distillation/student.h"

#include <cmath>
#include <map>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/pretrained/model.h"

namespace discreet::mitigate {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kBlock = "encoder.block";

/// What goes along as it is.
constexpr const char* kTokenizerFiles[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                           "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
                                           "spiece.model", "tokenizer.model", "generation_config.json"};

void check_layers(const nn::PretrainedSource& teacher, const std::vector<std::int64_t>& layers) {
  if (layers.empty()) throw usage_error("a student needs a layer", "Name layers of the teacher, or every-second.");
  for (std::size_t i = 0; i < teacher.form.blocks.size(); ++i) {
    if (teacher.form.blocks[i] == static_cast<std::int64_t>(i)) continue;
    throw usage_error("the teacher's layers share weights: a student with fewer is the teacher used less often",
                      "Take a form whose layers have weights of their own.");
  }
  for (const std::int64_t layer : layers) {
    if (layer >= 0 && layer < teacher.config.layers) continue;
    throw usage_error(fmt::format("layer {} of the teacher: it has layers 0 to {}", layer, teacher.config.layers - 1));
  }
}

}  // namespace

std::vector<std::int64_t> every_second(std::int64_t layers) {
  const std::int64_t kept = (layers + 1) / 2;
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < kept; ++i) {
    chosen.push_back(kept == 1 ? 0 : std::llround(static_cast<double>(i * (layers - 1)) / static_cast<double>(kept - 1)));
  }
  return chosen;
}

std::string name_at_teacher(const std::string& name, const std::vector<std::int64_t>& layers) {
  if (!name.starts_with(kBlock)) return name;
  const std::size_t dot = name.find('.', kBlock.size());
  const auto block = static_cast<std::size_t>(std::stoll(name.substr(kBlock.size(), dot - kBlock.size())));
  return fmt::format("{}{}{}", kBlock, layers.at(block), name.substr(dot));
}

void write_student(const fs::path& teacher, const std::vector<std::int64_t>& layers, const fs::path& out, const Json& made_of) {
  const auto model = nn::open_pretrained(teacher);
  check_layers(model->source(), layers);
  nn::PretrainedSource source = model->source();
  source.config.layers = static_cast<std::int64_t>(layers.size());
  source.form = source.architecture.form(source.config);
  core::ReproducibleRng rng(0, "student");
  const auto student = std::make_shared<nn::PretrainedModel>(source, model->head(), rng);
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : nn::model_tensors(*model)) weights.emplace(name, tensor);
  nn::NamedTensors taken;
  for (const auto& [name, tensor] : nn::model_tensors(*student)) taken.emplace_back(name, weights.at(name_at_teacher(name, layers)));
  nn::load_model_tensors(*student, taken, teacher.string());
  core::write_folder_atomically(out, [&](const fs::path& folder) {
    nn::save_pretrained(folder, *student);
    core::write_file_atomically(folder / kStudentNote, made_of.dump(2) + "\n");
    for (const char* name : kTokenizerFiles) {
      if (fs::exists(teacher / name)) fs::copy_file(teacher / name, folder / name);
    }
  });
}

}  // namespace discreet::mitigate
