#pragma once

#include <filesystem>
#include <memory>

#include "discreet/formats/pretrained_config.h"
#include "discreet/formats/weight_folder.h"
#include "discreet/nn/encoder_decoder.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet::nn {

/// A BART or T5 of a folder in the Hugging Face layout, in evaluation mode.
struct PretrainedSequence {
  formats::PretrainedConfig config;
  std::shared_ptr<EncoderDecoder> model;
};

/// Whether a configuration is one of BART or T5 with a decoder.
bool goes_from_text_to_text(const formats::PretrainedConfig& config);

/// What a configuration of BART or T5 asks for. Throws: kBadData naming what is asked for and we lack.
EncoderDecoderOptions sequence_options(const formats::PretrainedConfig& config);

/// The names of the form's parameters, as `load_weights` and adapters take them; its one head is
/// ForConditionalGeneration. Throws: as `sequence_options`.
PretrainedSource sequence_source(const formats::PretrainedConfig& config);

/// Whether the output layer of a folder's weights is its table of tokens: T5's configuration does not say.
/// Of a folder, or of RUN/model of a run whose model came from one.
bool ties_output_layer(const std::filesystem::path& folder, const formats::PretrainedConfig& config);

/// A model of that form with freshly drawn parameters.
std::shared_ptr<EncoderDecoder> make_sequence_model(const std::filesystem::path& folder,
                                                    core::ReproducibleRng& rng);

/// Throws: kBadData as `load_weights` does, for other model_types, and where encoder and decoder have tables of tokens of
/// their own.
PretrainedSequence open_pretrained_sequence(const std::filesystem::path& folder);

/// Copies a folder's weights into a model that `sequence_options` of its configuration made.
void load_sequence_weights(EncoderDecoder& model, const formats::PretrainedConfig& config,
                           const std::filesystem::path& folder);

/// Writes config.json and the weights such that `transformers` loads them; LoRA layers are merged.
void save_pretrained_sequence(const std::filesystem::path& folder, const EncoderDecoder& model,
                              const formats::PretrainedConfig& config,
                              const formats::WeightWriterOptions& options = {});

}  // namespace discreet::nn
