"""The part of JSON Schema (draft 7) that docs/schemas uses. An unknown keyword is an error, so that no
rule is silently ignored."""
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "docs" / "schemas"
ANNOTATIONS = {"$schema", "$id", "$comment", "title", "description", "default", "examples",
               "definitions"}
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool))
    or (isinstance(v, float) and v.is_integer()),
}
NUMBERS = {
    "minimum": lambda v, limit: v >= limit,
    "maximum": lambda v, limit: v <= limit,
    "exclusiveMinimum": lambda v, limit: v > limit,
    "exclusiveMaximum": lambda v, limit: v < limit,
}
SIZES = {
    "minLength": (str, lambda v, n: len(v) >= n), "maxLength": (str, lambda v, n: len(v) <= n),
    "minItems": (list, lambda v, n: len(v) >= n), "maxItems": (list, lambda v, n: len(v) <= n),
    "minProperties": (dict, lambda v, n: len(v) >= n),
    "maxProperties": (dict, lambda v, n: len(v) <= n),
}


def check(value, schema):
    """What is wrong with `value`, a line each; empty if nothing is."""
    return list(problems(value, schema, schema, "$"))


def shown(value):
    text = json.dumps(value)
    return text if len(text) < 80 else text[:77] + "..."


def equal(a, b):
    """JSON's equality: true is not 1."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def resolve(reference, root):
    """(schema, its root) of `#/definitions/x` or `common.json#/definitions/x`."""
    file, _, pointer = reference.partition("#")
    if file:
        root = json.loads((FOLDER / file).read_text())
    node = root
    for part in pointer.split("/")[1:]:
        node = node[part]
    return node, root


def problems(value, schema, root, at):
    if schema is True:
        return
    if schema is False:
        yield f"{at}: nothing is allowed here, got {shown(value)}"
        return
    if "$ref" in schema:
        target, target_root = resolve(schema["$ref"], root)
        yield from problems(value, target, target_root, at)
        return
    for keyword, rule in schema.items():
        if keyword in ANNOTATIONS:
            continue
        if keyword == "type":
            names = rule if isinstance(rule, list) else [rule]
            if not any(TYPES[name](value) for name in names):
                yield f"{at}: expected {' or '.join(names)}, got {shown(value)}"
        elif keyword == "enum":
            if not any(equal(value, choice) for choice in rule):
                yield f"{at}: expected one of {shown(rule)}, got {shown(value)}"
        elif keyword == "const":
            if not equal(value, rule):
                yield f"{at}: expected {shown(rule)}, got {shown(value)}"
        elif keyword in NUMBERS:
            if TYPES["number"](value) and not NUMBERS[keyword](value, rule):
                yield f"{at}: {keyword} {rule}, got {shown(value)}"
        elif keyword in SIZES:
            kind, test = SIZES[keyword]
            if isinstance(value, kind) and not test(value, rule):
                yield f"{at}: {keyword} {rule}, got {shown(value)}"
        elif keyword == "pattern":
            if isinstance(value, str) and not re.search(rule, value):
                yield f"{at}: expected /{rule}/, got {shown(value)}"
        elif keyword == "items":
            if isinstance(value, list):
                for i, item in enumerate(value):
                    each = rule if not isinstance(rule, list) else rule[i] if i < len(rule) else True
                    yield from problems(item, each, root, f"{at}[{i}]")
        elif keyword == "required":
            if isinstance(value, dict):
                for name in rule:
                    if name not in value:
                        yield f"{at}: '{name}' is missing"
        elif keyword in ("properties", "patternProperties", "additionalProperties"):
            if isinstance(value, dict):
                yield from members(keyword, value, schema, root, at)
        elif keyword in ("anyOf", "oneOf"):
            good = [not list(problems(value, option, root, at)) for option in rule].count(True)
            if good == 0 or (keyword == "oneOf" and good != 1):
                yield f"{at}: {good} of {len(rule)} alternatives of {keyword} fit {shown(value)}"
        elif keyword == "allOf":
            for option in rule:
                yield from problems(value, option, root, at)
        elif keyword == "not":
            if not list(problems(value, rule, root, at)):
                yield f"{at}: {shown(value)} is what 'not' forbids"
        else:
            raise ValueError(f"the schema uses '{keyword}', which this checker does not know")


def members(keyword, value, schema, root, at):
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, member in value.items():
        inside = f"{at}.{name}"
        if keyword == "properties":
            if name in named:
                yield from problems(member, named[name], root, inside)
        elif keyword == "patternProperties":
            for pattern, rule in patterns.items():
                if re.search(pattern, name):
                    yield from problems(member, rule, root, inside)
        elif name not in named and not any(re.search(pattern, name) for pattern in patterns):
            if schema["additionalProperties"] is False:
                yield f"{inside}: no such key is allowed"
            else:
                yield from problems(member, schema["additionalProperties"], root, inside)
