#!/usr/bin/env python3
"""Writes tests/golden/generation.json: what transformers' generate makes of a model that is one table.

Needs `pip install torch transformers`; made with transformers 5. The model's logits after token i at place p
are row i of a 12 x 12 table times 1 + p / 32, so that the C++ test can hold the same model without any layers
and no two texts are equally likely.
"""
import itertools
import json
import pathlib

import torch
from transformers import GenerationConfig, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

SIZE, END = 12, 2


class TableConfig(PreTrainedConfig):
    model_type = "table"
    num_hidden_layers = 1


class TableModel(PreTrainedModel, GenerationMixin):
    config_class = TableConfig

    def __init__(self, config, table):
        super().__init__(config)
        self.table = torch.nn.Parameter(table)
        self.post_init()

    def prepare_inputs_for_generation(self, input_ids, **_):
        return {"input_ids": input_ids}

    def forward(self, input_ids, **_):
        sharper = 1 + 0.03125 * torch.arange(input_ids.shape[1], dtype=torch.float32)
        return CausalLMOutput(logits=self.table[input_ids] * sharper[None, :, None])


def cases():
    for stopping in (True, False, "never"):
        for penalty in (-1.0, 0.0, 0.5, 1.0, 2.0):
            for beams in (2, 3, 5):
                yield {"num_beams": beams, "length_penalty": penalty, "early_stopping": stopping,
                       "num_return_sequences": 2}
    yield {}
    yield {"repetition_penalty": 1.4}
    yield {"no_repeat_ngram_size": 2}
    yield {"no_repeat_ngram_size": 3, "num_beams": 3}
    yield {"min_length": 9}
    yield {"min_new_tokens": 8, "num_beams": 2}
    yield {"bad_words_ids": [[5], [3, 7], [9, 1, 4]]}
    yield {"bad_words_ids": [[8], [7, 3]], "num_beams": 3}
    yield {"forced_bos_token_id": 6}
    yield {"forced_eos_token_id": END, "min_length": 30}
    yield {"forced_eos_token_id": END, "num_beams": 4}
    yield {"suppress_tokens": [4, 10], "repetition_penalty": 1.2, "num_beams": 3}
    yield {"eos_token_id": [2, 7], "num_beams": 3}
    yield {"eos_token_id": None, "num_beams": 2}


def main():
    torch.manual_seed(7)
    tables, results = [], []
    for number, case in itertools.product(range(4), cases()):
        if number == len(tables):
            table = torch.randn(SIZE, SIZE) * (0.5 + 0.5 * number)
            table[:, END] += 0.7 * (number % 2)  # so that texts end at many lengths
            tables.append(table.round(decimals=3))
        model = TableModel(TableConfig(), tables[number]).eval()
        for prompt in ([1], [4, 9, 1]):
            options = {"eos_token_id": END, "pad_token_id": 0, "max_new_tokens": 10, "do_sample": False,
                       "use_cache": False, **case}
            out = model.generate(torch.tensor([prompt]), generation_config=GenerationConfig(**options))
            rows = []
            marks = options["eos_token_id"]
            marks = [] if marks is None else marks if isinstance(marks, list) else [marks]
            for row in out[:, len(prompt):].tolist():
                end = next((i + 1 for i, token in enumerate(row) if token in marks), len(row))
                rows.append(row[:end])
            results.append({"options": case, "table": number, "prompt": prompt, "ids": rows})
    import transformers
    document = {"made_with": f"transformers {transformers.__version__}", "tables": [table.tolist() for table in tables],
                "max_new_tokens": 10, "end": END, "cases": results}
    path = pathlib.Path(__file__).parents[2] / "tests/golden/generation.json"
    text = json.dumps(document, separators=(",", ":")).replace('{"options"', '\n{"options"')
    path.write_text(text + "\n")


if __name__ == "__main__":
    main()
