#include "discreet/app/settings.h"
#include "discreet/app/tune.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "discreet/app/federated_settings.h"
#include "discreet/app/internal/section.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"

namespace discreet::app {
namespace {

Settings settings_of(const std::string& toml) {
  core::Config config;
  config.add_toml_text(toml, "x.toml");
  return parse_settings(config);
}

/// "message | hint" of the usage error that `toml` must cause.
std::string refusal_of(const std::string& toml) {
  try {
    settings_of(toml);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage) << toml;
    return std::string(e.what()) + " | " + e.hint();
  }
  ADD_FAILURE() << "accepted: " << toml;
  return "";
}

TEST(Settings, NothingGivenIsTheBuiltInCorpusForTenEpochs) {
  const Settings s = settings_of("");
  EXPECT_EQ(s.data.train, "assistant");
  EXPECT_EQ(s.data.dev, "assistant");
  EXPECT_EQ(s.train.epochs, 10);
  EXPECT_FALSE(s.train.steps.has_value());
  EXPECT_FALSE(s.privacy.is_private());
}

TEST(Settings, ALanguageModelIsAGptUnlessToldOtherwise) {
  EXPECT_EQ(settings_of("task='language-model'").model.kind, "gpt");
  EXPECT_EQ(settings_of("").model.kind, "bilstm");
  EXPECT_NO_THROW(settings_of("task='text-classification'\n[data]\ntokenizer='character'"));
}

TEST(Settings, TasksAndPathsChooseTheKind) {
  EXPECT_EQ(settings_of("task='seq2seq'").model.kind, "encoder-decoder");
  EXPECT_EQ(settings_of("task='masked-lm'").model.kind, "transformer");
  EXPECT_EQ(settings_of("task='span-qa'").model.kind, "bilstm");
  const Settings pretrained = settings_of("task='masked-lm'\n[model]\npath='d'");
  EXPECT_EQ(pretrained.model.kind, "pretrained");
  EXPECT_EQ(pretrained.data.tokenizer, "subword");
  EXPECT_EQ(settings_of(core::to_toml(dump_settings(pretrained))).model.path, "d");
}

TEST(Settings, BiasesByDistanceAreOfEncoderDecoders) {
  EXPECT_EQ(settings_of("task='seq2seq'\n[model]\npositions='relative'").model.positions, "relative");
  EXPECT_NE(refusal_of("task='seq2seq'\n[model]\npositions='rotary'").find("relative"), std::string::npos);
  EXPECT_NE(refusal_of("task='language-model'\n[model]\npositions='relative'").find("rotary"),
            std::string::npos);
}

TEST(Settings, AdaptersRatesByLayerAndRecomputedBlocksNeedLayers) {
  const Settings s = settings_of("[model]\npath='d'\nadapter='a'\n[train]\nlayer_decay=0.8\nrecompute=true");
  EXPECT_EQ(s.train.layer_decay, 0.8);
  EXPECT_TRUE(s.train.recompute);
  EXPECT_EQ(s.model.adapter, "a");
  EXPECT_EQ(settings_of("[model]\nkind='transformer'\n[train]\nlayer_decay=0.5").train.layer_decay, 0.5);
  EXPECT_NE(refusal_of("[model]\nkind='bow'\n[train]\nlayer_decay=0.5").find("train.layer_decay"), std::string::npos);
  EXPECT_NE(refusal_of("[model]\nkind='transformer'\n[train]\nrecompute=true").find("train.recompute"),
            std::string::npos);
  EXPECT_NE(refusal_of("[model]\nkind='transformer'\nadapter='a'").find("model.adapter"), std::string::npos);
  EXPECT_NE(refusal_of("[model]\npath='d'\nadapter='a'\nlora_rank=2").find("model.lora_rank"), std::string::npos);
  EXPECT_NE(refusal_of("[train]\nlayer_decay=0").find("layer_decay"), std::string::npos);
}

TEST(Settings, GivenDataIsNotMixedWithTheBuiltInCorpus) {
  const Settings s = settings_of("[data]\ntrain='a.jsonl'");
  EXPECT_EQ(s.data.train, "a.jsonl");
  EXPECT_EQ(s.data.test, "");
  EXPECT_NE(refusal_of("[data]\ntest='a.jsonl'").find("data.train is missing"), std::string::npos);
}

TEST(Settings, TheDumpReadsBackEqual) {
  const Settings s = settings_of(
      "task='tagging'\n[data]\ntrain='t'\ngroup=['g']\nuser='u'\n[model]\nkind='bow'\nhidden=[8,4]\n"
      "[train]\nsteps=7\nlearning_rate=0.1\n[run]\nseed=3");
  const Json dumped = dump_settings(s);
  const Settings again = settings_of(core::to_toml(dumped));
  EXPECT_EQ(dump_settings(again), dumped);
  EXPECT_EQ(again.model.hidden, (std::vector<std::int64_t>{8, 4}));
  EXPECT_EQ(again.train.steps, 7);
  EXPECT_FALSE(again.train.epochs.has_value());
  EXPECT_EQ(again.task, "tagging");
}

TEST(Settings, OneHiddenWidthNeedsNoList) {
  EXPECT_EQ(settings_of("[model]\nhidden=64").model.hidden, (std::vector<std::int64_t>{64}));
  EXPECT_NE(refusal_of("[model]\nhidden=[64, 0]").find("integer or list of integers, [1, 65536]"),
            std::string::npos);
}

TEST(Settings, UnknownKeysAndSectionsNameTheNearest) {
  EXPECT_NE(refusal_of("tsak='tagging'").find("x.toml:1: unknown key 'tsak' | Did you mean 'task'"),
            std::string::npos);
  EXPECT_NE(refusal_of("[trian]\nsteps=1").find("Did you mean 'train'"), std::string::npos);
  EXPECT_NE(refusal_of("[privacy]\nepsilom=1").find("Did you mean 'epsilon'"), std::string::npos);
}

TEST(Settings, ContradictionsAreRefusedWithFileAndLine) {
  const struct {
    const char* toml;
    const char* expected;
  } cases[] = {
      {"[train]\nsteps=1\nepochs=2", "x.toml:2: train.steps and train.epochs are both given"},
      {"[data]\ntrain='t'\n[train]\npatience=2", "x.toml:4: train.patience: early stopping needs"},
      {"[train]\noptimizer='adam-bc'", "x.toml:2: train.optimizer = \"adam-bc\" takes the noise"},
      {"[data]\ntrain='t'\ndev_public=true", "x.toml:3: data.dev_public: there is no data.dev"},
      {"[data]\nencoding='utf-16'", "utf-8, latin-1"},
      {"[model]\nvectors_frozen=true", "x.toml:2: model.vectors_frozen: there are no vectors"},
      {"task='text-classification'\n[model]\nkind='bilstm-crf'", "x.toml:3: model.kind: a CRF"},
      {"task='text-classification'\n[model]\nkind='bilstm-cnn-crf'", "x.toml:3: model.kind: a CRF"},
      {"[model]\nkind='transformer'\nchar_embedding=8", "x.toml:3: model.char_embedding: a transf"},
      {"[model]\nkind='cnn'\nwidths=[3,3]", "x.toml:3: model.widths: expected"},
      {"[model]\nkind='cnn'\nnorm='group'\nnorm_groups=7", "model.norm_groups = 7 does not divide"},
      {"[model]\nkind='bow'\nnorm='layer'", "x.toml:3: model.norm is for a cnn or a transformer"},
      {"[model]\nkind='cnn'\nnorm='rms'", "\"rms\" is not for model.kind = \"cnn\" | Take layer or group."},
      {"[model]\nkind='transformer'\nnorm='group'", "is not for model.kind = \"transformer\" | Take layer"},
      {"[model]\nkind='cnn'\nnorm='batch'", "Take model.norm = \"group\" or \"layer\""},
      {"[model]\nkind='transformer'\nhidden=30\nheads=4", "not a multiple of model.heads = 4"},
      {"[model]\nkind='gpt'\nheads=4\nkv_heads=3", "x.toml:4: model.kv_heads = 3 does not divide"},
      {"[model]\nkind='bow'\nactivation='swiglu'", "x.toml:3: model.activation = \"swiglu\" needs"},
      {"[model]\nlora_targets=['*.qkv']", "model.lora_targets is given, but model.lora_rank is 0"},
      {"task='language-model'\n[model]\nkind='bilstm'", "x.toml:3: model.kind = \"bilstm\": a language"},
      {"[data]\nblock=64", "x.toml:2: data.block needs task = \"language-model\" or \"masked-lm\""},
      {"[data]\ntokenizer='character'", "data.tokenizer = \"character\": slots and answers belong to words"},
      {"[data]\ntokenizer='subword'", "data.tokenizer = \"subword\" needs data.vocabulary or model.path"},
      {"[data]\ntokenizer='subword'\nvocabulary='d'\n[model]\nkind='bilstm-crf'", "a CRF tags words"},
      {"[data]\ntokenizer='subword'\nvocabulary='d'\n[model]\nchar_embedding=8", "vectors and characters"},
      {"[model]\npath='d'\n[data]\ntokenizer='word'", "reads the pieces of its own tokenizer"},
      {"[model]\nkind='bow'\npath='d'", "x.toml:3: model.path is given, but model.kind is \"bow\""},
      {"[model]\nkind='pretrained'", "model.kind = \"pretrained\" needs model.path"},
      {"task='masked-lm'\n[model]\nkind='bow'", "reads both sides of a token"},
      {"task='seq2seq'\n[model]\nkind='gpt'", "needs an encoder and a decoder"},
      {"[model]\nkind='encoder-decoder'", "needs task = \"seq2seq\""},
      {"task='span-qa'\n[model]\nkind='bilstm-crf'", "the ends of an answer"},
      {"task='span-qa'\n[data]\nmax_length=64", "data.stride = 64 leaves windows of 64 tokens no room"},
      {"[data]\nquestion='q'", "data.question needs task = \"span-qa\""},
      {"[data]\ntarget='q'", "data.target needs task = \"seq2seq\""},
      {"[data]\nmask_rate=0.2", "data.mask_rate needs task = \"masked-lm\""},
      {"[privacy]\ngeneric_rule=['*']", "privacy.generic_rule is given, but privacy.mechanism"},
      {"[run]\ndevice='gpu'", "run.device = \"gpu\": expected cpu, cuda"},
      {"[privacy]\nepsilon=8", "x.toml:2: privacy.epsilon is given, but privacy.mechanism"},
      {"[privacy]\nledger='l'", "privacy.ledger is given, but privacy.mechanism is \"none\""},
      {"[privacy]\nmechanism='dp-sgd'\ndelta=1e-5", "none of epsilon and noise_multiplier given"},
      {"[privacy]\nmechanism='dp-sgd'\ndelta=1e-5\nepsilon=1\nnoise_multiplier=1", "both of epsilon"},
      {"[privacy]\nmechanism='dp-sgd'\nepsilon=1", "privacy.delta is missing"},
      {"[privacy]\nmechanism='dp-sgd'\nepsilon=1\ndelta=1e-5\nunit='user'", "needs data.user"},
      {"[train]\ngradient_clip=1\n[privacy]\nmechanism='dp-sgd'\nepsilon=1\ndelta=1e-5",
       "x.toml:2: train.gradient_clip has no meaning in a private run"},
      {"[privacy]\nmechanism='dp-sgd'\nepsilon=1\ndelta=1e-5\nledger='l'\ninsecure_seed=1",
       "cannot be charged to privacy.ledger"},
      {"[privacy]\nmechanism='dp-sgd'\nepsilon=1\ndelta=1e-5\naccountant='no-such'",
       "no accountant is called 'no-such'"},
      {"[privacy]\nmechanism='dp-sgd'\nepsilon=0\ndelta=1e-5", "expected number, > 0"},
      {"[privacy]\nmechanism='dp-sgd'\nepsilon=1\ndelta=1e-5\nftrl_bands=4",
       "x.toml:5: privacy.ftrl_bands has no meaning: privacy.mechanism is \"dp-sgd\""},
      {"[privacy]\nmechanism='dp-ftrl'\nepsilon=1\ndelta=1e-5\nftrl_matrix='tree'\nftrl_bands=4",
       "x.toml:6: privacy.ftrl_bands: a tree has no bands"},
      {"[privacy]\nmechanism='dp-ftrl'\nepsilon=1\ndelta=1e-5\nftrl_matrix='tree'\nftrl_sampling='cyclic-poisson'",
       "needs a banded matrix"},
      {"[privacy]\nmechanism='dp-ftrl'\nepsilon=1\ndelta=1e-5\nclipping='adaptive'",
       "x.toml:5: privacy.clipping: the noise of dp-ftrl is taken back"},
  };
  for (const auto& c : cases) {
    EXPECT_NE(refusal_of(c.toml).find(c.expected), std::string::npos)
        << c.toml << "\ngives: " << refusal_of(c.toml);
  }
}

TEST(Settings, APrivateRunWithBatchNormalisationIsRefusedForPrivacy) {
  try {
    settings_of("[model]\nkind='cnn'\nnorm='batch'\n[privacy]\nmechanism='dp-sgd'\nepsilon=1\ndelta=1e-5");
    ADD_FAILURE() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kPrivacyRefused);
    EXPECT_NE(std::string(e.what()).find("x.toml:3: model.norm"), std::string::npos) << e.what();
    EXPECT_NE(e.hint().find("group"), std::string::npos);
  }
}

TEST(Settings, EveryFieldIsDescribed) {
  std::size_t fields = 0;
  for (const core::Entry* section : core::registry().list("section")) {
    EXPECT_FALSE(section->summary.empty()) << section->name;
    for (const auto& field : section->fields) {
      ++fields;
      EXPECT_GT(field.spec.doc.size(), 10u) << section->name << "." << field.name;
      EXPECT_LE(field.spec.min, field.spec.max) << section->name << "." << field.name;
      if (!field.default_value.is_null()) {
        EXPECT_NO_THROW(core::check_field(field, field.default_value, field.name, "default"))
            << section->name << "." << field.name;
      }
    }
  }
  EXPECT_GT(fields, 60u);
}

TEST(Settings, TheEnvironmentStandsBetweenFilesAndAssignments) {
  setenv("DISCREET_TRAIN_BATCH_SIZE", "128", 1);
  setenv("DISCREET_RUN_SEED", "5", 1);
  const auto config = read_config({}, {"run.seed=6"});
  unsetenv("DISCREET_TRAIN_BATCH_SIZE");
  unsetenv("DISCREET_RUN_SEED");
  const Settings s = parse_settings(config);
  EXPECT_EQ(s.train.batch_size, 128);
  EXPECT_EQ(s.run.seed, 6);
  EXPECT_EQ(config.origin("train.batch_size"), "DISCREET_TRAIN_BATCH_SIZE");
}

const std::string kPrivate = "[privacy]\nepsilon=8\ndelta=1e-5\n";

TEST(Settings, EdpSgdClipsSlotsByLayerUnlessToldOtherwise) {
  const Settings s = settings_of(kPrivate + "mechanism='edp-sgd'");
  EXPECT_EQ(s.privacy.slots, 16);
  EXPECT_EQ(s.privacy.clipping, "per-layer");
  const Settings other = settings_of(kPrivate + "mechanism='edp-sgd'\nslots=4\nclipping='flat'");
  EXPECT_EQ(other.privacy.slots, 4);
  EXPECT_EQ(other.privacy.clipping, "flat");
  const Json dumped = dump_settings(s);
  EXPECT_EQ(dump_settings(settings_of(core::to_toml(dumped))), dumped);
}

TEST(Settings, AutoClipNormsAreGroupWiseQuantiles) {
  for (const std::string mechanism : {"dp-sgd", "edp-sgd"}) {
    const Settings s = settings_of(kPrivate + "mechanism='" + mechanism + "'\nclip_norms='auto'\nclip_norm=0.5");
    EXPECT_EQ(s.privacy.clipping, "group-wise");
    EXPECT_TRUE(s.privacy.clip_norms.empty());
    EXPECT_EQ(s.privacy.clip_norm, 0.5);
    const Json dumped = dump_settings(s);
    EXPECT_EQ(dump_settings(settings_of(core::to_toml(dumped))), dumped);
  }
  EXPECT_NO_THROW(settings_of(kPrivate + "mechanism='dp-sgd'\nclip_norms='auto'\nclipping='group-wise'\nquantile=0.7"));
  EXPECT_NE(refusal_of(kPrivate + "mechanism='dp-sgd'\nclip_norms='auto'\nclipping='per-layer'").find("group-wise"),
            std::string::npos);
  EXPECT_NE(refusal_of(kPrivate + "mechanism='dp-ftrl'\nclip_norms='auto'").find("dp-ftrl"), std::string::npos);
  EXPECT_NE(refusal_of(kPrivate + "mechanism='dp-sgd'\nclip_norms='best'").find("list of numbers"), std::string::npos);
}

TEST(Settings, TheGridOfCandidatesIsEveryCombination) {
  core::Config config;
  config.add_toml_text(kPrivate + "mechanism='dp-sgd'\n[tune]\ngrid=['train.learning_rate=0.1, 0.3', 'privacy.clip_norm=1,2,4']", "test");
  const TuneOptions tune = tune_fields().parse(config);
  const auto candidates = candidates_of(config, tune);
  ASSERT_EQ(candidates.size(), 6U);
  EXPECT_EQ(candidates[0].assignments, (std::vector<std::string>{"train.learning_rate=0.1", "privacy.clip_norm=1"}));
  EXPECT_EQ(candidates[4].settings.train.learning_rate, 0.3);
  EXPECT_EQ(candidates[4].settings.privacy.clip_norm, 2);
  EXPECT_EQ(candidates_of(config, {}).size(), 1U);
  for (const std::string line : {"train.learning_rate", "train.learning_rate=", "train.learning_rate=1,,2", "data.train=a,b",
                                 "run.seed=1,2", "privacy.epsilon=1,2", "privacy.noise_multiplier=1,2", "train.no_such=1"}) {
    EXPECT_THROW(candidates_of(config, {.grid = {line}}), Error) << line;
  }
  EXPECT_THROW(candidates_of(config, {.grid = std::vector<std::string>(10, "train.threads=1,2")}), Error);
}

TEST(Settings, KeysOfOneMechanismAreRefusedInAnother) {
  const auto has = [](const std::string& keys, const std::string& expected) {
    const std::string message = refusal_of(kPrivate + keys);
    EXPECT_NE(message.find(expected), std::string::npos) << message;
  };
  has("mechanism='dp-sgd'\nslots=4", "edp-sgd");
  has("mechanism='dp-sgd'\nnoise_placement='per-worker'", "no workers");
  has("mechanism='dp-sgd'\nnoise_placement='per-layer'", "has no layers");
  has("mechanism='dp-sgd'\nclip_norms=[1,2]", "per-layer");
  has("mechanism='dp-sgd'\nclip_weights='size'", "per-layer");
  has("mechanism='dp-sgd'\nclip_groups='module'", "per-layer");
  has("mechanism='dp-sgd'\nclipping='per-layer'\nclip_norm=2\nclip_norms=[1,2]", "both given");
  has("mechanism='dp-sgd'\nquantile=0.4", "adaptive");
  has("mechanism='dp-sgd'\nclipping='per-layer'\ncount_noise=3", "adaptive");
  has("mechanism='dp-sgd'\nnoise_decay=0.9", "noise_schedule");
  has("mechanism='dp-sgd'\nnoise_schedule='exponential'", "noise_decay");
  has("mechanism='dp-sgd'\nnoise_schedule='linear'\nnoise_decay=0.9\nnoise_every=2", "step");
  EXPECT_NO_THROW(settings_of(kPrivate + "mechanism='dp-sgd'\nclipping='group-wise'\nquantile=0.4\n"
                                         "noise_schedule='step'\nnoise_decay=0.9\nnoise_every=2\n"
                                         "noise_placement='per-layer'"));
}

TEST(Settings, NoTwoPartsOfASectionClaimOneKey) {
  EXPECT_NO_THROW(federated_infos());
  const core::FieldInfo mixing{.name = "mixing"}, other{.name = "other"};
  EXPECT_EQ(one_section("federated", {{mixing}, {other}}).size(), 2u);
  EXPECT_THROW(one_section("federated", {{mixing}, {other, mixing}}), Error);
}

TEST(Settings, ConsecutiveChunksAreRefusedWithTheReason) {
  try {
    settings_of(kPrivate + "mechanism='edp-sgd'\nmicro_batches='chunks'");
    FAIL() << "chunks were accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kPrivacyRefused);
    EXPECT_NE(std::string(e.what()).find("every later chunk"), std::string::npos);
  }
}

}  // namespace
}  // namespace discreet::app
