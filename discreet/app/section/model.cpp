#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

const core::Fields<ModelOptions>& model_fields() {
  static const auto fields =
      core::Fields<ModelOptions>("model")
          .add("kind", &ModelOptions::kind,
               {.choices = {"bow", "cnn", "lstm", "bilstm", "bilstm-crf", "bilstm-cnn-crf", "gru",
                            "bigru", "transformer", "gpt", "encoder-decoder", "pretrained"},
                .doc = "Encoder of the words; -cnn reads their characters too, -crf puts a "
                       "conditional random field over the tags. gpt: a causal transformer, for "
                       "language models. encoder-decoder: two transformers, for seq2seq. pretrained: "
                       "the form and the weights of model.path."})
          .add("path", &ModelOptions::path,
               {.doc = "Of kind pretrained: a folder with config.json, model.safetensors and tokenizer "
                       "files, in the layout of the Hugging Face hub. Its training is public knowledge to "
                       "this run's guarantee."})
          .add("embedding", &ModelOptions::embedding,
               {.min = 1, .max = 65536, .unit = "dimensions",
                .doc = "Width of the word vectors; model.vectors, if given, decide it."})
          .add("vectors", &ModelOptions::vectors,
               {.doc = "Word vectors to start from, GloVe or word2vec text, plain or .gz."})
          .add("vectors_frozen", &ModelOptions::vectors_frozen,
               {.doc = "The vectors stay as they are: nothing is spent on them."})
          .add("hidden", &ModelOptions::hidden,
               {.min = 1, .max = 65536, .unit = "dimensions",
                .doc = "bow: width of each hidden layer; lstm, gru: state of each direction; "
                       "cnn: filters of each width; transformer, gpt: width. Empty: the kind's "
                       "default."})
          .add("layers", &ModelOptions::layers,
               {.min = 1, .max = 64, .doc = "Recurrent, convolutional or transformer layers."})
          .add("widths", &ModelOptions::widths,
               {.min = 1, .max = 64, .unit = "tokens",
                .doc = "Of a cnn's filters: the words that one sees at once.",
                .reference = "Kim 2014"})
          .add("norm", &ModelOptions::norm,
               {.choices = {"", "layer", "rms", "group", "batch"},
                .doc = "Of a cnn's layers, before the activation: layer (each row) or group (each "
                       "example's rows in groups of channels); empty: none. Of a transformer's "
                       "layers: layer or rms; empty: layer. batch mixes examples and is refused.",
                .reference = "Ba et al. 2016; Wu and He 2018; Zhang and Sennrich 2019"})
          .add("norm_groups", &ModelOptions::norm_groups,
               {.min = 1, .max = 65536, .doc = "Groups of channels of norm = \"group\"."})
          .add("char_embedding", &ModelOptions::char_embedding,
               {.min = 0, .max = 4096, .unit = "dimensions",
                .doc = "Width of characters' vectors; the model reads each word's characters beside "
                       "its vector. 0: none, and 30 for bilstm-cnn-crf.",
                .reference = "Ma and Hovy 2016, section 2.1"})
          .add("char_filters", &ModelOptions::char_filters,
               {.min = 1, .max = 65536, .unit = "dimensions",
                .doc = "Filters over characters: what they add to a word's row."})
          .add("char_width", &ModelOptions::char_width,
               {.min = 1, .max = 64, .unit = "characters",
                .doc = "Characters that a filter sees at once."})
          .add("heads", &ModelOptions::heads,
               {.min = 1, .max = 256, .doc = "Attention heads of a transformer layer.",
                .reference = "Vaswani et al. 2017, section 3.2.2"})
          .add("kv_heads", &ModelOptions::kv_heads,
               {.min = 0, .max = 256,
                .doc = "Heads of keys and values of a transformer layer, shared by groups of heads; a "
                       "divisor of model.heads. 0: as many.",
                .reference = "Ainslie et al. 2023, GQA"})
          .add("positions", &ModelOptions::positions,
               {.choices = {"learned", "rotary", "relative"},
                .doc = "How a transformer knows where a word stands: a table of model.longest rows, or "
                       "angles by which queries and keys are turned; relative: a learned bias by distance, of "
                       "an encoder-decoder, which has no rotary ones.",
                .reference = "Su et al. 2021 (rotary); Raffel et al. 2020 (relative)"})
          .add("tied", &ModelOptions::tied,
               {.doc = "A language model's embedding is its output layer too.",
                .reference = "Press and Wolf 2017; private: Ding et al. 2024, arXiv 2405.18194"})
          .add("mix_layers", &ModelOptions::mix_layers,
               {.doc = "A transformer's output is a learned mean of all its layers. In a private run "
                       "privacy.generic_rule must name \"encoder.mix.*\".",
                .reference = "Peters et al. 2018, equation 1"})
          .add("start", &ModelOptions::start,
               {.doc = "Run whose model this one starts from: its vocabulary and its parameters, by "
                       "name; what is new (LoRA, heads of another task) is drawn. Its training is no part of this "
                       "run's guarantee."})
          .add("adapter", &ModelOptions::adapter,
               {.doc = "Folder of a LoRA adapter in PEFT's layout (adapter_config.json, "
                       "adapter_model.safetensors) that a pretrained model starts with; it goes on being "
                       "trained, all else but the heads is frozen."})
          .add("lora_rank", &ModelOptions::lora_rank,
               {.min = 0, .max = 4096,
                .doc = "Width of a low-rank update beside linear layers, all else frozen but what "
                       "train.trainable names; 0: none.",
                .reference = "Hu et al. 2021, LoRA"})
          .add("lora_alpha", &ModelOptions::lora_alpha,
               {.min = 0, .above_min = true, .doc = "The update is scaled by this over lora_rank."})
          .add("lora_targets", &ModelOptions::lora_targets,
               {.doc = "Patterns of linear layers that get one, for example \"*.qkv\"; empty: all."})
          .add("feed_forward", &ModelOptions::feed_forward,
               {.min = 0, .max = 262144, .unit = "dimensions",
                .doc = "Inner width of a transformer's feed-forward layer; 0: four times hidden."})
          .add("pre_norm", &ModelOptions::pre_norm,
               {.doc = "A transformer normalises before each block, else after it.",
                .reference = "Xiong et al. 2020, On Layer Normalization in the Transformer"})
          .add("longest", &ModelOptions::longest,
               {.min = 1, .max = 1 << 20, .unit = "tokens",
                .doc = "Positions that a transformer knows; longer examples are refused."})
          .add("pooling", &ModelOptions::pooling,
               {.choices = {"", "mean", "max", "mean-max", "first", "ends"},
                .doc = "How word rows become one row for the intent; empty: the kind's default."})
          .add("activation", &ModelOptions::activation,
               {.choices = {"", "relu", "gelu", "tanh", "gelu-tanh", "swiglu"},
                .doc = "Of hidden layers; empty: the kind's default. gelu-tanh: GPT-2's form; swiglu: "
                       "gated, of transformers alone.",
                .reference = "Shazeer 2020 (swiglu)"})
          .add("context", &ModelOptions::context,
               {.min = 0, .max = 64, .unit = "tokens",
                .doc = "The tagger sees so many neighbours on each side of a word."})
          .add("tag_hidden", &ModelOptions::tag_hidden,
               {.min = 1, .max = 65536, .unit = "dimensions",
                .doc = "Hidden layers of the tagger; empty: none."})
          .add("skip", &ModelOptions::skip,
               {.doc = "The heads also read the bare word vectors, past the encoder; of a pretrained encoder its embedding's rows, "
                       "position and all."})
          .add("skip_context", &ModelOptions::skip_context,
               {.min = 0, .max = 64, .unit = "tokens",
                .doc = "With skip, the tagger reads the bare vectors of so many neighbours on each "
                       "side."})
          .add("context_scale", &ModelOptions::context_scale,
               {.min = 0,
                .doc = "What the tagger reads of neighbours is multiplied by this; below 1 a private run spends less of its clip "
                       "norm, and of its noise, on them."})
          .add("tag_sentence", &ModelOptions::tag_sentence,
               {.doc = "The tagger also reads the pooled row of the whole example."})
          .add("tag_intent", &ModelOptions::tag_intent,
               {.min = 0,
                .doc = "The tagger also reads the probabilities that the classifier gives the intents, times this; 0: it does not. "
                       "Of task intent-slot.",
                .reference = "Goo et al. 2018, Slot-Gated Modeling"})
          .add("tag_layer", &ModelOptions::tag_layer,
               {.min = 0, .max = 1024, .unit = "layers",
                .doc = "The tagger reads a pretrained encoder's rows behind so many of its layers; 0: behind the last one.",
                .reference = "Tenney et al. 2019, BERT Rediscovers the Classical NLP Pipeline"})
          .add("tag_parts", &ModelOptions::tag_parts,
               {.doc = "A tag's score is the sum of its own, of its letter's (B or I) and of its type's: rare tags learn from "
                       "others, without a cost in privacy."})
          .add("random_field", &ModelOptions::random_field,
               {.doc = "Tags by a linear-chain conditional random field, whatever the kind; kinds named -crf do it anyway.",
                .reference = "Lafferty et al. 2001"})
          .add("random_field_scale", &ModelOptions::random_field_scale,
               {.min = 0, .above_min = true,
                .doc = "The field's scores are its parameters times this: above 1 they move faster at the same learning rate and "
                       "weigh more in an example's gradient."})
          .add("random_field_rules", &ModelOptions::random_field_rules,
               {.doc = "The field's loss knows the rules of BIO (I-x stands behind B-x or I-x), which its best paths keep in any "
                       "case: what the names of the tags tell need not be learnt.",
                .reference = "Papay et al. 2022, Constraining Linear-chain CRFs to Regular Languages"})
          .add("norm_inputs", &ModelOptions::norm_inputs,
               {.doc = "Layer normalisation on what the heads take in.",
                .reference = "Ba et al. 2016, Layer Normalization"})
          .add("dropout", &ModelOptions::dropout,
               {.min = 0, .max = 1, .below_max = true, .unit = "share",
                .doc = "On vectors, between layers and before the heads.",
                .reference = "Srivastava et al. 2014"})
          .add("word_dropout", &ModelOptions::word_dropout,
               {.min = 0, .max = 1, .below_max = true, .unit = "share of tokens",
                .doc = "Tokens whose vector is hidden in training."})
          .add("slot_weight", &ModelOptions::slot_weight,
               {.min = 0, .doc = "The loss is the intent's plus so many times the slots'."});
  return fields;
}

}  // namespace app

void register_section_model(core::Registry& registry) {
  app::add_section(registry, "model", "What is trained.", app::model_fields().info());
}

}  // namespace discreet
