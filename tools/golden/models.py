#!/usr/bin/env python3
"""Makes the small random models of tests/golden/models, one folder per form, with transformers.

    python3 tools/golden/models.py [--out tests/golden/models] [--only NAME]

Each folder has config.json and model.safetensors as transformers writes them, io.safetensors (inputs,
mask, labels, logits, loss, hidden states; for causal models the same batch padded on the left) and
expected.json (norm and sum of each parameter's gradient, and ids that are generated greedily and by
three beams). Logits and hidden states hold where the mask is 1. Norms and biases are random too, so
that a part that is left out shows. Needs torch, transformers and safetensors; made on a CPU in
float32. The versions stand in each expected.json.
"""
import argparse
import json
import os
import pathlib
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import torch
import transformers
from safetensors.torch import save_file

VOCABULARY = 50
LENGTHS = (10, 7, 4)
ENCODER = dict(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
               intermediate_size=24, max_position_embeddings=20)
LLAMA = dict(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, intermediate_size=24, max_position_embeddings=32,
             bos_token_id=1, eos_token_id=2)
BART = dict(vocab_size=VOCABULARY, d_model=16, encoder_layers=2, decoder_layers=2,
            encoder_attention_heads=2, decoder_attention_heads=4, encoder_ffn_dim=24,
            decoder_ffn_dim=20, max_position_embeddings=20)
T5 = dict(vocab_size=VOCABULARY, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_decoder_layers=2,
          num_heads=2, relative_attention_num_buckets=8, relative_attention_max_distance=12,
          decoder_start_token_id=0)
LABELS = dict(id2label={0: "no", 1: "maybe", 2: "yes"}, label2id={"no": 0, "maybe": 1, "yes": 2})

# name: (class of the model, configuration)
FORMS = {
    "bert_classification": ("BertForSequenceClassification", dict(ENCODER, **LABELS)),
    "bert_tagging": ("BertForTokenClassification", dict(ENCODER, hidden_act="relu", **LABELS)),
    "bert_spans": ("BertForQuestionAnswering", dict(ENCODER, type_vocab_size=3)),
    "distilbert_classification": ("DistilBertForSequenceClassification", dict(
        vocab_size=VOCABULARY, dim=16, n_layers=2, n_heads=2, hidden_dim=24,
        max_position_embeddings=20, **LABELS)),
    "roberta": ("RobertaForMaskedLM", dict(ENCODER, type_vocab_size=1)),
    "roberta_classification": ("RobertaForSequenceClassification", dict(
        ENCODER, type_vocab_size=1, hidden_act="gelu_new", **LABELS)),
    "electra": ("ElectraForMaskedLM", dict(ENCODER, embedding_size=8)),
    "electra_classification": ("ElectraForSequenceClassification", dict(
        ENCODER, embedding_size=16, **LABELS)),
    "albert": ("AlbertForMaskedLM", dict(ENCODER, embedding_size=8, num_hidden_layers=4,
                                         num_hidden_groups=2, inner_group_num=2)),
    "albert_classification": ("AlbertForSequenceClassification", dict(
        ENCODER, embedding_size=8, **LABELS)),
    "gpt2_untied": ("GPT2LMHeadModel", dict(
        vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_inner=24, n_positions=32,
        tie_word_embeddings=False, scale_attn_by_inverse_layer_idx=True, bos_token_id=1,
        eos_token_id=2)),
    "llama_tied_llama3": ("LlamaForCausalLM", dict(
        LLAMA, tie_word_embeddings=True, rope_parameters={
            "rope_type": "llama3", "rope_theta": 100.0, "factor": 4.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 16})),
    "llama_linear_bias": ("LlamaForCausalLM", dict(
        LLAMA, attention_bias=True, mlp_bias=True, head_dim=6, rope_parameters={
            "rope_type": "linear", "rope_theta": 500.0, "factor": 2.0})),
    "llama_yarn": ("LlamaForCausalLM", dict(
        LLAMA, head_dim=16, rope_parameters={
            "rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "beta_fast": 2.0, "beta_slow": 0.5,
            "original_max_position_embeddings": 8})),
    "llama_yarn_scales": ("LlamaForCausalLM", dict(
        LLAMA, head_dim=16, rope_parameters={
            "rope_type": "yarn", "rope_theta": 100.0, "factor": 2.0, "mscale": 1.4, "mscale_all_dim": 0.6,
            "beta_fast": 2.0, "beta_slow": 0.5, "truncate": False, "original_max_position_embeddings": 16})),
    "llama_dynamic": ("LlamaForCausalLM", dict(
        LLAMA, rope_parameters={"rope_type": "dynamic", "rope_theta": 100.0, "factor": 2.0})),
    "llama_classification": ("LlamaForSequenceClassification", dict(LLAMA, pad_token_id=0, **LABELS)),
    "mistral": ("MistralForCausalLM", dict(LLAMA, sliding_window=None)),
    "bart_scaled": ("BartForConditionalGeneration", dict(
        BART, scale_embedding=True, activation_function="relu", forced_eos_token_id=None)),
    "t5": ("T5ForConditionalGeneration", dict(T5)),
    "t5_gated": ("T5ForConditionalGeneration", dict(
        T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
}


def make_model(architecture, settings):
    model_class = getattr(transformers, architecture)
    model = model_class(model_class.config_class(**settings)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if parameter.dim() > 1:
                parameter.copy_(noise * 0.3)
            elif "norm" in name.lower() and name.endswith("weight") or ".ln_" in name and "weight" in name:
                parameter.copy_(1 + noise * 0.2)
            else:
                parameter.copy_(noise * 0.2)
        # The rows of padding tokens are zero in a model that was trained.
        for module in model.modules():
            if isinstance(module, torch.nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx] = 0
    model.tie_weights()
    if settings.get("tie_word_embeddings") is False and model.get_output_embeddings() is not None:
        # T5's class ties whatever the configuration says, unless the files hold two tables.
        model.get_output_embeddings().weight = torch.nn.Parameter(torch.randn(VOCABULARY, 16) * 0.3)
    return model


def batch(model):
    config = model.config
    pad = config.pad_token_id if config.pad_token_id is not None else 0
    width = max(LENGTHS)
    ids = torch.randint(5, VOCABULARY, (len(LENGTHS), width))
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        mask[row, :length] = 1
    return {"input_ids": torch.where(mask == 1, ids, torch.full_like(ids, pad)), "attention_mask": mask}


def inputs_and_labels(model, architecture):
    config, given = model.config, batch(model)
    labels = {}
    if getattr(config, "type_vocab_size", 0) > 1:
        given["token_type_ids"] = (torch.arange(max(LENGTHS)) >= 3).long().expand_as(given["input_ids"]).contiguous()
    if architecture.endswith("QuestionAnswering"):
        labels = {"start_positions": torch.tensor([1, 2, 3]), "end_positions": torch.tensor([4, 6, 3])}
    elif architecture.endswith("SequenceClassification"):
        labels = {"labels": torch.tensor([2, 0, 1])}
    elif architecture.endswith("TokenClassification"):
        tags = torch.randint(0, 3, given["input_ids"].shape)
        labels = {"labels": torch.where(given["attention_mask"] == 1, tags, torch.full_like(tags, -100))}
    elif config.is_encoder_decoder:
        target = torch.randint(5, VOCABULARY, (len(LENGTHS), 6))
        target[1, 4:] = -100
        labels = {"labels": target}
        shifted = torch.cat([torch.full((len(LENGTHS), 1), config.decoder_start_token_id), target[:, :-1]], 1)
        given["decoder_input_ids"] = torch.where(shifted == -100, torch.full_like(shifted, config.pad_token_id), shifted)
    elif "MaskedLM" in architecture:
        labels = {"labels": torch.where(given["attention_mask"] == 1,
                                        torch.randint(5, VOCABULARY, given["input_ids"].shape),
                                        torch.full_like(given["input_ids"], -100))}
        labels["labels"][:, ::2] = -100
    else:
        labels = {"labels": torch.where(given["attention_mask"] == 1, given["input_ids"],
                                        torch.full_like(given["input_ids"], -100))}
    return given, labels


def outputs_of(model, given, labels):
    result = model(**given, **labels, output_hidden_states=True)
    io = dict(given, **labels, loss=result.loss.detach().reshape(1))
    for name in ("logits", "start_logits", "end_logits"):
        if name in result:
            io[name] = result[name].detach()
    states = {"hidden": getattr(result, "hidden_states", None) or getattr(result, "decoder_hidden_states", None),
              "encoder_hidden": getattr(result, "encoder_hidden_states", None)}
    for prefix, layers in states.items():
        for index, hidden in enumerate(layers or ()):
            io[f"{prefix}_{index}"] = hidden.detach()
    model.zero_grad()
    result.loss.backward()
    return io


def left_padded(model, io):
    """The same rows with their padding in front, positions counted over the mask."""
    ids, mask = torch.zeros_like(io["input_ids"]), torch.zeros_like(io["attention_mask"])
    for row, length in enumerate(LENGTHS):
        ids[row, -length:], mask[row, -length:] = io["input_ids"][row, :length], 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits
    return {"left_input_ids": ids, "left_attention_mask": mask, "left_position_ids": positions, "left_logits": logits}


def generated(model, io):
    config = model.config
    if config.is_encoder_decoder:
        given = {"input_ids": io["input_ids"][:1], "attention_mask": io["attention_mask"][:1]}
    else:
        given = {"input_ids": io["input_ids"][:1, :4], "attention_mask": io["attention_mask"][:1, :4]}
    ids = {"prompt_ids": given["input_ids"][0].tolist()}
    settings = dict(max_new_tokens=10, do_sample=False, pad_token_id=config.pad_token_id or 0)
    for name, extra in (("greedy_ids", {}), ("greedy_repetition_penalty_1.3_ids", {"repetition_penalty": 1.3}),
                        ("beam3_ids", {"num_beams": 3})):
        ids[name] = model.generate(**given, **settings, **extra)[0].tolist()
    return ids


def make(name, out):
    architecture, settings = FORMS[name]
    torch.manual_seed(sum(map(ord, name)))
    model = make_model(architecture, settings)
    given, labels = inputs_and_labels(model, architecture)
    io = outputs_of(model, given, labels)
    expected = {"model": name, "torch": torch.__version__, "transformers": transformers.__version__,
                "loss": round(io["loss"].item(), 6),
                "gradients": {parameter: [round(p.grad.norm().item(), 7), round(p.grad.sum().item(), 7)]
                              for parameter, p in model.named_parameters() if p.grad is not None},
                "gradients_fields": ["norm", "sum"]}
    causal = architecture.endswith(("CausalLM", "LMHeadModel"))
    if causal:
        io.update(left_padded(model, io))
    if causal or architecture.endswith("ConditionalGeneration"):
        expected.update(generated(model, io))
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name == "t5_gated":  # As the files of T5 1.1 spell it.
        config = json.loads((folder / "config.json").read_text())
        config["tie_word_embeddings"] = False
        del config["scale_decoder_outputs"]
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    save_file({key: value.contiguous() for key, value in io.items()}, folder / "io.safetensors")
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{name}: {size} bytes, loss {expected['loss']}")
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "tests/golden/models")
    parser.add_argument("--only", help="one name")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    total = sum(make(name, arguments.out) for name in FORMS if arguments.only in (None, name))
    print(f"{total} bytes in all")


if __name__ == "__main__":
    main()
